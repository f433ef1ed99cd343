"""Diarization with pyannote.audio's community-1 pipeline; work that overlapping windows share is done once."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import engines._pyannote  # noqa: F401  # before anything of pyannote.audio
import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Pipeline
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.core import Annotation, SlidingWindow, SlidingWindowFeature

from engines import embedding_distances
from engines.clustered_turns import ClusteredTurns
from engines.hinted_clustering import use_hints_carefully
from engines.shared_segmentation import SharedSegmentation
from engines.speaker_trunk import RATE, SpeakerTrunk
from pipeline.types import NO_HINT, SAMPLE_RATE, Diarization, Observation, Samples, Span, SpeakerHint, Turn, Voiceprint
from pipeline.transcript.windows import shards

embedding_distances.install()

Progress = Callable[[float], None]

POOLED_AT_ONCE = 8
"""Windows pooled at a time; the frames of a window take 1.3 MB."""
SEGMENTATION = 0.4
"""Share of the segmentation in the work on a shard, for progress; measured on a CPU."""
CLUSTERED = 10_000
"""Embeddings that are clustered; of more (two and a half hours of two people), an even choice is, and the others go to the
cluster that is closest, as pyannote has it for those of short speech. Clustering takes the square of their number."""


class PyannoteDiarization:
    """A loaded diarization pipeline.

    Args:
        path: Directory of a pyannote.audio 4 pipeline.
        device: `cpu` or `cuda`.
        threads: Threads of torch in this process, on a CPU.
        embedding: Name of the pipeline's network for voice embeddings, if its vectors are compared with those of other
            recordings.

    Raises:
        ValueError: Where the pipeline is not made of the networks that this engine knows how to share.
    """

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 1, embedding: str | None = None) -> None:
        torch.set_num_threads(threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions of lightning that wrote the checkpoint; torchcodec, which is not used
            pipeline = Pipeline.from_pretrained(path)
        if not isinstance(pipeline, SpeakerDiarization):
            raise ValueError(f"{path} does not hold a speaker diarization pipeline of pyannote.audio.")  # noqa: TRY004  # the file is wrong, not the type of an argument
        model = pipeline._embedding.model_
        if not isinstance(model, BaseWeSpeakerResNet):
            raise ValueError(f"{path} embeds voices with {type(model).__name__}; a ResNet of WeSpeaker's is needed.")  # noqa: TRY004  # the file is wrong, not the type of an argument
        pipeline.__class__ = ClusteredTurns  # the same state
        self._pipeline = pipeline.to(torch.device(device))
        self._trunk = SpeakerTrunk(model, torch.device(device))
        self._segment = SharedSegmentation(pipeline._segmentation, torch.device(device))
        self._embedding = embedding
        self._windows = SlidingWindow(start=0.0, duration=pipeline._segmentation.duration, step=pipeline._segmentation.step)
        use_hints_carefully(pipeline.clustering)
        _bound(pipeline.clustering)

    def diarize(self, audio: Samples, hint: SpeakerHint = NO_HINT, progress: Progress = lambda _fraction: None) -> Diarization:
        """Who speaks when in a whole recording; `progress` is called with the fraction done, from this thread."""
        parts = shards(len(audio) / SAMPLE_RATE)
        found: list[Observation] = []
        for part in parts:

            def so_far(fraction: float) -> None:
                progress((len(found) + fraction) / len(parts))

            found.append(self.observe(audio, part, so_far))
        return self.cluster(found, hint)

    def observe(self, audio: Samples, shard: Span, progress: Progress = lambda _fraction: None) -> Observation:
        """The active speakers and their embeddings in each window that begins within a shard of the recording."""
        duration, step = (round(seconds * SAMPLE_RATE) for seconds in (self._windows.duration, self._windows.step))
        first, last = round(shard.start * SAMPLE_RATE / step), round(shard.end * SAMPLE_RATE / step)
        last = min(last, 1 + max(0, math.ceil((len(audio) - duration) / step)))
        count = last - first
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an array out of Ray's object store is read-only; nothing here writes
            active = self._segment(
                audio[first * step : (last - 1) * step + duration], lambda done: progress(SEGMENTATION * done / count)
            )
            embeddings = self._embed(
                audio, active, first, lambda done: progress(SEGMENTATION + (1 - SEGMENTATION) * done / count)
            )
        return Observation(active, embeddings)

    def _embed(
        self, audio: Samples, active: NDArray[np.uint8], first: int, progress: Callable[[int], None]
    ) -> NDArray[np.float32]:
        """The embedding of each speaker of each window, shape (windows, speakers, dimension); NaN for silent speakers."""
        count, per_window = len(active), round(self._windows.duration * RATE)
        weights = torch.from_numpy(self._heard_alone(active).transpose(0, 2, 1).astype(np.float32))
        # As the pooling sees them: its frames are longer than those of the segmentation, and a single one may fall between two.
        pooled = torch.nn.functional.interpolate(weights, size=per_window) > 0
        spoken = pooled.any(dim=2)
        embeddings = np.full((*spoken.shape, self._trunk.dimension), np.nan, np.float32)
        starts = [round((first + i) * self._windows.step * RATE) for i in range(count)]
        wanted = torch.zeros(starts[-1] - starts[0] + per_window, dtype=torch.bool)
        for start, speech in zip(starts, pooled.any(dim=1), strict=True):
            wanted[start - starts[0] :][:per_window] |= speech
        frames = self._trunk.frames(audio, wanted, starts[0])
        for begin in range(0, count, POOLED_AT_ONCE):
            batch = [i for i in range(begin, min(begin + POOLED_AT_ONCE, count)) if spoken[i].any()]
            if batch:
                stack = torch.stack([frames[..., starts[i] - starts[0] :][..., :per_window] for i in batch])
                voices = self._trunk.pool(stack, weights[batch]).numpy()
                embeddings[batch] = np.where(spoken[batch].numpy()[..., None], voices, np.nan)
            progress(min(begin + POOLED_AT_ONCE, count))
        return embeddings

    def _heard_alone(self, active: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """As in pyannote: overlapped speech is left out, except where too little speech would remain for an embedding."""
        if not self._pipeline.embedding_exclude_overlap:
            return active
        alone = active * (active.sum(axis=2, keepdims=True) < 2)
        least = math.ceil(active.shape[1] * self._pipeline._embedding.min_num_samples / (self._windows.duration * SAMPLE_RATE))
        return np.where(alone.sum(axis=1, keepdims=True) > least, alone, active)

    def cluster(self, observations: Sequence[Observation], hint: SpeakerHint = NO_HINT) -> Diarization:
        """Who speaks when, from the observations of all shards of a recording, in order.

        A hint of more speakers than the recording has clearly different voices of has no effect.
        """
        active = np.concatenate([found.active for found in observations])
        file = {
            "uri": "recording",
            "segmentations": SlidingWindowFeature(active.astype(np.float32), self._windows),
            "embeddings": np.concatenate([found.embeddings for found in observations]),
        }
        with warnings.catch_warnings():
            # A file too short for the requested number of speakers is not an error of the program.
            warnings.simplefilter("ignore", UserWarning)
            # Where no speaker speaks long enough to be clustered, there is one speaker, and the mean of no embeddings.
            warnings.filterwarnings("ignore", "Mean of empty slice|invalid value encountered", RuntimeWarning)
            found: Any = self._pipeline.apply(
                file, num_speakers=hint.num_speakers, min_speakers=hint.min_speakers, max_speakers=hint.max_speakers
            )
        return Diarization(
            _turns(found.speaker_diarization),
            _turns(found.exclusive_speaker_diarization),
            self._voiceprints(found.speaker_diarization.labels(), found.speaker_embeddings),
        )

    def _voiceprints(self, labels: Sequence[str], centroids: NDArray[np.float32] | None) -> Mapping[str, Voiceprint]:
        if self._embedding is None or centroids is None:
            return {}
        lengths = np.linalg.norm(centroids, axis=1)
        return {
            label: Voiceprint((centroid / length).astype(np.float32), self._embedding)
            for label, centroid, length in zip(labels, centroids, lengths, strict=False)
            if np.isfinite(length) and length > 0
        }


def _bound(clustering: Any) -> None:
    """Limit pyannote's clustering to `CLUSTERED` embeddings."""
    everything = clustering.filter_embeddings

    def some(*args: Any, **kwargs: Any) -> tuple[NDArray[Any], ...]:
        found = everything(*args, **kwargs)
        count = len(found[0])
        if count <= CLUSTERED:
            return found  # type: ignore[no-any-return]
        chosen = np.linspace(0, count - 1, CLUSTERED).round().astype(int)
        return tuple(array[chosen] for array in found)

    clustering.filter_embeddings = some


def _turns(annotation: Annotation) -> tuple[Turn, ...]:
    return tuple(
        Turn(float(segment.start), float(segment.end), str(label))
        for segment, _track, label in annotation.itertracks(yield_label=True)
    )
