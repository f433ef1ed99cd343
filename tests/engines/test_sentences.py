"""Sentence embeddings, with the real model."""

import numpy as np
import pytest

from engines.sentences.encoder import SentenceEmbedding, batches, prefixes
from engines.sentences.engine import find, load
from engines.sentences.unigram import UnigramTokenizer
from settings import Settings

PASSAGES = (
    "The budget was cut by a third last year.",
    "Der Hund schläft auf dem Sofa.",
    "Nous avons décidé de reporter la livraison.",
    "He bought a new car.",
    "東京は日本の首都です。",
)


@pytest.fixture(scope="module")
def model() -> SentenceEmbedding:
    settings = Settings(cpu_threads=1)
    return load(find(settings, gpu=False), settings)


@pytest.mark.parametrize(
    ("query", "nearest"),
    [
        ("Where is the dog?", 1),
        ("we postponed the shipment", 2),
        ("Hauptstadt von Japan", 4),
        ("la reducción del presupuesto", 0),
        ("vehicle purchase", 3),
    ],
)
def test_a_query_is_nearest_to_what_means_the_same_in_any_language(model: SentenceEmbedding, query: str, nearest: int) -> None:
    found = model.passages(PASSAGES)
    assert found.model == "multilingual-e5-small"
    assert found.vectors.shape == (5, 384)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert np.argmax(found.vectors @ model.query(query).vectors[0]) == nearest


def test_a_text_has_the_same_vector_in_any_company(model: SentenceEmbedding) -> None:
    alone = model.passages(PASSAGES[:1]).vectors[0]
    among = model.passages(["Yes.", "word " * 200, PASSAGES[0]]).vectors[2]
    assert alone @ among > 0.995  # activations are quantized with the range of the batch


def test_what_is_longer_than_the_model_reads_is_told(model: SentenceEmbedding) -> None:
    text = "The parrot is dead. " * 200
    found = model.passages([text, "Short.", text + "And something else at the end."])
    assert found.cut == (0, 2)
    assert found.vectors[0] @ found.vectors[2] > 0.999


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud83d\ude00" * 3, "a" * 100_000, "漢" * 5000, "\u200b", "x\n\ty"])
def test_any_text_has_a_vector(model: SentenceEmbedding, text: str) -> None:
    assert np.isfinite(model.passages([text]).vectors).all()


def test_tokens_are_the_most_probable_pieces() -> None:
    pieces = [("<unk>", 0.0), ("▁", -3.0), ("▁ab", -4.0), ("▁a", -3.5), ("b", -0.6), ("c", -9.0), ("bc", -2.0)]
    tokenizer = UnigramTokenizer(pieces, {ord("B"): "b", ord("\n"): " "}, unknown=0)
    assert tokenizer.ids("ab", 10) == [2]  # -4.0 against -4.1
    assert tokenizer.ids("  aBc", 10) == [3, 6]
    assert tokenizer.ids("aé\nab", 10) == [3, 0, 2]
    assert tokenizer.ids("ab ab ab ab", 2) == [2, 2]


def test_prefixes_belong_to_the_family_of_the_model() -> None:
    assert prefixes("intfloat/multilingual-e5-base") == ("query: ", "passage: ")
    assert prefixes("BAAI/bge-m3") == prefixes("intfloat/multilingual-e5-large-instruct") == ("", "")


def test_batches_hold_each_text_once_within_their_size() -> None:
    lengths = [500, 3, 90, 4000, 7] + [20] * 300
    found = list(batches(lengths))
    assert sorted(position for batch in found for position in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or max(lengths[p] for p in batch) * len(batch) <= 2048 for batch in found)
