"""The processing of one span of speech, with stages that answer from a script. Other tests check the models."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from pipeline.decoding import PLAIN, Decoding
from pipeline.live.live_segment import ProcessedSegment, SegmentOptions, process_segment
from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Span, SpeakerHint, Turn, Utterance, Vector, Voiceprint, Word
from tests.support.transcriber import ScriptedTranscriber

AUDIO = "a reference that the pipeline only passes on"
ALICE, BOB = np.array([1, 0, 0], np.float32), np.array([0, 1, 0], np.float32)
WHOLE = np.array([0, 0, 1], np.float32)
"""The embedding of a whole span."""


@dataclass
class Script(ScriptedTranscriber):
    """By default Alice speaks for three seconds, then Bob does."""

    words: list[Word] = field(default_factory=lambda: [Word(f" w{i}", i, i + 0.9, 0.9) for i in range(6)])
    turns: list[Turn] = field(default_factory=lambda: [Turn(0, 3, "A"), Turn(3, 6, "B")])
    voices: dict[str, Vector] = field(default_factory=lambda: {"A": ALICE, "B": BOB})
    logprob: float = -0.2
    running: int = 0
    at_once: int = 0
    shards: list[Span] = field(default_factory=list)
    hints: list[SpeakerHint] = field(default_factory=list)

    async def _work(self) -> None:
        self.running += 1
        self.at_once = max(self.at_once, self.running)
        await asyncio.sleep(0.01)
        self.running -= 1

    async def find_speech(self, audio: str) -> Sequence[Span]:
        raise AssertionError("A span is speech already.")

    async def transcribe(
        self, audio: str, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        await self._work()
        return [Utterance(tuple(self.words), self.logprob, language or "fr")] if self.words else []

    async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        self.shards.append(shard)
        await self._work()
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        self.hints.append(hint)
        return Diarization(tuple(self.turns), tuple(self.turns))

    async def embed(self, audio: str, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        (label,) = {turn.speaker for turn in self.turns if turn.start <= spans[0].start < turn.end}
        return Voiceprint(self.voices[label], "voices")

    async def embed_each(self, audio: str, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        await self._work()
        return [Voiceprint(WHOLE * span.duration, "voices") for span in spans]

    async def recognize(self, audio: str, spans: Sequence[Span]) -> Sequence[Emotion]:
        await self._work()
        return [Emotion("happy", span.duration / 10, {}, WHOLE, "feelings") for span in spans]


async def processed(script: Script, duration: float = 6.0, **options: object) -> ProcessedSegment:
    return await process_segment(AUDIO, duration, Stages(script, script, script, script), SegmentOptions(**options))  # type: ignore[arg-type]


def texts(found: ProcessedSegment) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment in found.segments]


async def test_two_voices_make_two_segments_with_voices_and_emotions_of_their_own() -> None:
    found = await processed(Script())
    assert texts(found) == [("A", "w0 w1 w2"), ("B", "w3 w4 w5")]
    assert [(segment.start, segment.end) for segment in found.segments] == [(0, 2.9), (3, 5.9)]
    assert [segment.emotion and segment.emotion.confidence for segment in found.segments] == [pytest.approx(0.29)] * 2
    assert {p.label: p.voiceprint.vector.tolist() for p in found.participants if p.voiceprint} == {
        "A": ALICE.tolist(),
        "B": BOB.tolist(),
    }
    assert found.language == "fr"


async def test_voices_that_cannot_be_distinguished_are_one() -> None:
    found = await processed(Script(voices={"A": ALICE, "B": ALICE}))
    assert [text for _, text in texts(found)] == ["w0 w1 w2 w3 w4 w5"]
    (person,) = found.participants
    assert person.voiceprint is not None
    assert person.voiceprint.vector[2] == 6.0  # that of the whole span
    assert person.speech_seconds == pytest.approx(5.9)
    assert found.segments[0].emotion is not None
    assert found.segments[0].emotion.confidence == pytest.approx(0.6)


async def test_the_threshold_decides_whether_they_can() -> None:
    like = (ALICE + BOB) / np.sqrt(2)
    assert len((await processed(Script(voices={"A": ALICE, "B": like}), speaker_threshold=0.6)).participants) == 1
    assert len((await processed(Script(voices={"A": ALICE, "B": like}), speaker_threshold=0.8)).participants) == 2


async def test_an_interjected_word_does_not_make_a_speaker() -> None:
    turns = [Turn(0, 3, "A"), Turn(3, 3.9, "C"), Turn(3.9, 6, "B")]
    words = [Word(" One.", 0, 2.9, 0.9), Word(" Mhm.", 3.1, 3.8, 0.9), Word(" Two.", 4, 5.9, 0.9)]
    found = await processed(Script(turns=turns, words=words, voices={"A": ALICE, "B": BOB, "C": WHOLE}))
    assert texts(found) == [("A", "One. Mhm."), ("B", "Two.")]


async def test_without_transcription_the_turns_are_the_segments() -> None:
    script = Script(words=[Word(" Not", 0, 5, 0.9)])
    found = await processed(script, decoding=Decoding(enabled=False))
    assert [(part.speaker, part.start, part.end, part.words) for part in found.segments] == [("A", 0, 3, ()), ("B", 3, 6, ())]
    assert all(segment.emotion and segment.voice for segment in found.segments)
    assert {person.label for person in found.participants} == {"A", "B"}
    assert (found.language, found.notes, script.at_once) == (None, (), 3)


async def test_nor_has_a_single_voice_words() -> None:
    found = await processed(Script(voices={"A": ALICE, "B": ALICE}), decoding=Decoding(enabled=False))
    assert [(part.start, part.end, part.text) for part in found.segments] == [(0, 6, "")]
    short = await processed(Script(), duration=2.0, decoding=Decoding(enabled=False))
    assert [(part.start, part.end) for part in short.segments] == [(0, 2)]
    silent = await processed(Script(turns=[]), decoding=Decoding(enabled=False))
    assert silent.segments == ()


async def test_all_stages_run_concurrently() -> None:
    script = Script()
    await processed(script)
    assert script.at_once == 4
    assert script.shards == [Span(0.0, 10.0)]  # a window of the diarizer


async def test_a_short_span_is_not_diarized() -> None:
    script = Script(words=[Word(" Yes.", 0, 0.5, 0.9)])
    assert texts(await processed(script, duration=1.5)) == [("SPEAKER_00", "Yes.")]
    assert script.shards == []


async def test_a_span_without_words_gives_no_segment() -> None:
    assert await processed(Script(words=[]), duration=1.5) == ProcessedSegment()


async def test_speech_without_words_is_noted() -> None:
    found = await processed(Script(words=[]))
    assert found.segments == ()
    assert [(note.kind, note.start, note.end) for note in found.notes] == [("left_out", 1.0, 5.0)]


async def test_hallucinations_are_left_out_on_request() -> None:
    script = Script(words=[Word(" Thank", 0, 0.2, 0.2), Word(" you.", 0.2, 0.3, 0.2)], logprob=-1.5)
    left_out = await processed(script)
    assert left_out.segments == ()
    assert [note.start for note in left_out.notes if "“Thank you.”" in note.message] == [0.0]
    assert len((await processed(script, filter_hallucinations=False)).segments) == 1


async def test_a_known_language_is_not_detected() -> None:
    assert (await processed(Script(), language="de")).language == "de"


async def test_an_error_is_raised_unchanged_and_cancels_the_other_stages() -> None:
    class Broken(Script):
        async def recognize(self, audio: str, spans: Sequence[Span]) -> Sequence[Emotion]:
            raise RuntimeError("The device is gone.")

    script, before = Broken(), asyncio.all_tasks()
    with pytest.raises(RuntimeError, match="The device is gone"):
        await processed(script)
    assert asyncio.all_tasks() <= before
