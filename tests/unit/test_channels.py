"""Transcripts of channels, combined, and the hint for each of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest

from pipeline.channels import process_channels
from pipeline.decoding import PLAIN, Decoding
from pipeline.hotwords import Vocabulary
from pipeline.process import Options
from pipeline.stages import Stages
from pipeline.transcript.channels import ChannelTranscript, channel_hint, merged
from pipeline.types import (
    NO_HINT,
    ChannelMode,
    Diarization,
    Emotion,
    Note,
    Observation,
    Participant,
    Segment,
    Span,
    SpeakerHint,
    Transcript,
    Turn,
    Utterance,
    Voiceprint,
    Word,
)
from tests.support.transcriber import ScriptedTranscriber

VECTOR = np.ones(4, np.float32)


def segment(text: str, start: float, *, speaker: str = "SPEAKER_00", probability: float = 0.9, pace: float = 0.4) -> Segment:
    words = [Word(f" {word}", start + i * pace, start + (i + 0.9) * pace, probability) for i, word in enumerate(text.split())]
    return Segment(start, words[-1].end, speaker, tuple(words), -0.2)


def part(channel: int, *segments: Segment, notes: Sequence[Note] = ()) -> ChannelTranscript:
    labels = sorted({one.speaker for one in segments})
    turns = tuple(Turn(one.start, one.end, one.speaker) for one in segments)
    people = tuple(Participant(label, 3.0, Voiceprint(VECTOR * channel, "voices")) for label in labels)
    return ChannelTranscript(channel, Transcript(60.0, "en" if segments else None, segments, people, turns, tuple(notes)))


def texts(transcript: Transcript) -> list[tuple[int | None, str, str, bool]]:
    return [(one.channel, one.speaker, one.text, one.overlap) for one in transcript.segments]


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (NO_HINT, SpeakerHint(num_speakers=1)),
        (SpeakerHint(num_speakers=1), SpeakerHint(num_speakers=1)),
        (SpeakerHint(num_speakers=2), SpeakerHint(num_speakers=1)),
        (SpeakerHint(min_speakers=2, max_speakers=2), SpeakerHint(num_speakers=1)),
        (SpeakerHint(num_speakers=3), SpeakerHint(max_speakers=2)),
        (SpeakerHint(max_speakers=5), SpeakerHint(max_speakers=4)),
        (SpeakerHint(min_speakers=3), SpeakerHint()),
    ],
)
def test_one_speaker_for_each_of_two_channels_unless_the_hint_says_otherwise(hint: SpeakerHint, expected: SpeakerHint) -> None:
    assert channel_hint(hint, 2) == expected


def test_overlap_of_two_channels_gives_both_sentences() -> None:
    first = part(1, segment("Some sung out", 0.0), segment("And then they left", 9.0))
    second = part(2, segment("I really liked that account", 0.3))
    found = merged([first, second], NO_HINT)
    assert texts(found) == [
        (1, "SPEAKER_00", "Some sung out", True),
        (2, "SPEAKER_01", "I really liked that account", True),
        (1, "SPEAKER_00", "And then they left", False),
    ]
    assert [person.label for person in found.participants] == ["SPEAKER_00", "SPEAKER_01"]
    assert [turn.speaker for turn in found.turns] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]
    assert found.notes == ()


def test_several_speakers_of_a_channel_stay_apart() -> None:
    first = part(1, segment("Hello there you", 0.0), segment("Hello to you", 3.0, speaker="SPEAKER_01"))
    found = merged([first, part(3, segment("Good morning", 6.0))], NO_HINT)
    assert [(one.channel, one.speaker) for one in found.segments] == [(1, "SPEAKER_00"), (1, "SPEAKER_01"), (3, "SPEAKER_02")]


def test_the_number_of_speakers_counts_all_channels() -> None:
    parts = [part(1, segment("One two three", 0.0)), part(2, segment("Four five six", 3.0))]
    assert [note.kind for note in merged(parts, SpeakerHint(num_speakers=3)).notes] == ["speakers"]
    assert merged(parts, SpeakerHint(num_speakers=2)).notes == ()


def test_notes_name_their_channel() -> None:
    notes = [Note("left_out", "“Uh” was left out: a filler.", 5.0, 5.5), Note("speakers", "Speakers asked for: 1; found: 0.")]
    found = merged([part(1, segment("One two three", 0.0)), part(2, segment("Four five six", 3.0), notes=notes)], NO_HINT)
    assert found.notes == (Note("left_out", "Channel 2: “Uh” was left out: a filler.", 5.0, 5.5),)


@pytest.mark.parametrize("delay", [-0.3, 0.0, 0.3])
def test_an_echo_is_left_out_with_a_note(delay: float) -> None:
    said = segment("Tear down the fence please", 2.0)
    echo = segment("Tear down the fence, please.", 2.0 + delay, probability=0.6)
    found = merged([part(1, echo), part(2, said)], NO_HINT)
    assert [(one.channel, one.text) for one in found.segments] == [(2, "Tear down the fence please")]
    assert [person.label for person in found.participants] == ["SPEAKER_00"]
    assert [turn.speaker for turn in found.turns] == ["SPEAKER_00"]
    (note,) = found.notes
    assert (
        note.message == "Channel 1: “Tear down the fence, please.” was left out: channel 2 has the same words at the same time."
    )
    assert note.start == 2.0 + delay


@pytest.mark.parametrize(
    "other",
    [segment("Tear down the fence please", 5.0), segment("Tear down that old barn", 2.0), segment("Yes.", 2.0)],
    ids=["later", "other words", "short"],
)
def test_what_is_no_echo_stays(other: Segment) -> None:
    mine = segment("Yes.", 2.0) if other.text == "Yes." else segment("Tear down the fence please", 2.0)
    assert len(merged([part(1, mine), part(2, other)], NO_HINT).segments) == 2


def test_the_same_channel_twice_gives_each_sentence_once() -> None:
    said = [segment("One two three four", 0.0), segment("Five six seven eight", 4.0, probability=0.8)]
    found = merged([part(1, *said), part(2, *said)], NO_HINT)
    assert [(one.channel, one.text) for one in found.segments] == [(1, "One two three four"), (1, "Five six seven eight")]


def test_of_echoes_that_are_cut_differently_no_word_is_lost() -> None:
    whole = segment("One two three four five six seven eight", 0.0, probability=0.5)
    halves = [segment("One two three four", 0.0, probability=0.4), segment("Five six seven eight", 1.6, probability=0.9)]
    found = merged([part(1, whole), part(2, *halves)], NO_HINT)
    said = " ".join(one.text.lower() for one in found.segments)
    assert all(word in said for word in ["one", "two", "three", "four", "five", "six", "seven", "eight"])


@dataclass(frozen=True)
class Loaded:
    samples: str
    duration: float


@dataclass
class Channels(ScriptedTranscriber):
    """Stages that answer by the channel that they get."""

    speech: dict[str, list[Span]]
    hints: list[SpeakerHint] = field(default_factory=list)
    transcribed: list[str] = field(default_factory=list)
    hotwords: list[str] = field(default_factory=list)

    async def find_speech(self, audio: str) -> Sequence[Span]:
        return self.speech[audio]

    async def transcribe(
        self, audio: str, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        self.transcribed.append(audio)
        self.hotwords.append(decoding.hotwords)
        words = [Word(f" {audio}{i}", window.start + i, window.start + i + 0.9, 0.9) for i in range(4)]
        return [Utterance(tuple(words), -0.2, "de" if audio == "b" else "en")]

    async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        await progress(1.0)
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        self.hints.append(hint)
        turns = (Turn(0.0, 9.0, "SPEAKER_00"),)
        return Diarization(turns, turns)

    async def embed(self, audio: str, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        return Voiceprint(VECTOR, "voices")

    async def embed_each(self, audio: str, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        return [None for _ in spans]

    async def recognize(self, audio: str, spans: Sequence[Span]) -> Sequence[Emotion]:
        return [Emotion("neutral", 1.0, {}, VECTOR, audio) for _ in spans]

    async def process(
        self,
        options: Options,
        found: dict[str, str] | None = None,
        kept: dict[str, str] | None = None,
        fractions: list[float] | None = None,
    ) -> Transcript:
        async def load(name: str) -> Loaded:
            return Loaded(name, 20.0)

        async def report(_stage: str, fraction: float) -> None:
            if fractions is not None:
                fractions.append(fraction)

        async def keep(stage: str, result: str) -> None:
            if kept is not None:
                kept[stage] = result

        loads = [partial(load, name) for name in self.speech]
        return await process_channels(loads, Stages(self, self, self, self), options, report, found or {}, keep)


BOTH = {"a": [Span(0, 9)], "b": [Span(0, 9)]}


async def test_each_channel_is_processed_on_its_own() -> None:
    stages, fractions = Channels(BOTH | {"c": []}), list[float]()
    found = await stages.process(Options(), fractions=fractions)
    assert [(one.channel, one.speaker, one.text) for one in found.segments] == [
        (1, "SPEAKER_00", "a0 a1 a2 a3"),
        (2, "SPEAKER_01", "b0 b1 b2 b3"),
    ]
    assert all(one.overlap for one in found.segments)
    assert [one.emotion and one.emotion.model for one in found.segments] == ["a", "b"]
    assert stages.hints == [SpeakerHint(num_speakers=1)] * 2
    assert stages.transcribed == ["a", "b"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


@pytest.mark.parametrize(("mode", "hint"), [("auto", NO_HINT), ("separate", SpeakerHint(num_speakers=1))])
async def test_a_recording_with_speech_in_one_channel(mode: ChannelMode, hint: SpeakerHint) -> None:
    """Two people may share the only channel with speech, unless the request sets one speaker per channel."""
    stages = Channels({"a": [], "b": [Span(0, 9)]})
    found = await stages.process(Options(channels=mode))
    assert [one.text for one in found.segments] == ["b0 b1 b2 b3"]
    assert found.language == "de"
    assert stages.hints == [hint]


@pytest.mark.parametrize("mode", ["auto", "separate"])
async def test_no_speech_in_any_channel(mode: ChannelMode) -> None:
    found = await Channels({"a": [], "b": []}).process(Options(channels=mode))
    assert (found.segments, found.duration, found.language) == ((), 20.0, None)


async def test_an_interrupted_job_continues_with_the_channels_that_are_done() -> None:
    kept: dict[str, str] = {}
    whole = await Channels(BOTH).process(Options(), kept=kept)
    assert len(kept) == 1 + 4  # the hot words, and two stages of each channel
    again = Channels(BOTH)
    first = {stage: result for stage, result in kept.items() if stage.endswith("1")}
    assert replace(await again.process(Options(), found=first), participants=()) == replace(whole, participants=())
    assert again.transcribed == ["b"]


async def test_an_interrupted_job_goes_on_with_its_hot_words() -> None:
    kept: dict[str, str] = {}
    first = Options(decoding=Decoding(hotwords="Ann, Bob"), vocabulary=Vocabulary(("Carl",)))
    whole = await Channels(BOTH).process(first, kept=kept)
    done = {stage: result for stage, result in kept.items() if not stage.endswith("2")}
    again = Channels(BOTH)
    continued = await again.process(replace(first, vocabulary=Vocabulary(("Dora",))), found=done)
    assert whole.hotwords == continued.hotwords == ("Ann", "Bob", "Carl")
    assert again.hotwords == ["Ann, Bob, Carl"]


@pytest.mark.parametrize(("stage", "channels"), [("find_speech", {"a": [Span(0, 9)], "b": []}), ("transcribe", BOTH)])
async def test_a_channel_that_a_stage_fails_on_is_left_out_with_a_note(
    stage: str, channels: dict[str, list[Span]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = Channels(channels)
    works = getattr(stages, stage)

    async def fail(audio: str, *arguments: object) -> object:
        if audio == "b":
            raise ValueError("no such shape")
        return await works(audio, *arguments)

    monkeypatch.setattr(stages, stage, fail)
    found = await stages.process(Options())
    assert [(one.channel, one.text) for one in found.segments] == [(1, "a0 a1 a2 a3")]
    (note,) = [note for note in found.notes if "no such shape" in note.message]
    assert (note.kind, note.start, note.end) == ("left_out", 0.0, 20.0)
    assert note.message == "Channel 2: What is said here was left out, as it could not be transcribed: no such shape"
