"""The order of the stages, their arguments and the use of their results. Other tests check the models."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from pipeline.decoding import PLAIN, Decoding
from pipeline.process import Options, process
from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Segment, Span, SpeakerHint, Turn, Utterance, Voiceprint, Word
from tests.support.transcriber import ScriptedTranscriber

SPOKEN = [Turn(0, 6, "S0"), Turn(39, 66, "S1")]
VECTOR = np.ones(4, np.float32)
AUDIO = "a reference that the pipeline only hands on"


@dataclass
class Script(ScriptedTranscriber):
    """Stages that answer from a script and record the calls of `transcribe`."""

    speech: list[Span] = field(default_factory=lambda: [Span(0, 5), Span(40, 65)])
    words: dict[float, str] = field(default_factory=lambda: {1.0: " Hello.", 41.0: " Bonjour."})
    turns: list[Turn] = field(default_factory=lambda: [Turn(0, 6, "S0"), Turn(39, 70, "S1"), Turn(80, 82, "S2")])
    transcribe_calls: list[tuple[Span, str | None]] = field(default_factory=list)
    detect_calls: list[Span] = field(default_factory=list)
    expected: list[str | None] = field(default_factory=list)

    async def find_speech(self, audio: str) -> Sequence[Span]:
        assert audio is AUDIO
        return self.speech

    async def detect_language(self, audio: object, window: Span, decoding: Decoding = PLAIN) -> str:
        assert audio is AUDIO
        self.detect_calls.append(window)
        return "fr"

    async def transcribe(
        self, audio: str, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        self.transcribe_calls.append((window, language))
        self.expected.append(decoding.expected_language)
        found = [Word(text, time, time + 1.5, 0.9) for time, text in self.words.items() if window.start <= time < window.end]
        return [Utterance(tuple(found), -0.2, language or "fr")] if found else []

    async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        await progress(0.5)
        return Observation(np.zeros((1, 1, 1), np.uint8), np.full((1, 1, 1), shard.start, np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return Diarization(tuple(self.turns), tuple(self.turns), {"S1": Voiceprint(VECTOR * 7, "diarizer")})

    async def embed(self, audio: str, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return known or Voiceprint(VECTOR * spans[0].start, "voices")

    async def embed_each(self, audio: str, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [Voiceprint(VECTOR * span.start, "voices") if span.duration > 1.9 else None for span in spans]

    async def recognize(self, audio: str, spans: Sequence[Span]) -> Sequence[Emotion]:
        return [Emotion("happy", span.start / 100, {}, VECTOR, "feelings") for span in spans]


def stages(script: Script) -> Stages[str]:
    return Stages(script, script, script, script)


async def ignore(_stage: str, _fraction: float) -> None: ...


def speakers_and_texts(segments: Sequence[Segment]) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment in segments]


async def test_every_segment_has_its_speaker_and_its_own_emotion() -> None:
    transcript = await process(AUDIO, 90.0, stages(Script()), Options(), ignore)
    assert speakers_and_texts(transcript.segments) == [("S0", "Hello."), ("S1", "Bonjour.")]
    assert [segment.emotion and segment.emotion.confidence for segment in transcript.segments] == [0.01, 0.41]
    assert (transcript.duration, transcript.language) == (90.0, "fr")


async def test_every_segment_that_is_long_enough_has_its_own_voice() -> None:
    script = Script()
    transcript = await process(AUDIO, 90.0, stages(script), Options(context_padding=0.25), ignore)
    assert [segment.voice and segment.voice.vector[0] for segment in transcript.segments] == [0.75, 40.75]
    transcript = await process(AUDIO, 90.0, stages(script), Options(context_padding=0.1), ignore)
    assert [segment.voice for segment in transcript.segments] == [None, None]


async def test_an_embedding_of_the_diarizer_is_not_computed_again() -> None:
    transcript = await process(AUDIO, 90.0, stages(Script()), Options(), ignore)
    assert [p.voiceprint and p.voiceprint.model for p in transcript.participants] == ["voices", "diarizer", None]


async def test_a_long_recording_is_diarized_in_shards_and_clustered_in_order() -> None:
    clustered: list[float] = []

    class Slow(Script):
        async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
            await asyncio.sleep(0.01 if shard.start == 0 else 0)  # the first is done last
            return await super().observe(audio, shard, progress)

        async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
            clustered.extend(float(found.embeddings[0, 0, 0]) for found in observations)
            return await super().cluster(observations, hint)

    await process(AUDIO, 400.0, stages(Slow()), Options(), ignore)
    assert clustered == [0, 100, 200, 300]


async def test_every_window_has_its_own_language_and_that_of_the_longest_is_expected() -> None:
    script = Script()
    await process(AUDIO, 90.0, stages(script), Options(), ignore)
    assert script.detect_calls == [Span(40, 65)]
    assert script.transcribe_calls == [(Span(0, 5), None), (Span(40, 65), None)]
    assert script.expected == ["fr", "fr"]


async def test_no_window_waits_for_the_words_of_another_one() -> None:
    """All are in work at once, also where their language must be detected."""
    all_there = asyncio.Event()

    class Waiting(Script):
        async def transcribe(
            self, audio: str, window: Span, language: str | None, decoding: Decoding = PLAIN
        ) -> Sequence[Utterance]:
            found = await super().transcribe(audio, window, language, decoding)
            if len(self.transcribe_calls) == len(self.speech):
                all_there.set()
            await all_there.wait()
            return found

    async with asyncio.timeout(120):
        transcript = await process(AUDIO, 90.0, stages(Waiting()), Options(), ignore)
    assert speakers_and_texts(transcript.segments) == [("S0", "Hello."), ("S1", "Bonjour.")]


async def test_the_language_of_a_single_window_is_not_detected_before() -> None:
    script = Script(speech=[Span(40, 65)])
    await process(AUDIO, 90.0, stages(script), Options(), ignore)
    assert (script.detect_calls, script.expected) == ([], [None])


async def test_a_given_language_is_not_detected() -> None:
    script = Script()
    await process(AUDIO, 90.0, stages(script), Options(language="de"), ignore)
    assert {language for _, language in script.transcribe_calls} == {"de"}
    assert script.detect_calls == []
    assert len(script.transcribe_calls) == 2


async def test_a_participant_without_words_has_turns_but_no_voiceprint() -> None:
    transcript = await process(AUDIO, 90.0, stages(Script()), Options(), ignore)
    assert [(p.label, p.speech_seconds, p.voiceprint is not None) for p in transcript.participants] == [
        ("S0", 6, True),
        ("S1", 31, True),
        ("S2", 2, False),
    ]
    assert len(transcript.turns) == 3


async def test_words_outside_of_all_turns_are_kept() -> None:
    transcript = await process(AUDIO, 90.0, stages(Script(turns=[])), Options(), ignore)
    assert len(transcript.segments) == 2
    assert [(p.voiceprint, p.speech_seconds) for p in transcript.participants] == [(None, 0.0)]


async def test_silence_gives_an_empty_transcript() -> None:
    transcript = await process(AUDIO, 90.0, stages(Script(speech=[], turns=[])), Options(), ignore)
    assert (transcript.segments, transcript.participants, transcript.language) == ((), (), None)


@pytest.mark.parametrize(("filtered", "left"), [(True, 1), (False, 2)])
async def test_hallucinations_are_dropped_where_asked(filtered: bool, left: int) -> None:
    script = Script(words={1.0: " Um.", 41.0: " Bonjour."})
    transcript = await process(AUDIO, 90.0, stages(script), Options(filter_hallucinations=filtered), ignore)
    assert len(transcript.segments) == left
    assert [note.start for note in transcript.notes if "“Um.”" in note.message] == [1.0] * filtered


async def test_speech_without_words_is_noted_also_where_the_stage_results_are_stored() -> None:
    stored: dict[str, str] = {}

    async def keep(stage: str, result: str) -> None:
        stored[stage] = result

    for found in ({}, stored):
        transcript = await process(AUDIO, 90.0, stages(Script()), Options(), ignore, dict(found), keep)
        # Between the words of the windows, and after them.
        assert [(note.kind, note.start, note.end) for note in transcript.notes] == [
            ("left_out", 3.5, 40.0),
            ("left_out", 43.5, 82),
        ]
    with_words = Script(words={float(second): " So." for second in [*range(0, 5, 2), *range(40, 65, 2)]}, turns=SPOKEN)
    assert (await process(AUDIO, 90.0, stages(with_words), Options(), ignore)).notes == ()
    nobody = await process(AUDIO, 90.0, stages(Script(turns=[Turn(0, 3, "S0")])), Options(), ignore)
    assert nobody.notes == ()


async def test_progress_never_goes_back_and_ends_complete() -> None:
    reports: list[tuple[str, float]] = []

    async def note(stage: str, fraction: float) -> None:
        reports.append((stage, fraction))

    await process(AUDIO, 90.0, stages(Script()), Options(), note)
    fractions = [fraction for _, fraction in reports]
    assert fractions == sorted(fractions)
    assert reports[-1][0] == "recognizing voices and emotions"
    assert reports[-1][1] == pytest.approx(1.0)
    assert {stage for stage, _ in reports} <= {"transcribing", "diarizing", "recognizing voices and emotions"}


async def test_only_the_stages_without_a_readable_stored_result_run() -> None:
    stored: dict[str, str] = {}

    async def keep(stage: str, result: str) -> None:
        stored[stage] = result

    first = await process(AUDIO, 90.0, stages(Script()), Options(), ignore, keep=keep)
    resumed = Script(words={})
    again = await process(AUDIO, 90.0, stages(resumed), Options(), ignore, stored)
    assert (speakers_and_texts(again.segments), resumed.transcribe_calls) == (speakers_and_texts(first.segments), [])
    for unreadable in ('{"version": 3}', "[", ""):
        resumed = Script(turns=[])
        again = await process(AUDIO, 90.0, stages(resumed), Options(), ignore, stored | {"transcribing": unreadable})
        assert speakers_and_texts(again.segments) == speakers_and_texts(first.segments)
        assert len(resumed.transcribe_calls) == 2


async def test_a_failing_stage_stops_the_other_and_its_own_error_is_raised() -> None:
    stopped = asyncio.Event()

    class Failing(Script):
        async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
            await asyncio.sleep(0)
            raise RuntimeError("the device is gone")

        async def find_speech(self, audio: str) -> Sequence[Span]:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
            return []

    with pytest.raises(RuntimeError, match="the device is gone"):
        await process(AUDIO, 90.0, stages(Failing()), Options(), ignore)
    assert stopped.is_set()


async def test_what_the_caller_knows_of_the_speakers_reaches_the_diarizer() -> None:
    hints: list[SpeakerHint] = []

    class Noting(Script):
        async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
            hints.append(hint)
            return await super().cluster(observations, hint)

    hint = SpeakerHint(num_speakers=3)
    await process(AUDIO, 90.0, stages(Noting()), Options(hint=hint), ignore)
    assert hints == [hint]


async def test_without_transcription_the_segments_are_turns_with_emotions_and_voices() -> None:
    script = Script(turns=[Turn(0, 6, "S0"), Turn(10, 80, "S1")])
    transcript = await process(AUDIO, 90.0, stages(script), Options(decoding=Decoding(enabled=False)), ignore)
    assert script.transcribe_calls == []
    assert [(segment.start, round(segment.end, 1), segment.speaker, segment.text) for segment in transcript.segments] == [
        (0, 6, "S0", ""),
        (10, 33.3, "S1", ""),
        (10 + 70 / 3, 56.7, "S1", ""),
        (10 + 140 / 3, 80, "S1", ""),
    ]
    assert all(segment.emotion and segment.voice for segment in transcript.segments)
    assert (transcript.language, transcript.notes) == (None, ())
