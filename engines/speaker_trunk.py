"""The speaker embedding network in two parts: a trunk that runs once over the audio, and a pooling for each speaker.

pyannote runs the whole network again for each speaker in each of its overlapping windows. Only the statistics pooling at its
end depends on the speaker; the trunk before it sees the same audio tens of times over. Here the trunk makes frames of 80 ms
once, from which any number of (stretch, speaker) pairs are pooled. Such frames are nearly those that the network would make of
each stretch by itself: the filterbank's mean is taken over the 10 s around a frame, and its neighbours contribute as far as the
trunk's convolutions reach.
"""

import math
from copy import deepcopy
from typing import Any, cast

import torch
import torch.nn.functional as F
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engines.precision import fastest
from pipeline.types import SAMPLE_RATE, Samples

FBANK_RATE = 100
"""Filterbank frames per second."""
FBANK_WINDOW = 400
"""Samples that a filterbank frame is made of: 25 ms."""
STRIDE = 8
"""Filterbank frames per frame of the trunk: three of its stages halve the time axis."""
RATE = FBANK_RATE / STRIDE
"""Frames of the trunk per second."""
REACH = 15
"""Frames of the trunk on either side that its convolutions reach, rounded up: 33 of them, 112 filterbank frames."""
BLOCK = 600
"""Frames of the trunk (48 s) that are made in one go. Less would cost time, for the reach; more, memory."""
CENTERING = 500
"""Filterbank frames on either side that the mean is taken over: together the 10 s of pyannote's window."""


class SpeakerTrunk:
    """A network of pyannote's WeSpeaker family, in evaluation mode."""

    def __init__(self, model: BaseWeSpeakerResNet, device: torch.device) -> None:
        self.model = model
        self.device = device
        self.dtype = fastest(device)
        self.dimension = int(cast(Any, model).dimension)
        resnet: Any = _fused(cast(Any, model).resnet)
        self._resnet = resnet.to(device, self.dtype, memory_format=torch.channels_last)

    @torch.inference_mode()
    def frames(self, audio: Samples, wanted: Tensor, first: int = 0) -> Tensor:
        """The trunk's frames of a recording from frame `first` on.

        Args:
            audio: The whole recording.
            wanted: Which frames are needed, booleans of shape (frames,); silence can be left out.
            first: The frame that `wanted` begins with.

        Returns:
            Shape (channels, bands, frames); zero where no frame is wanted or the recording has ended.
        """
        size = len(wanted)
        result: Tensor | None = None
        # Audio within the reach of a wanted frame is processed in any case, so its frames are kept.
        heard = F.max_pool1d(wanted[None, None].float(), 2 * REACH + 1, stride=1, padding=REACH)[0, 0] > 0
        there = min(size, math.ceil(_fbank_frames(len(audio)) / STRIDE) - first)
        for begin, end in _runs(heard.tolist()):
            for start in range(begin, min(end, there), BLOCK):
                stop = min(start + BLOCK, end, there)
                made = self._block(audio, first + start, first + stop)
                if result is None:
                    result = made.new_zeros(*made.shape[:2], size)
                result[..., start:stop] = made
        if result is None:
            return torch.zeros(1, 1, size, device=self.device)  # there is nothing to pool
        return result

    def _block(self, audio: Samples, start: int, stop: int) -> Tensor:
        """Frames `start` to `stop`, shape (channels, bands, stop - start)."""
        begin = max(0, start - REACH) * STRIDE  # in filterbank frames
        end = min((stop + REACH) * STRIDE, _fbank_frames(len(audio)))
        fbank = self._centered_fbank(audio, begin, end)
        hidden: Tensor = self._resnet.forward_frames(fbank[None].to(self.dtype))[0]
        skipped = start - begin // STRIDE
        return hidden[..., skipped : skipped + stop - start]

    def _centered_fbank(self, audio: Samples, begin: int, end: int) -> Tensor:
        """Filterbank frames `begin` to `end` less the mean of those around each, shape (frames, bands)."""
        low, high = max(0, begin - CENTERING), min(end + CENTERING, _fbank_frames(len(audio)))
        hop = SAMPLE_RATE // FBANK_RATE
        waveform = torch.from_numpy(audio[low * hop : (high - 1) * hop + FBANK_WINDOW]).to(self.device)
        if len(waveform) < FBANK_WINDOW:
            waveform = F.pad(waveform, (0, FBANK_WINDOW - len(waveform)))
        fbank: Tensor = cast(Any, self.model)._fbank((waveform * (1 << 15))[None])
        sums = F.pad(fbank.double().cumsum(dim=0), (0, 0, 1, 0))
        at = torch.arange(begin - low, end - low, device=self.device)
        after, before = (at + CENTERING + 1).clamp(max=len(fbank)), (at - CENTERING).clamp(min=0)
        mean = (sums[after] - sums[before]) / (after - before)[:, None]
        return fbank[begin - low : end - low] - mean.to(fbank.dtype)

    @torch.inference_mode()
    def pool(self, frames: Tensor, weights: Tensor) -> Tensor:
        """One embedding for each row of weights.

        Args:
            frames: Shape (stretches, channels, bands, frames).
            weights: How much of each frame is the speaker's, shape (stretches, speakers, any number of frames).

        Returns:
            Shape (stretches, speakers, dimension), float32, not normalised.
        """
        embedded: Tensor = cast(Any, self.model).forward_embedding(frames.float(), weights=weights.to(self.device))
        return embedded.float().cpu()


def _fbank_frames(samples: int) -> int:
    return 1 + max(0, samples - FBANK_WINDOW) // (SAMPLE_RATE // FBANK_RATE)


def _runs(flags: list[bool]) -> list[tuple[int, int]]:
    """Where `flags` are true without a break: (begin, end) of each run."""
    edges = [i for i in range(len(flags) + 1) if (i < len(flags) and flags[i]) != (i > 0 and flags[i - 1])]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _fused(resnet: nn.Module) -> nn.Module:
    """A copy in which each batch normalisation is fused into the convolution before it."""
    resnet = deepcopy(resnet)
    for module in list(resnet.modules()):
        for number in (1, 2, 3):
            conv, norm = getattr(module, f"conv{number}", None), getattr(module, f"bn{number}", None)
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, f"conv{number}", fuse_conv_bn_eval(conv, norm))
                setattr(module, f"bn{number}", nn.Identity())
        match getattr(module, "shortcut", None):
            case nn.Sequential() as shortcut if len(shortcut) == 2:
                module.shortcut = nn.Sequential(fuse_conv_bn_eval(*shortcut))
    return resnet
