"""Speaker segmentation of overlapping windows, with the first layer of the network computed once for all windows.

pyannote's segmentation (PyanNet) begins with SincNet (Ravanelli and Bengio 2018): the window is normalised, filtered by 80
band-passes, rectified and max-pooled. The windows overlap by 90 %, so the filters, a third of the network's work, would process
the same audio ten times. Filtering is linear and the normalisation affine, so filtered audio can be normalised afterwards:
filters(a x + c) = a filters(x) + c sum(filters). The maximum of the absolute values is that of the two extremes.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pyannote.audio import Inference
from pyannote.audio.models.segmentation import PyanNet
from torch import Tensor

from pipeline.types import SAMPLE_RATE, Samples

AT_ONCE = {"cpu": 16, "cuda": 64}
"""Windows in a forward pass; the filters make 13 MB of the audio of 16."""
POOL = 3
"""Outputs of the filters that SincNet takes the maximum of."""


class SharedSegmentation:
    """pyannote's segmentation of overlapping windows, as its pipeline has loaded it.

    Raises:
        ValueError: The network is not the one that this module supports.
    """

    def __init__(self, inference: Inference, device: torch.device) -> None:
        model: Any = inference.model
        known = isinstance(inference.model, PyanNet) and model.hparams.lstm["monolithic"] and model.specifications.powerset
        if not known:
            raise ValueError(f"The segmentation is a {type(model).__name__}; a PyanNet with powerset classes is needed.")
        self.window, self.step = round(inference.duration * SAMPLE_RATE), round(inference.step * SAMPLE_RATE)
        self._model = model.eval()
        self._sincnet = model.sincnet
        self._conversion = inference.conversion
        self._device = device
        # Not in bfloat16 on a CPU, as the trunk is: it moved boundaries, and made three speakers of an interview's two.
        # On a GPU float16 moves next to nothing.
        self._dtype = torch.float16 if device.type == "cuda" else torch.float32
        self._lstm = deepcopy(model.lstm).to(device, self._dtype)  # half of what is left of the work

    @torch.inference_mode()
    def __call__(self, audio: Samples, progress: Callable[[int], None]) -> NDArray[np.uint8]:
        """The active speakers in every frame of every window.

        Args:
            audio: The audio of the windows; the first begins at its beginning, the last is padded with silence.
            progress: Called with the number of windows that are done.

        Returns:
            0 or 1, shape (windows, frames, speakers).
        """
        count = 1 + max(0, -(-(len(audio) - self.window) // self.step))
        waveform = F.pad(torch.from_numpy(audio), (0, (count - 1) * self.step + self.window - len(audio)))
        at_once = AT_ONCE[self._device.type]
        found = []
        for first in range(0, count, at_once):
            windows = min(at_once, count - first)
            stretch = waveform[first * self.step :][: (windows - 1) * self.step + self.window].to(self._device)
            found.append(self._conversion(self._classify(stretch)).to(torch.uint8).cpu())
            progress(first + windows)
        return torch.cat(found).numpy()

    def _classify(self, stretch: Tensor) -> Tensor:
        """PyanNet's output for each window of `stretch`, shape (windows, frames, classes)."""
        sincnet = self._sincnet
        hidden = F.leaky_relu(sincnet.norm1d[0](self._filter(stretch)))
        for layer in (1, 2):
            hidden = F.leaky_relu(sincnet.norm1d[layer](sincnet.pool1d[layer](sincnet.conv1d[layer](hidden))))
        hidden = self._lstm(hidden.transpose(1, 2).to(self._dtype))[0].float()
        for linear in self._model.linear:
            hidden = F.leaky_relu(linear(hidden))
        classes: Tensor = self._model.activation(self._model.classifier(hidden))
        return classes

    def _filter(self, stretch: Tensor) -> Tensor:
        """SincNet's normalisation, filters, rectification and pooling, shape (windows, filters, frames)."""
        norm, stride = self._sincnet.wav_norm1d, self._sincnet.stride
        windows = stretch.unfold(0, self.window, self.step)
        variance, mean = torch.var_mean(windows, dim=1, correction=0)
        scale = norm.weight * torch.rsqrt(variance + norm.eps)
        offset = norm.bias - mean * scale
        filters = self._sincnet.conv1d[0].get_filters()  # (filters, 1, taps)
        response = F.conv1d(stretch[None, None], filters, stride=stride)[0]
        # Pooled in every phase: a window may begin at any of them.
        highest, lowest = F.max_pool1d(response, POOL, stride=1), -F.max_pool1d(-response, POOL, stride=1)
        frames = ((self.window - filters.shape[-1]) // stride + 1) // POOL
        taps = filters.sum(dim=-1)  # (filters, 1)
        pooled = []
        for i in range(len(windows)):
            begin = i * self.step // stride
            own = slice(begin, begin + POOL * (frames - 1) + 1, POOL)
            high, low = (torch.addcmul(offset[i] * taps, scale[i], extreme[:, own]).abs_() for extreme in (highest, lowest))
            pooled.append(torch.maximum(high, low))
        return torch.stack(pooled)
