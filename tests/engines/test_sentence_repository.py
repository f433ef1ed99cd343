"""A model in the layout of the hub, with an ONNX file: a tiny one, whose vectors can be computed by hand."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from engines.sentences.onnx_repository import OnnxRepository
from engines.weights import hub

WORDS = {"[PAD]": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "red": 4, "car": 5, "dog": 6}
TABLE = np.eye(len(WORDS), dtype=np.float32)


def write(directory: Path, *, first_token: bool = False, limit: int = 8, pooled: bool = False) -> Path:
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", WORDS["<s>"]), ("</s>", WORDS["</s>"])]
    )
    tokenizer.enable_truncation(3)  # as some repositories have it: the engine cuts by itself
    (directory / "onnx").mkdir(parents=True)
    (directory / "1_Pooling").mkdir()
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": limit}))
    (directory / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": first_token}))
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    shapes: dict[str, list[str | int | None]] = {"last_hidden_state": ["texts", "tokens", len(WORDS)]}
    if pooled:
        nodes.append(helper.make_node("ReduceMax", ["last_hidden_state", "axis"], ["sentence_embedding"], keepdims=0))
        shapes["sentence_embedding"] = ["texts", len(WORDS)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [numpy_helper.from_array(TABLE, "table"), numpy_helper.from_array(np.array([1]), "axis")],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), directory / "onnx" / "model.onnx"
    )
    return directory


def test_vectors_are_the_means_of_the_tokens_without_padding(tmp_path: Path) -> None:
    found = OnnxRepository(write(tmp_path / "model"), "cpu", 1).encode(["red car", "dog", "red red red car"])
    counts = np.array([[0, 1, 1, 0, 1, 1, 0], [0, 1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 3, 1, 0]], np.float32)
    assert found.vectors == pytest.approx(counts / np.linalg.norm(counts, axis=1, keepdims=True), abs=1e-6)
    assert found.cut == ()


def test_the_first_token_stands_for_the_text_where_the_model_says_so(tmp_path: Path) -> None:
    found = OnnxRepository(write(tmp_path / "model", first_token=True), "cpu", 1).encode(["red car"])
    assert found.vectors.tolist() == [TABLE[1].tolist()]


def test_a_graph_that_gives_vectors_of_texts_is_believed(tmp_path: Path) -> None:
    found = OnnxRepository(write(tmp_path / "model", pooled=True), "cpu", 1).encode(["red car"])
    assert found.vectors[0] == pytest.approx(np.array([0, 1, 1, 0, 1, 1, 0]) / 2, abs=1e-6)


def test_longer_texts_are_cut_before_the_mark_of_the_end(tmp_path: Path) -> None:
    found = OnnxRepository(write(tmp_path / "model", limit=4), "cuda", 1).encode(["red car dog", "dog"])
    assert found.cut == (0,)
    assert found.vectors[0] == pytest.approx(np.array([0, 1, 1, 0, 1, 1, 0]) / 2, abs=1e-6)


def test_the_files_that_it_reads_are_downloaded(tmp_path: Path) -> None:
    directory = write(tmp_path / "model")
    there = [path.relative_to(directory) for path in directory.rglob("*") if path.is_file()]
    assert all(any(path.match(pattern) for pattern in hub.WANTED["text_embedding"]) for path in there)
    assert (directory / hub.REQUIRED["text_embedding"]).is_file()
