"""A model of the Hugging Face hub in the layout of sentence-transformers, with its ONNX file: multilingual-e5-base, bge-m3."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engines.sentences.encoder import Encoded, Floats, batches, normalized
from engines.sentences.tokens import Tokens

GRAPH = Path("onnx", "model.onnx")
MAX_TOKENS = 512
"""Also of models that read more: segments are sentences, and the time grows with the square."""


class OnnxRepository:
    def __init__(self, directory: Path, device: str, threads: int) -> None:
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._limit = min(MAX_TOKENS, _config(directory / "sentence_bert_config.json").get("max_seq_length", MAX_TOKENS))
        self._first_token = bool(_config(directory / "1_Pooling" / "config.json").get("pooling_mode_cls_token"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(directory / GRAPH, options, _providers(device))
        self._inputs = {value.name for value in self._session.get_inputs()}
        outputs = [value.name for value in self._session.get_outputs()]
        self._pooled = "sentence_embedding" in outputs
        self._output = "sentence_embedding" if self._pooled else outputs[0]

    def encode(self, texts: Sequence[str]) -> Encoded:
        tokens = self._tokens(texts)
        found: dict[int, Floats] = {}
        for batch in batches([len(ids) for ids in tokens.ids]):
            ids, mask = tokens.padded(batch, 0)
            found |= zip(batch, self._vectors(ids, mask), strict=True)
        return Encoded(normalized(np.stack([found[position] for position in range(len(texts))])), tokens.cut)

    def _tokens(self, texts: Sequence[str]) -> Tokens:
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        cut = tuple(position for position, found in enumerate(ids) if len(found) > self._limit)
        # The last token is the mark of the end.
        return Tokens([found if len(found) <= self._limit else [*found[: self._limit - 1], found[-1]] for found in ids], cut)

    def _vectors(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Floats:
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        inputs = {name: value for name, value in given.items() if name in self._inputs}
        states: Floats
        (states,) = self._session.run([self._output], inputs)
        if self._pooled:
            return states
        if self._first_token:
            return states[:, 0]
        weights = mask[..., None].astype(np.float32)
        return np.asarray((states * weights).sum(axis=1) / weights.sum(axis=1), np.float32)


def _providers(device: str) -> list[str]:
    """onnxruntime has a GPU where the package onnxruntime-gpu is installed instead of onnxruntime."""
    wanted = ["CUDAExecutionProvider"] if device == "cuda" else []
    return [*(name for name in wanted if name in onnxruntime.get_available_providers()), "CPUExecutionProvider"]


def _config(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found
