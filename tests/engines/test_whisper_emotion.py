"""The embedded emotion model, on real weights; on real speech where there is any."""

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.emotions.engine import weakness
from engines.emotions.whisper_emotion import HEAD, Head, WhisperEmotion, WhisperFeatures, trim
from pipeline.emotion.feeling import CALIBRATIONS, baseline, feeling, read_scores
from pipeline.types import SAMPLE_RATE, Samples

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def engine(whisper_path: Path) -> WhisperEmotion:
    return WhisperEmotion(whisper_path)


def voice(seconds: float, pitch: float = 120.0) -> Samples:
    """A buzz with syllables: harmonics of `pitch`, four swells a second."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 20))
    return (0.1 * buzz * (1.1 + np.sin(2 * np.pi * 4 * time))).astype(np.float32)


def recordings(corpus: str, every: int, speaker: str = "actor") -> list[tuple[Samples, str, str]]:
    """Every so manieth clip of an emotion corpus, with what the corpus calls its emotion and, in the column `speaker`, its
    speaker."""
    table = DATA / "emotion" / corpus / "labels.csv"
    if not table.exists():
        pytest.skip(f"{corpus} is not here")
    with table.open(encoding="utf-8") as rows:
        chosen = list(csv.DictReader(rows))[::every]
    return [(soundfile.read(table.parent / row["file"], dtype="float32")[0], row["emotion"], row[speaker]) for row in chosen]


def test_scores_are_probabilities_of_labels_that_clients_know(engine: WhisperEmotion) -> None:
    for emotion in engine.recognize([voice(3), voice(1, 300)]):
        assert set(emotion.scores) == {"angry", "happy", "neutral", "sad"}
        assert sum(emotion.scores.values()) == pytest.approx(1, abs=1e-5)
        assert min(emotion.scores.values()) >= 0
        assert emotion.confidence == max(emotion.scores.values()) == emotion.scores[emotion.label]
        assert emotion.vector.shape == (1024,)
        assert emotion.vector.dtype == np.float32
        assert np.isfinite(emotion.vector).all()


def test_it_does_not_pass_for_emotion2vec(engine: WhisperEmotion) -> None:
    assert "neutral" in str(weakness(engine.name))
    assert weakness("emotion2vec_plus_large") is None
    assert engine.name == "whisper-encoder-emotion-2"
    assert {emotion.model for emotion in engine.recognize([voice(1), voice(0)])} == {"whisper-encoder-emotion-2"}


def test_neighbours_change_nothing(engine: WhisperEmotion) -> None:
    clips = [voice(2, 100), voice(0.5, 200), voice(2, 300), voice(0)]
    together = engine.recognize(clips)
    for clip, emotion in zip(clips, together, strict=True):
        (alone,) = engine.recognize([clip])
        np.testing.assert_array_equal(alone.vector, emotion.vector)
        assert alone.scores == emotion.scores


@pytest.mark.parametrize(
    "clip",
    [voice(0), voice(10 / SAMPLE_RATE), np.zeros(SAMPLE_RATE, np.float32), np.full(SAMPLE_RATE, np.nan, np.float32)],
    ids=["empty", "10 samples", "silent", "not numbers"],
)
def test_what_cannot_be_judged_is_unknown(engine: WhisperEmotion, clip: Samples) -> None:
    (emotion,) = engine.recognize([clip])
    assert (emotion.label, emotion.confidence, dict(emotion.scores)) == ("unknown", 0.0, {})
    assert emotion.vector.shape == (1024,)
    assert not emotion.vector.any()


@pytest.mark.parametrize("samples", [400, 401, 799, 800, 2_048])
def test_the_shortest_clips_are_judged(engine: WhisperEmotion, samples: int) -> None:
    assert engine.recognize([voice(samples / SAMPLE_RATE)])[0].scores


@pytest.mark.parametrize("where", [0, 8_000, 15_999])
def test_a_lone_click_is_judged(engine: WhisperEmotion, where: int) -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[where] = 1
    assert engine.recognize([click])[0].scores


def test_only_the_first_30_seconds_count(engine: WhisperEmotion) -> None:
    long = voice(40)
    (whole,), (cut,) = engine.recognize([long]), engine.recognize([long[: 30 * SAMPLE_RATE]])
    np.testing.assert_array_equal(whole.vector, cut.vector)


def test_loudness_and_silence_around_a_line_do_not_matter(engine: WhisperEmotion) -> None:
    line = voice(2)
    frame_hops = np.zeros(512 * 20, np.float32)
    (plain, quiet, padded) = engine.recognize([line, line * np.float32(1 / 64), np.concatenate([frame_hops, line, frame_hops])])
    assert similarity(plain.vector, quiet.vector) > 0.999
    assert similarity(plain.vector, padded.vector) > 0.9
    assert similarity(plain.vector, engine.recognize([voice(2, 400)])[0].vector) < 0.9


def similarity(one: Samples, other: Samples) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize(("before", "after"), [(0, 0), (5_000, 7_000), (16_000, 0), (511, 513), (1, 40_000)])
def test_trimming_keeps_the_loud_part(before: int, after: int) -> None:
    line = voice(1)
    kept = trim(np.concatenate([np.zeros(before, np.float32), line, np.zeros(after, np.float32)]))
    # Frames are 2048 samples wide: that much silence stays at either end, and nothing of the line is lost.
    assert len(line) <= len(kept) <= len(line) + 2 * 2048
    assert float(np.square(kept).sum()) == pytest.approx(float(np.square(line).sum()), rel=1e-4)


def test_another_size_of_whisper_is_refused(whisper_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with np.load(HEAD, allow_pickle=False) as arrays:
        narrow = dict(arrays)
    narrow |= {"mean": narrow["mean"][:768], "scale": narrow["scale"][:768], "weights": narrow["weights"][:, :768]}
    np.savez(tmp_path / "head.npz", **narrow)
    monkeypatch.setattr("engines.emotions.whisper_emotion.Head", lambda: Head(tmp_path / "head.npz"))
    with pytest.raises(ValueError, match=r"needs 768 features and .* gives 1024: point it at Whisper base"):
        WhisperEmotion(whisper_path)


def test_the_head_that_is_shipped_was_trained_on_these_features(engine: WhisperEmotion) -> None:
    """It knows its training data by heart, unless clips are prepared otherwise than they were in training."""
    ours = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
    clips = recordings("emodb_4emotions", 2, "speaker")
    found = engine.recognize([clip for clip, _, _ in clips])
    neutral: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for emotion, (_, label, speaker) in zip(found, clips, strict=True):
        if label == "neutral":
            neutral[speaker].append(emotion.scores)
    even = replace(CALIBRATIONS[engine.name], neutral_odds=1.0)
    right = [
        read_scores(emotion.scores, even, baseline(neutral[speaker])).label == ours.get(label, label)
        for emotion, (_, label, speaker) in zip(found, clips, strict=True)
    ]
    assert np.mean(right) > 0.9


def test_the_features_tell_emotions_of_unheard_speakers_apart(whisper_path: Path) -> None:
    """Nearest mean of each emotion, from the first actors, tested on the others; chance is 1 in 4."""
    extract = WhisperFeatures(whisper_path)
    clips = [
        (clip, label) for clip, label, _ in recordings("ravdess", every=5) if label in {"angry", "calm", "sad", "surprised"}
    ]
    features, labels = np.stack([extract(clip) for clip, _ in clips]), np.array([label for _, label in clips])
    half = len(clips) // 2  # the table is in the order of the actors
    features = (features - features[:half].mean(axis=0)) / features[:half].std(axis=0)
    emotions = np.unique(labels[:half])
    means = np.stack([features[:half][labels[:half] == emotion].mean(axis=0) for emotion in emotions])
    distances = np.linalg.norm(features[half:, None] - means, axis=2)
    assert (emotions[distances.argmin(axis=1)] == labels[half:]).mean() > 0.45


def test_a_meeting_is_mostly_neutral(engine: WhisperEmotion) -> None:
    folder = DATA / "conversations" / "ami"
    if not folder.exists():
        pytest.skip("the AMI recordings are not here")
    turns: dict[str, list[Samples]] = defaultdict(list)
    for table in sorted(folder.glob("*.rttm")):
        recording = soundfile.read(table.with_suffix(".flac"), dtype="float32")[0]
        for fields in map(str.split, table.read_text().splitlines()):
            at, length = float(fields[3]), float(fields[4])
            if length >= 1:
                turns[fields[7]].append(recording[int(at * SAMPLE_RATE) : int((at + length) * SAMPLE_RATE)])
    labels = []
    for clips in turns.values():
        found = engine.recognize(clips)
        usual = baseline(emotion.scores for emotion in found)
        labels += [feeling(emotion.scores, emotion.model, usual).label for emotion in found]
    assert labels.count("neutral") / len(labels) > 0.8
