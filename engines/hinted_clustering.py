"""VBx clustering that adjusts its own clusters to a given number of speakers.

pyannote.audio replaces VBx by k-means over all embeddings wherever VBx finds another number of speakers than the given one, and
that may divide the voice that speaks most. Here surplus clusters of VBx are merged, and k-means is used only where it finds
voices that differ clearly.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyannote.audio.pipelines.clustering import BaseClustering, VBxClustering
from pyannote.core import SlidingWindowFeature
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.cluster import KMeans

DIFFERENT = 0.6
"""Cosine distance of two centroids that k-means finds from which they are two speakers. Measured on meetings of AMI."""
MORE = 10
"""K-means looks for at most so many speakers more than VBx finds: 3,600 embeddings take 0.3 s with 10 clusters, 1.7 s with 100,
and each number is tried."""

Clusters = tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]
"""As pyannote has them: the cluster of each speaker of each window; their similarities to all clusters; the centroids."""


def use_hints_carefully(clustering: BaseClustering) -> None:
    """Let a VBx clustering adjust its own clusters. Other kinds, as of earlier pipelines of pyannote, stay as they are."""
    if isinstance(clustering, VBxClustering):
        clustering.__class__ = HintedClustering  # the same weights and parameters


class HintedClustering(VBxClustering):
    def __call__(  # type: ignore[override]  # pyannote declares one array as its result
        self,
        embeddings: NDArray[np.float32],
        segmentations: SlidingWindowFeature,
        num_clusters: int | None = None,
        min_clusters: int | None = None,
        max_clusters: float | None = None,
        **_: Any,
    ) -> Clusters:
        """A given number has no effect where the recording does not hold so many clearly different voices."""
        everyone = embeddings.shape[0] * embeddings.shape[1]
        found: Any = super().__call__(embeddings, segmentations, min_clusters=1, max_clusters=everyone)
        least, most = num_clusters or min_clusters or 1, num_clusters or max_clusters or everyone
        if len(found[2]) > most:
            return _merged(found, int(most))
        if len(found[2]) < least:
            return self._divided(embeddings, segmentations, found, least)
        clusters: Clusters = found
        return clusters

    def _divided(
        self, embeddings: NDArray[np.float32], segmentations: SlidingWindowFeature, found: Clusters, wanted: int
    ) -> Clusters:
        """The clusters of k-means for the largest number up to the wanted one, and up to `MORE` more than were found, for which
        they differ clearly, or those found."""
        voices, *_ = self.filter_embeddings(embeddings, segmentations=segmentations)
        directions = voices / np.linalg.norm(voices, axis=1, keepdims=True)
        for count in range(min(wanted, len(voices), len(found[2]) + MORE), len(found[2]), -1):
            labels = KMeans(count, n_init=3, random_state=42).fit_predict(directions)  # as in pyannote
            centroids = np.stack([voices[labels == label].mean(axis=0) for label in range(count)])
            if pdist(centroids, "cosine").min() > DIFFERENT:
                windows, speakers, dimension = embeddings.shape
                distances = cdist(embeddings.reshape(-1, dimension), centroids, self.metric)
                similarities = 2 - distances.reshape(windows, speakers, count)
                return similarities.argmax(axis=2).astype(np.int8), similarities, centroids
        return found


def _merged(found: Clusters, wanted: int) -> Clusters:
    """Merge the two clusters with the closest centroids until the wanted number is left."""
    clusters, similarities, centroids = found
    sizes = np.bincount(clusters[clusters >= 0], minlength=len(centroids)).astype(float)
    while len(centroids) > wanted:
        distances = squareform(pdist(centroids, "cosine"))
        np.fill_diagonal(distances, np.inf)
        kept, dropped = sorted(np.unravel_index(distances.argmin(), distances.shape))
        total = max(sizes[kept] + sizes[dropped], 1)
        centroids[kept] = (sizes[kept] * centroids[kept] + sizes[dropped] * centroids[dropped]) / total
        sizes[kept] = total
        similarities[..., kept] = similarities[..., [kept, dropped]].max(axis=2)
        clusters[clusters == dropped] = kept
        clusters[clusters > dropped] -= 1
        sizes, centroids = np.delete(sizes, dropped), np.delete(centroids, dropped, axis=0)
        similarities = np.delete(similarities, dropped, axis=2)
    return clusters, similarities, centroids
