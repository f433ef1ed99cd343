"""Who speaks when: pyannote.audio's community-1 pipeline, with the embedding network shared between its windows."""

import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import engines._pyannote  # noqa: F401  # before anything of pyannote.audio
import numpy as np
import torch
from pyannote.audio import Pipeline
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.core import Annotation, SlidingWindowFeature

from engines.shared_trunk import embed_windows
from pipeline.types import NO_HINT, SAMPLE_RATE, Diarization, Samples, SpeakerHint, Turn

Progress = Callable[[float], None]

SEGMENTED_AT_ONCE = 4
"""Windows in a forward pass of the segmentation network on a CPU; its first layer makes 5 MB of each, and more gain nothing."""

SHARE = {"segmentation": (0.0, 0.4), "embeddings": (0.4, 0.95)}
"""Which part of the whole each step is, for progress; measured on a CPU."""


class SharedTrunkDiarization(SpeakerDiarization):
    """pyannote's pipeline, in which the embeddings of all windows come from one pass of the network."""

    def get_embeddings(
        self,
        file: Mapping[str, Any],
        binary_segmentations: SlidingWindowFeature,
        exclude_overlap: bool = False,
        hook: Callable[..., None] | None = None,
    ) -> np.ndarray:
        """As pyannote's: shape (windows, speakers, dimension), but NaN for speakers that are silent in their window."""
        model = self._embedding.model_
        if not isinstance(model, BaseWeSpeakerResNet):
            return super().get_embeddings(file, binary_segmentations, exclude_overlap, hook)  # type: ignore[no-any-return]
        windows = binary_segmentations.sliding_window
        spoken = np.nan_to_num(binary_segmentations.data, nan=0.0).astype(np.float32).transpose(0, 2, 1)
        if exclude_overlap:
            # As pyannote does: overlapped speech is left out, except where too little would remain to hear a voice by.
            alone = spoken * (spoken.sum(axis=1, keepdims=True) < 2)
            least = math.ceil(spoken.shape[2] * self._embedding.min_num_samples / (windows.duration * SAMPLE_RATE))
            spoken = np.where(alone.sum(axis=2, keepdims=True) > least, alone, spoken)

        def progress(done: int, count: int) -> None:
            if hook is not None:
                hook("embeddings", None, total=count, completed=done)

        return embed_windows(model, file["waveform"][0].numpy(), spoken, windows, progress)


class PyannoteDiarization:
    """A loaded diarization pipeline.

    Args:
        path: Directory of a pyannote.audio 4 pipeline.
        device: `cpu` or `cuda`.
        threads: Threads of torch in this process, on a CPU.
    """

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 1) -> None:
        torch.set_num_threads(threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions of lightning that wrote the checkpoint; torchcodec, which is not used
            pipeline = Pipeline.from_pretrained(path)
        if not isinstance(pipeline, SpeakerDiarization):
            raise ValueError(f"{path} does not hold a speaker diarization pipeline of pyannote.audio.")
        pipeline.__class__ = SharedTrunkDiarization  # same state, one method more
        if device == "cpu":
            pipeline.segmentation_batch_size = SEGMENTED_AT_ONCE
        self._pipeline = pipeline.to(torch.device(device))

    def diarize(self, audio: Samples, hint: SpeakerHint = NO_HINT, progress: Progress = lambda _fraction: None) -> Diarization:
        """Who speaks when in a whole recording; `progress` is called with the fraction done, from this thread."""

        def hook(
            step: str, _artefact: object, *, file: object = None, total: int | None = None, completed: int | None = None
        ) -> None:
            if total and completed is not None and step in SHARE:
                begin, end = SHARE[step]
                progress(begin + (end - begin) * completed / total)

        with warnings.catch_warnings(), torch.inference_mode():
            # An array out of Ray's object store is read-only, which torch warns of and nothing here writes to; and a file too
            # short for the number of speakers that was asked for is no fault of the program's.
            warnings.simplefilter("ignore", UserWarning)
            waveform = torch.from_numpy(audio)[None]
            found: Any = self._pipeline(
                {"waveform": waveform, "sample_rate": SAMPLE_RATE, "uri": "recording"},
                num_speakers=hint.num_speakers,
                min_speakers=hint.min_speakers,
                max_speakers=hint.max_speakers,
                hook=hook,
            )
        return Diarization(_turns(found.speaker_diarization), _turns(found.exclusive_speaker_diarization))


def _turns(annotation: Annotation) -> tuple[Turn, ...]:
    return tuple(
        Turn(float(segment.start), float(segment.end), str(label))
        for segment, _track, label in annotation.itertracks(yield_label=True)
    )
