"""From clustered windows to turns: pyannote's reconstruction with array operations in place of its loops over frames.

For an hour of audio pyannote iterates four times over 213,000 frames, and three times over 3,600 windows: more than half of the
time of its clustering. The results are the same to the last bit: activities are 0 or 1, so sums of them are exact in any order.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.core import Annotation, Segment, SlidingWindow, SlidingWindowFeature
from pyannote.core.utils.generators import string_generator

import engines._pyannote  # noqa: F401  # before anything of pyannote.audio


class ClusteredTurns(SpeakerDiarization):
    """pyannote's pipeline from the clustering on; segmentations and embeddings come from observations."""

    def get_segmentations(self, file: Mapping[str, Any], hook: object = None) -> SlidingWindowFeature:
        return file["segmentations"]

    def get_embeddings(self, file: Mapping[str, Any], *_: object, **__: object) -> NDArray[np.float32]:
        embeddings: NDArray[np.float32] = file["embeddings"]
        return embeddings

    @staticmethod
    def speaker_count(
        binarized_segmentations: SlidingWindowFeature, frames: SlidingWindow, warm_up: tuple[float, float] = (0.0, 0.0)
    ) -> SlidingWindowFeature:
        """How many speak in each frame, the mean of all windows that it is in, shape (frames, 1)."""
        assert warm_up == (0.0, 0.0), "pyannote's pipeline counts with whole windows"
        speaking = binarized_segmentations.data.sum(axis=-1, keepdims=True)
        summed = _summed(speaking, binarized_segmentations.sliding_window, frames)
        windows = _summed(np.ones_like(speaking), binarized_segmentations.sliding_window, frames)
        mean = summed.data / np.maximum(windows.data, 1e-12)
        return SlidingWindowFeature(np.rint(mean).astype(np.uint8), summed.sliding_window)

    def reconstruct(
        self, segmentations: SlidingWindowFeature, hard_clusters: NDArray[np.int8], count: SlidingWindowFeature
    ) -> SlidingWindowFeature:
        """The `count` most active clusters of each frame, 0 or 1, shape (frames, clusters)."""
        windows, frames, speakers = segmentations.data.shape
        clusters = np.zeros((windows, frames, int(hard_clusters.max()) + 1), np.float32)
        for speaker in range(speakers):
            (found,) = np.nonzero(hard_clusters[:, speaker] >= 0)
            own = hard_clusters[found, speaker]
            clusters[found, :, own] = np.maximum(clusters[found, :, own], segmentations.data[found, :, speaker])
        return _most_active(_summed(clusters, segmentations.sliding_window, count.sliding_window), count)

    @staticmethod
    def to_annotation(
        discrete_diarization: SlidingWindowFeature, min_duration_on: float = 0.0, min_duration_off: float = 0.0
    ) -> Annotation:
        """The turns of each cluster, from the middle of the first frame to the middle of the first one after it."""
        frames, found, tracks = discrete_diarization.sliding_window, Annotation(), string_generator()
        for cluster, active in enumerate((discrete_diarization.data > 0.5).T):
            track, change = next(tracks), np.diff(active.astype(np.int8))
            starts, ends = (1 + np.flatnonzero(change == to) for to in (1, -1))
            if active[0]:
                starts = np.insert(starts, 0, 0)
            if active[-1]:
                ends = np.append(ends, len(active) - 1)
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                found[Segment(frames[start].middle, frames[end].middle), track] = cluster
        assert min_duration_on == 0, "pyannote's pipeline keeps short turns"
        return found.support(collar=min_duration_off) if min_duration_off > 0 else found


def _summed(scores: NDArray[np.float32], windows: SlidingWindow, frames: SlidingWindow) -> SlidingWindowFeature:
    """The sum of `scores`, shape (windows, frames of a window, n), of all windows that a frame is in, shape (frames, n)."""
    frames = SlidingWindow(start=windows.start, duration=frames.duration, step=frames.step)
    end = windows.start + windows.duration + (len(scores) - 1) * windows.step
    summed = np.zeros((frames.closest_frame(end + 0.5 * frames.duration) + 1, scores.shape[2]), np.float32)
    for i, score in enumerate(scores):
        first = frames.closest_frame(windows[i].start + 0.5 * frames.duration)
        summed[first : first + len(score)] += score
    return SlidingWindowFeature(summed, frames)


def _most_active(activity: SlidingWindowFeature, count: SlidingWindowFeature) -> SlidingWindowFeature:
    """1 for the `count` most active speakers of each frame, else 0."""
    if (missing := int(count.data.max()) - activity.data.shape[1]) > 0:
        activity.data = np.pad(activity.data, ((0, 0), (0, missing)))
    extent = activity.extent & count.extent
    activity, count = activity.crop(extent, return_data=False), count.crop(extent, return_data=False)
    frames = min(len(activity.data), len(count.data))
    ranked = np.argsort(-activity.data[:frames], axis=-1)
    chosen = np.arange(ranked.shape[1]) < count.data[:frames]
    binary = np.zeros_like(activity.data)
    np.put_along_axis(binary[:frames], ranked, chosen.astype(binary.dtype), axis=-1)
    return SlidingWindowFeature(binary, activity.sliding_window)
