"""emotion2vec on a tiny checkpoint with random weights, in the form of the published ones."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from engines.emotions.emotion2vec import BATCH_SAMPLES, Emotion2Vec, _batches, _funasr_model
from pipeline.types import EMOTIONS, SAMPLE_RATE, Samples

TOKENS = [
    "生气/angry",
    "厌恶/disgusted",
    "恐惧/fearful",
    "开心/happy",
    "中立/neutral",
    "其他/other",
    "难过/sad",
    "吃惊/surprised",
]
TOKENS += ["<unk>"]
NAME = "emotion2vec_tiny"
WIDTH, HEADS, DEPTH = 32, 4, 2

CONFIG = f"""
model: Emotion2vec
model_conf:
  {{depth: {DEPTH}, embed_dim: {WIDTH}, num_heads: {HEADS}, mlp_ratio: 2.0, normalize: true, norm_eps: 1e-05, norm_affine: true,
   start_drop_path_rate: 0.0, end_drop_path_rate: 0.0, encoder_dropout: 0.1, post_mlp_drop: 0.1, attention_dropout: 0.1,
   activation_dropout: 0.0, dropout_input: 0.0, layerdrop: 0.05, layer_norm_first: false, average_top_k_layers: {DEPTH},
   end_of_block_targets: false, clone_batch: 8, loss_beta: 0.0, loss_scale: null,
   modalities: {{audio: {{
     prenet_depth: 1, prenet_layerdrop: 0.05, prenet_dropout: 0.1, start_drop_path_rate: 0.0, end_drop_path_rate: 0.0,
     num_extra_tokens: 10, init_extra_token_zero: true, local_grad_mult: 1.0, use_alibi_encoder: true, alibi_scale: 1.0,
     learned_alibi: false, alibi_max_pos: null, learned_alibi_scale: true, learned_alibi_scale_per_head: true,
     learned_alibi_scale_per_layer: false, num_alibi_heads: {HEADS}, model_depth: {DEPTH}, decoder: null,
     extractor_mode: layer_norm, conv_pos_width: 95, conv_pos_groups: 16, conv_pos_depth: 5, conv_pos_pre_ln: false,
     feature_encoder_spec: '[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16,2,2)] + [(16,2,2)]'}}}}}}
