"""A voice as a vector: pyannote's speaker embedding networks."""

import warnings
from pathlib import Path
from typing import cast

import engines._pyannote  # noqa: F401  # before anything of pyannote.audio
import numpy as np
import torch
from pyannote.audio import Model

from pipeline.types import SAMPLE_RATE, Samples, Vector

SHORTEST = round(0.5 * SAMPLE_RATE)
"""Samples. Under half a second there is nothing to know a voice by; clients of the reference system know this limit too."""


class SpeakerEmbedding:
    """A loaded speaker embedding network.

    Args:
        path: Directory of a pyannote.audio checkpoint.
        device: `cpu` or `cuda`.
        threads: Threads of torch in this process, on a CPU.
    """

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 1) -> None:
        torch.set_num_threads(threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions of lightning that wrote the checkpoint
            model = Model.from_pretrained(path)
        if model is None:
            raise ValueError(f"{path} does not hold a model of pyannote.audio.")
        self._model = model.eval().to(torch.device(device))

    @property
    def dimension(self) -> int:
        return int(cast(int, self._model.dimension))

    @torch.inference_mode()
    def embed(self, audio: Samples) -> Vector:
        """The voice that speaks in `audio`, L2-normalised, shape (dimension,).

        Raises:
            ValueError: Where `audio` is shorter than half a second.
        """
        if len(audio) < SHORTEST:
            raise ValueError(
                f"{len(audio) / SAMPLE_RATE:.2f} s of speech are too little to know a voice by; give at least 0.5 s."
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an array out of Ray's object store is read-only; nothing here writes
            waveform = torch.from_numpy(audio)
        embedding = self._model(waveform[None, None].to(self._model.device))[0].float().cpu().numpy()
        return np.asarray(embedding / max(float(np.linalg.norm(embedding)), 1e-12), dtype=np.float32)
