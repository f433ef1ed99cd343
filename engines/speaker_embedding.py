"""Speaker embeddings with pyannote.audio's networks."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import engines._pyannote  # noqa: F401  # before anything of pyannote.audio
import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Model
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet

from engines.speaker_trunk import RATE, SpeakerTrunk
from pipeline.types import SAMPLE_RATE, Samples, Span, Vector, cut

SHORTEST = round(0.5 * SAMPLE_RATE)
"""Samples: half a second. Less does not identify a speaker; clients of the reference system rely on this limit."""


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
        self._trunk = SpeakerTrunk(model, torch.device(device)) if isinstance(model, BaseWeSpeakerResNet) else None

    @property
    def dimension(self) -> int:
        return int(cast(int, self._model.dimension))

    @torch.inference_mode()
    def embed(self, audio: Samples) -> Vector:
        """The embedding of the speaker of `audio`, L2-normalised, shape (dimension,).

        Raises:
            ValueError: Where `audio` is shorter than half a second.
        """
        if len(audio) < SHORTEST:
            raise ValueError(
                f"{len(audio) / SAMPLE_RATE:.2f} s of speech are too little to know a voice by; give at least 0.5 s."
            )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # arrays of Ray's object store are read-only; they are not written here
            waveform = torch.from_numpy(audio)
        return _unit(self._model(waveform[None, None].to(self._model.device))[0].float().cpu().numpy())

    @torch.inference_mode()
    def embed_each(self, audio: Samples, spans: Sequence[Span]) -> list[Vector | None]:
        """The embedding of each of `spans`, which are in order of time and may overlap; None for a span under half a second.

        A network with a trunk runs it once for all spans, so the cost is that of `embed` for their union. The trunk then also
        sees the audio around a span; for spans of three seconds and more the vector is nearly the same.
        """
        long_enough = [round(span.duration * SAMPLE_RATE) >= SHORTEST and len(cut(audio, span)) >= SHORTEST for span in spans]
        if self._trunk is None:
            return [self.embed(cut(audio, span)) if enough else None for span, enough in zip(spans, long_enough, strict=True)]
        edges = [(round(span.start * RATE), round(span.end * RATE)) for span in spans]
        chosen = [edge for edge, enough in zip(edges, long_enough, strict=True) if enough]
        if not chosen:
            return [None] * len(spans)
        first = min(start for start, _ in chosen)
        wanted = torch.zeros(max(end for _, end in chosen) - first, dtype=torch.bool)
        for start, end in chosen:
            wanted[start - first : end - first] = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            frames = self._trunk.frames(audio, wanted, first)
        return [
            self._pooled(frames[..., start - first : end - first]) if enough else None
            for (start, end), enough in zip(edges, long_enough, strict=True)
        ]

    def _pooled(self, frames: torch.Tensor) -> Vector:
        assert self._trunk is not None
        return _unit(self._trunk.pool(frames[None], torch.ones(1, 1, frames.shape[-1]))[0, 0].numpy())


def _unit(embedding: NDArray[np.float32]) -> Vector:
    return np.asarray(embedding / max(float(np.linalg.norm(embedding)), 1e-12), dtype=np.float32)