"""


class Exploit:
    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.proof),)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emotion2vec")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "tokens.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    torch.manual_seed(0)
    model = _funasr_model()(model_conf=OmegaConf.load(folder / "config.yaml").model_conf, vocab_size=len(TOKENS))
    with torch.no_grad():
        for parameter in model.parameters():  # as they come, most biases are zero and hide what padding leaks
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter), alpha=0.5)
    torch.save({"model": model.state_dict() | {"decoder.left_over": torch.zeros(1)}}, folder / "model.pt")
    return folder


@pytest.fixture(scope="module")
def engine(published: Path) -> Emotion2Vec:
    return Emotion2Vec(published, name=NAME)


def variant(published: Path, folder: Path, **texts: str) -> Path:
    """A copy of the checkpoint with the text of some files replaced."""
    for file in published.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    for stem, text in texts.items():
        next(folder.glob(f"{stem}.*")).write_text(text, encoding="utf-8")
    return folder


def noise(samples: int, seed: int = 0, level: float = 0.1) -> Samples:
    """Of another colour with each seed."""
    random = np.random.default_rng(seed)
    smoothness = random.integers(1, 60)
    white = random.standard_normal(samples + smoothness - 1, np.float32)
    return np.convolve(white, np.ones(smoothness, np.float32), "valid")[:samples] * np.float32(level) if samples else white[:0]


def test_a_shared_pass_gives_what_funasr_gives_one_by_one(engine: Emotion2Vec) -> None:
    lengths = [400, 401, 719, 720, 4_000, 16_000, 16_001, 33_333, 80_000, 160_123]
    clips = [noise(length, seed, level) for seed, length in enumerate(lengths) for level in (0.3, 0.001)]
    reference: Any = _funasr_model()(model_conf=engine._model.cfg, vocab_size=len(TOKENS)).eval()
    reference.load_state_dict(engine._model.state_dict())

    class Tokenizer:
        token_list = TOKENS

    with torch.no_grad():
        expected, _ = reference.inference(clips, key=[str(i) for i in range(len(clips))], tokenizer=Tokenizer(), device="cpu")
    found = engine.recognize(clips)
    assert len(_batches({i: len(clip) for i, clip in enumerate(clips)})) < len(clips) / 2
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.vector, other["feats"], atol=1e-4)
        np.testing.assert_allclose(list(one.scores.values()), other["scores"], atol=1e-4)
    assert np.ptp([one.vector for one in found], axis=0).max() > 0.1, "the weights tell nothing apart"


def test_labels_are_the_nine_that_clients_see(engine: Emotion2Vec) -> None:
    (emotion,) = engine.recognize([noise(16_000)])
    assert tuple(emotion.scores) == EMOTIONS
    assert sum(emotion.scores.values()) == pytest.approx(1, abs=1e-5)
    assert emotion.confidence == max(emotion.scores.values()) == emotion.scores[emotion.label]
    assert emotion.vector.shape == (WIDTH,)
    assert emotion.vector.dtype == np.float32
    assert emotion.model == NAME


def test_classes_that_were_never_taught_get_no_probability(published: Path, tmp_path: Path) -> None:
    tokens = "\n".join("unuse_0" if "disgusted" in token else token for token in TOKENS)
    (emotion,) = Emotion2Vec(variant(published, tmp_path, tokens=tokens), name=NAME).recognize([noise(16_000)])
    assert set(emotion.scores) == set(EMOTIONS) - {"disgusted"}
    assert sum(emotion.scores.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "clip",
    [
        noise(0),
        noise(10),
        noise(399),
        np.zeros(16_000, np.float32),
        np.full(16_000, np.nan, np.float32),
        noise(400, level=1e20),
    ],
    ids=["empty", "10 samples", "399 samples", "silent", "not numbers", "absurdly loud"],
)
def test_what_cannot_be_judged_is_unknown_and_changes_nothing_else(engine: Emotion2Vec, clip: Samples) -> None:
    alone = engine.recognize([noise(16_000)])[0]
    unknown, beside = engine.recognize([clip, noise(16_000)])
    assert (unknown.label, unknown.confidence, dict(unknown.scores)) == ("unknown", 0.0, {})
    assert unknown.vector.shape == (WIDTH,)
    assert not unknown.vector.any()
    np.testing.assert_array_equal(beside.vector, alone.vector)


def test_only_the_first_30_seconds_count(engine: Emotion2Vec) -> None:
    long = noise(31 * SAMPLE_RATE)
    whole, cut = engine.recognize([long]) + engine.recognize([long[: 30 * SAMPLE_RATE]])
    np.testing.assert_array_equal(whole.vector, cut.vector)


def test_nothing_gives_nothing(engine: Emotion2Vec) -> None:
    assert engine.recognize([]) == []


def test_samples_from_the_object_store_are_read_only(engine: Emotion2Vec) -> None:
    clip = noise(16_000)
    clip.flags.writeable = False
    assert engine.recognize([clip])[0].scores


def test_batches_hold_every_clip_once_within_the_bound() -> None:
    lengths = dict(enumerate(np.random.default_rng(0).integers(400, 30 * SAMPLE_RATE, 200).tolist()))
    batches = _batches(lengths)
    assert sorted(index for batch in batches for index in batch) == list(lengths)
    assert all(len(batch) * max(lengths[index] for index in batch) <= BATCH_SAMPLES for batch in batches)


def test_the_attention_bias_does_not_grow_with_the_batch(engine: Emotion2Vec) -> None:
    engine.recognize([noise(3_200, seed) for seed in range(40)])
    assert {bias.shape[0] for bias in engine._model.alibi_biases.values()} == {HEADS}


def test_loading_imports_one_model_of_funasr(engine: Emotion2Vec) -> None:
    assert "funasr.auto.auto_model" not in sys.modules
    assert sum(name.startswith("funasr.models.") for name in sys.modules) < 20


def test_a_checkpoint_that_runs_code_is_refused(published: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    folder = variant(published, tmp_path)
    torch.save({"model": Exploit(proof)}, folder / "model.pt")
    with pytest.raises(Exception, match="Weights only"):
        Emotion2Vec(folder, name=NAME)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[(16,2,2)]'", "[(16,2,2)] + [exit(3)]'", "feature_encoder_spec"),
        ("* 4", "* 9 * 9 ** 9 ** 9", "feature_encoder_spec"),
        ("extractor_mode: layer_norm", "extractor_mode: default", "share a pass"),
        ("mlp_ratio: 2.0", "mlp_ratio: 4.0", "does not fit"),
        (f" depth: {DEPTH},", f" depth: {DEPTH + 1},", "lacks blocks"),
    ],
)
def test_a_configuration_that_does_not_belong_is_refused(
    published: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in CONFIG.replace("{depth", "{ depth")
    config = CONFIG.replace("{depth", "{ depth").replace(old, new)
    with pytest.raises(ValueError, match=message):
        Emotion2Vec(variant(published, tmp_path, config=config), name=NAME)


def test_a_checkpoint_without_a_classifier_is_refused(published: Path, tmp_path: Path) -> None:
    folder = variant(published, tmp_path)
    state = torch.load(folder / "model.pt", weights_only=True)["model"]
    torch.save({name: tensor for name, tensor in state.items() if not name.startswith("proj.")}, folder / "model.pt")
    with pytest.raises(ValueError, match="classifier"):
        Emotion2Vec(folder, name=NAME)
