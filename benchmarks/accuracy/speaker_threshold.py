"""Measure the speaker embedding: from which similarity two voices are the same person.

    uv run python -m benchmarks.accuracy.speaker_threshold

Each voice is compared, as in `pipeline.identity.matching.match`, with the closest reference of every known speaker. A reference
is never from the file of the voice. For each kind of speech the program prints the equal error rate and its threshold, and the
errors at other thresholds: own voices missed, and strangers taken for a known speaker. It also prints the logistic curve from
similarity to probability that fits all of it (`pipeline.identity.matching.CALIBRATIONS`). It takes some minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.command import DATA, Data, run
from engines.speaker_embedding import SHORTEST, SpeakerEmbedding
from engines.weights.resolver import resolve
from media.decoding import decode
from pipeline.types import SAMPLE_RATE, Samples, Vector
from settings import Settings

GRID = 100
"""Hz, of the grid on which overlapped speech is cut out."""
ROOMS = ("RIRs_rir1.flac", "RIRs_rir3.flac")
"""Room impulse responses that the near recordings are played in, to be matched with references that are near."""
ROOM_SECONDS = 1.0

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voice:
    speaker: str
    file: str
    vector: Vector


def _read(path: Path) -> Samples:
    return decode(path, max_duration=3600)


def _readers(data: Path, folder: str, seconds: float, shortest: float) -> Iterator[tuple[str, str, Samples]]:
    """(reader, file, samples) of LibriSpeech: the first `seconds` of each utterance of at least `shortest` seconds."""
    for path in sorted((data / "read_speech" / folder).rglob("*.flac")):
        samples = _read(path)
        if len(samples) >= shortest * SAMPLE_RATE:
            yield path.name.partition("-")[0], path.stem, samples[: round(seconds * SAMPLE_RATE)]


def _meetings(data: Path) -> Iterator[tuple[str, str, Samples]]:
    """(person, meeting, clean speech) of AMI: the speech of a person in a meeting without overlap."""
    for path in sorted((data / "conversations/ami").glob("*.flac")):
        samples = _read(path)
        turns = [line.split() for line in path.with_suffix(".rttm").read_text().splitlines()]
        people = sorted({turn[7] for turn in turns})
        speaking = np.zeros((len(people), len(samples) * GRID // SAMPLE_RATE), np.bool_)
        for turn in turns:
            start, length = float(turn[3]), float(turn[4])
            speaking[people.index(turn[7]), round(start * GRID) : round((start + length) * GRID)] = True
        for person, own in zip(people, speaking & (speaking.sum(axis=0) == 1), strict=True):
            clean = samples[: own.size * SAMPLE_RATE // GRID][np.repeat(own, SAMPLE_RATE // GRID)]
            if len(clean) >= SAMPLE_RATE:
                yield person, path.stem, clean


def _actors(data: Path) -> Iterator[tuple[str, str, Samples]]:
    """(actor, file, samples) of RAVDESS, an eighth of it: one sentence of about 3 s in several emotions."""
    for path in sorted((data / "emotion/ravdess").rglob("*.flac"))[::8]:
        yield path.parent.name, path.stem, _read(path)


def _in_a_room(samples: Samples, room: Samples) -> Samples:
    size = len(samples) + len(room) - 1
    wet: Samples = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(room, size), size)[: len(samples)].astype(np.float32)
    wet *= np.abs(samples).max() / np.abs(wet).max()
    return wet


def _scores(probes: list[Voice], known: list[Voice]) -> tuple[Scores, Scores, Scores]:
    """Similarities of probes to their own speaker, to each other speaker, and to the closest other speaker of all."""
    speakers = sorted({voice.speaker for voice in known})
    own, others, closest = [], [], []
    for probe in probes:
        similarity: dict[str, float] = {}
        for voice in known:
            if voice.file != probe.file:
                similarity[voice.speaker] = max(similarity.get(voice.speaker, -1.0), float(voice.vector @ probe.vector))
        own += [similarity[probe.speaker]] if probe.speaker in similarity else []
        rest = [similarity[speaker] for speaker in speakers if speaker != probe.speaker and speaker in similarity]
        others += rest
        closest += [max(rest)]
    return np.array(own), np.array(others), np.array(closest)


def _equal_error(own: Scores, others: Scores) -> tuple[float, float]:
    """The rate at which as many own voices are missed as others are taken for them, and the threshold where that is so."""
    thresholds = np.unique(np.concatenate([own, others]))
    missed = np.searchsorted(np.sort(own), thresholds, side="right") / own.size
    taken = 1 - np.searchsorted(np.sort(others), thresholds, side="right") / others.size
    at = int(np.abs(missed - taken).argmin())
    return float(missed[at] + taken[at]) / 2, float(thresholds[at])


def _calibration(own: Scores, closest: Scores) -> tuple[float, float]:
    """Slope and midpoint of the logistic curve between own voices and the closest strangers, equally likely (Platt)."""
    from sklearn.linear_model import LogisticRegression

    truth = np.concatenate([np.ones(own.size), np.zeros(closest.size)])
    scores = np.concatenate([own, closest])
    fitted = LogisticRegression(C=1e3, class_weight="balanced").fit(scores[:, None], truth)
    slope = float(fitted.coef_[0, 0])
    return slope, -float(fitted.intercept_[0]) / slope


def main(data: Data = DATA) -> None:
    settings = Settings()
    weights = resolve("embedding", settings, gpu=False, progress=True)
    engine = SpeakerEmbedding(weights.path, threads=settings.cpu_threads)

    def embed(found: Iterator[tuple[str, str, Samples]]) -> list[Voice]:
        return [Voice(who, file, engine.embed(samples)) for who, file, samples in found if len(samples) >= SHORTEST]

    roster = embed(_readers(data, "librispeech_test-other", 10, 3)) + embed(
        _readers(data, "librispeech_train-clean-100", 10, 3)
    )
    readers = [voice for voice in roster if sum(voice.speaker == other.speaker for other in roster) > 1]
    meetings, actors = embed(_meetings(data)), embed(_actors(data))
    trials = {
        "read, 3 to 10 s": _scores(readers, roster),
        "read, 2 s": _scores(embed(_readers(data, "librispeech_test-other", 2, 2)), roster),
        "meetings": _scores(meetings, meetings),
        "acted emotion, 3 s": _scores(actors, actors),
    }
    for name in ROOMS:
        room = _read(data / "edge/noise" / name)[: round(ROOM_SECONDS * SAMPLE_RATE)]
        distant = ((who, file, _in_a_room(near, room)) for who, file, near in _readers(data, "librispeech_test-other", 5, 5))
        trials[f"read, 5 s, {Path(name).stem}"] = _scores(embed(distant), roster)

    print(f"{weights.name}\n\n{'speech':24} {'own':>5} {'others':>7} {'EER':>6} {'at':>5} {'own 5 %':>8} {'others 99 %':>12}")
    for name, (own, others, _) in trials.items():
        rate, at = _equal_error(own, others)
        tails = f"{np.quantile(own, 0.05):8.2f} {np.quantile(others, 0.99):12.2f}"
        print(f"{name:24} {own.size:5} {others.size:7} {rate:6.1%} {at:5.2f} {tails}")
    print("\nthreshold: own missed | strangers taken for somebody on the roster, in the same order")
    for threshold in np.arange(0.25, 0.71, 0.05):
        costs = [(np.mean(own <= threshold), np.mean(closest > threshold)) for own, _, closest in trials.values()]
        print(f"{threshold:9.2f}: " + "   ".join(f"{missed:4.0%} |{taken:4.0%}" for missed, taken in costs))
    own, closest = (np.concatenate([trial[i] for trial in trials.values()]) for i in (0, 2))
    slope, midpoint = _calibration(own, closest)
    print(
        f"\nprobability = 1 / (1 + exp(-{slope:.1f} (similarity - {midpoint:.3f}))), from {own.size} own, {closest.size} others"
    )
    for low in np.arange(0.3, 0.8, 0.1):
        counts = [int(np.sum((scores >= low) & (scores < low + 0.1))) for scores in (own, closest)]
        print(f"{low:9.1f} to {low + 0.1:.1f}: {counts[0]:4} own, {counts[1]:4} others")


if __name__ == "__main__":
    run(main)
