"""Speaker embeddings of every (window, speaker) of a recording, for the price of one pass of the network.

pyannote's diarization slides a window of 10 s by 1 s and runs the whole embedding network again for each speaker in each
window. Only the statistics pooling at its end depends on the speaker; the frame-level trunk before it sees the same audio ten
times over. Here the trunk runs once, block after block, and each (window, speaker) is pooled from the shared frames. Windows
share their frames only nearly, which two margins answer for: the filterbank's mean is taken over the 10 s around a frame, not
over the window, and each block is heard with `MARGIN` more on both sides, so that its borders are not the network's.
"""

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.core import SlidingWindow
from torch import Tensor

from pipeline.types import SAMPLE_RATE, Samples

FBANK_RATE = 100
"""Filterbank frames per second."""
STRIDE = 8
"""Filterbank frames per frame of the trunk: three of its stages halve the time axis."""
BLOCK = 24.0
"""Seconds of frames made in one go; a whole number of trunk frames. Less would cost time, for the margins; more, memory."""
MARGIN = 4.0
"""Seconds heard around a block. More changed no answer on 15 recordings; the trunk's receptive field is about as wide."""
CENTERING = 1001
"""Filterbank frames that the mean is taken over: the 10 s of pyannote's window."""
POOLED_AT_ONCE = 8
"""Windows pooled together; a window's frames are 1.3 MB."""


@torch.inference_mode()
def embed_windows(
    model: BaseWeSpeakerResNet,
    audio: Samples,
    masks: np.ndarray,
    windows: SlidingWindow,
    progress: Callable[[int, int], None],
) -> np.ndarray:
    """Embed each speaker of each window.

    Args:
        model: The network, in evaluation mode.
        audio: The whole recording.
        masks: Which frames of which window to pool for whom, shape (windows, speakers, frames), 0 to 1. A speaker whose mask is
            zero everywhere is not embedded.
        windows: Where the windows lie.
        progress: Called with windows done and windows in all.

    Returns:
        Shape (windows, speakers, dimension); NaN for speakers that were not embedded.
    """
    count, speakers, _ = masks.shape
    embeddings = np.full((count, speakers, model.dimension), np.nan, dtype=np.float32)
    per_window = round(windows.duration * FBANK_RATE / STRIDE)
    per_block = round(BLOCK * FBANK_RATE / STRIDE)
    starts = [round(windows[i].start * FBANK_RATE / STRIDE) for i in range(count)]
    frames, first, done = None, 0, 0  # `frames` begin at trunk frame `first`
    for block in range(math.ceil(len(audio) / SAMPLE_RATE / BLOCK)):
        fresh = _trunk(model, audio, block * BLOCK)
        frames = fresh if frames is None else torch.cat([frames, fresh], dim=-1)
        known = first + frames.shape[-1]
        final = (block + 1) * per_block * STRIDE / FBANK_RATE * SAMPLE_RATE >= len(audio)
        while done < count and (final or starts[done] + per_window <= known):
            batch = [i for i in range(done, min(done + POOLED_AT_ONCE, count)) if final or starts[i] + per_window <= known]
            _pool(
                model,
                frames,
                [starts[i] - first for i in batch],
                per_window,
                masks[batch],
                embeddings[batch[0] : batch[-1] + 1],
            )
            done = batch[-1] + 1
            progress(done, count)
        if done < count:
            frames, first = frames[..., starts[done] - first :].clone(), starts[done]
    return embeddings


def _trunk(model: BaseWeSpeakerResNet, audio: Samples, start: float) -> Tensor:
    """Frames of the block that begins at `start`, shape (channels, bands, frames)."""
    around = MARGIN + CENTERING / FBANK_RATE / 2 + 0.025  # what the mean of the outermost frame needs
    lead = min(start, math.ceil(around))
    begin, end = round((start - lead) * SAMPLE_RATE), round((start + BLOCK + math.ceil(around)) * SAMPLE_RATE)
    waveform = torch.from_numpy(audio[begin:end]).to(model.device)
    minimum = round(0.025 * SAMPLE_RATE)
    if len(waveform) < minimum:  # less than one filterbank frame
        waveform = F.pad(waveform, (0, minimum - len(waveform)))
    fbank = model._fbank((waveform * (1 << 15))[None])
    fbank = fbank - _running_mean(fbank)
    skip = max(0, round((lead - MARGIN) * FBANK_RATE))
    fbank = fbank[skip : skip + round((min(lead, MARGIN) + BLOCK + MARGIN) * FBANK_RATE)]
    frames: Tensor = cast(Any, model.resnet).forward_frames(fbank[None])[0]
    left = round(min(lead, MARGIN) * FBANK_RATE / STRIDE)
    return frames[..., left : left + round(BLOCK * FBANK_RATE / STRIDE)]


def _running_mean(fbank: Tensor) -> Tensor:
    if len(fbank) <= CENTERING:
        return fbank.mean(dim=0, keepdim=True)
    mean = F.avg_pool1d(fbank.T[None], CENTERING, stride=1, padding=CENTERING // 2, count_include_pad=False)
    return mean[0].T


def _pool(
    model: BaseWeSpeakerResNet, frames: Tensor, starts: list[int], length: int, masks: np.ndarray, out: np.ndarray
) -> None:
    """Pool the windows that begin at `starts` into `out`, shape (windows, speakers, dimension)."""
    missing = max(0, starts[-1] + length - frames.shape[-1])  # the last windows reach beyond the recording
    weights = torch.from_numpy(masks).to(frames.device)
    if missing:
        frames = F.pad(frames, (0, missing))
        present = [max(1, min(length, frames.shape[-1] - missing - start)) for start in starts]
        for i, kept in enumerate(present):
            weights[i, :, math.ceil(weights.shape[-1] * kept / length) :] = 0.0
    stack = torch.stack([frames[..., start : start + length] for start in starts])
    embedded = model.forward_embedding(stack, weights=weights).float().cpu().numpy()
    spoken = masks.sum(axis=2) > 0
    out[spoken] = embedded[spoken]
