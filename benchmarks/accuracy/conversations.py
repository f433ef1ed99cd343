"""Words with their speakers: the word error rate with the right speaker (cpWER), ours and stock's, in one run.

    python -m benchmarks.accuracy.conversations [--data DIRECTORY] [--answers DIRECTORY]

Stock is bare faster-whisper with pyannote's own pipeline: each word belongs to the speaker who speaks most during it, as in
WhisperX. Recordings are pyannote's sample, a clip of three speakers and composed conversations, a quarter of whose turns
interrupt the last one, in pink noise 20 dB below. pyannote takes three times their length on a CPU core.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
from faster_whisper import BatchedInferencePipeline

from benchmarks.accuracy import diarization
from benchmarks.accuracy.transcription import ignore, segments_of_bare
from benchmarks.harness import compose, figures, spoken
from benchmarks.harness.command import DATA, Answers, Data, kept_in, run
from benchmarks.harness.references import Reference
from engines import in_process
from engines.in_process import LocalStages
from media.decoding import decode
from pipeline.evaluation.error_rates import speaker_word_errors
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE, Turn
from settings import Settings

COMPOSED = ((2, 3), (4, 3), (6, 3))
"""Speakers and minutes."""
OVERLAP, NOISE = 0.25, 20.0
NEAR_S = 1.0
"""A word that no turn overlaps belongs to the turn that is closest to it, within so many seconds."""

Said = Mapping[str, str]
"""All words of each speaker."""


@dataclass(frozen=True, slots=True)
class Conversation:
    group: str
    path: Path
    said: Said


def main(data: Data = DATA, answers: Answers = None) -> None:
    with kept_in(answers) as folder:
        print(figures.shown(rows([*real(data), *composed(data, folder)], folder)))


def rows(conversations: Sequence[Conversation], answers: Path) -> Iterator[figures.Row]:
    systems = Systems(answers)
    for group in dict.fromkeys(each.group for each in conversations):
        own = [each for each in conversations if each.group == group]
        yield row(group, own, *([systems.ask(system, each) for each in own] for system in ("ours", "stock")))


def row(group: str, own: Sequence[Conversation], ours: Sequence[Said], stock: Sequence[Said] = ()) -> figures.Row:
    def counts(answers: Sequence[Said]) -> list[figures.Count]:
        return [figures.Count(*speaker_word_errors(each.said, answer)) for each, answer in zip(own, answers, strict=True)]

    return figures.Row("cpWER", group, counts(ours), counts(stock) if stock else None)


def real(data: Path) -> Iterator[Conversation]:
    """The recordings of people who speak freely."""
    sample = data / "conversations/pyannote_sample/sample.flac"
    if sample.exists():
        yield telephone(sample)
    clip = data / "conversations/misc/leopard_diarization_test.flac"
    if clip.exists():
        tests = json.loads(clip.with_name("leopard_test_data.json").read_text())["tests"]["diarization_tests"]
        yield Conversation("clip", clip, joined((str(word["speaker_tag"]), word["word"]) for word in tests[0]["words"]))


def telephone(sample: Path) -> Conversation:
    """pyannote's sample, whose words are beside it."""
    words = spoken.said_in(sample.with_suffix(".stm"))
    return Conversation("telephone", sample, joined((speaker, word) for word, speaker in words))


def composed(data: Path, folder: Path) -> Iterator[Conversation]:
    """Written to `folder`."""
    pool = compose.utterances(data / "read_speech/librispeech_test-other")
    readers = sorted({utterance.reader for utterance in pool})
    for speakers, minutes in COMPOSED:
        talk = compose.conversation(readers[:speakers], pool, 60 * minutes, seed=speakers, overlap=OVERLAP, noise=NOISE)
        path = folder / f"{speakers} speakers, {minutes} minutes.flac"
        soundfile.write(path, talk.samples, SAMPLE_RATE)
        said = joined((turn.speaker, text) for turn, text in zip(talk.turns, talk.texts, strict=True))
        yield Conversation("composed", path, said)


class Systems:
    """Ours and stock; answers are kept in a folder and found again."""

    def __init__(self, answers: Path) -> None:
        self._answers = answers
        self._stages: LocalStages | None = None

    def ask(self, system: str, conversation: Conversation) -> Said:
        kept = self._answers / f"{system} said {conversation.path.stem}.json"
        if not kept.exists():
            self._stages = self._stages or in_process.load(Settings())
            answer: Callable[[Path, LocalStages], Said] = self._ours if system == "ours" else self._stock
            kept.write_text(json.dumps(dict(answer(conversation.path, self._stages))))
            print(kept.stem, file=sys.stderr, flush=True)
        said: Said = json.loads(kept.read_text())
        return said

    def _ours(self, path: Path, stages: LocalStages) -> Said:
        samples = decode(path, max_duration=spoken.MAX_S)
        found = asyncio.run(process(samples, len(samples) / SAMPLE_RATE, stages, Options(), ignore))
        return joined((segment.speaker, segment.text) for segment in found.segments)

    def _stock(self, path: Path, stages: LocalStages) -> Said:
        """The same weights, from the stages."""
        assert isinstance(stages.transcriber, in_process.LocalTranscriber)
        bare = BatchedInferencePipeline(stages.transcriber.engine("").model)
        turns = diarization.ask("stock", diarization.Recording(path.stem, path, Reference(())), self._answers, 1, "cpu").turns
        words = [
            word for segment in segments_of_bare(bare, decode(path, max_duration=spoken.MAX_S)) for word in segment.words or ()
        ]
        return joined((_speaker(word.start, word.end, turns), word.word) for word in words)


def _speaker(start: float, end: float, turns: Iterable[Turn]) -> str:
    """Who speaks most from `start` to `end`, or else closest to it."""
    shared = {turn: min(end, turn.end) - max(start, turn.start) for turn in turns}
    best = max(shared, key=lambda turn: shared[turn], default=None)
    return "" if best is None or shared[best] < -NEAR_S else best.speaker


def joined(words: Iterable[tuple[str, str]]) -> Said:
    found: dict[str, list[str]] = {}
    for speaker, text in words:
        found.setdefault(speaker, []).append(text)
    return {speaker: " ".join(texts) for speaker, texts in found.items()}


if __name__ == "__main__":
    run(main)
