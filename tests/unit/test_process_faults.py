"""A recording in parts of which a stage fails: the rest is kept, and a note says what is missing.

Stages answer from a script.
"""

from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import pytest

from pipeline.checkpoint import Diarized, Transcribed
from pipeline.decoding import PLAIN, Decoding
from pipeline.faults import DeviceError
from pipeline.process import Options, process
from pipeline.types import Diarization, Emotion, Observation, Span, SpeakerHint, Turn, Utterance, Voiceprint
from tests.unit.test_process import AUDIO, Script, ignore, speakers_and_texts, stages

SHAPES = RuntimeError("mat1 and mat2 shapes cannot be multiplied")


class Faulty(Script):
    """Fails on all that begins at one of the times in `bad`, in the stages that are named."""

    def __init__(self, bad: Sequence[float], *names: str, error: Exception = SHAPES) -> None:
        super().__init__(
            speech=[Span(0, 5), Span(130, 155), Span(250, 254)],
            words={1.0: " One.", 141.0: " Two.", 251.0: " Three."},
            turns=[Turn(0, 3, "S0"), Turn(250, 253, "S1")],
        )
        self.bad, self.names, self.error = bad, names, error
        self.clustered: list[Observation] = []

    def check(self, name: str, *starts: float) -> None:
        if name in self.names and set(starts) & set(self.bad):
            raise self.error

    async def detect_language(self, audio: object, window: Span, decoding: Decoding = PLAIN) -> str:
        self.check("transcribe", window.start)
        return await super().detect_language(audio, window, decoding)

    async def transcribe(
        self, audio: str, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        self.check("transcribe", window.start)
        return await super().transcribe(audio, window, language, decoding)

    async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        self.check("observe", shard.start)
        return Observation(np.ones((120, 7, 3), np.uint8), np.ones((120, 3, 5), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        self.clustered = list(observations)
        return await super().cluster(observations, hint)

    async def embed(self, audio: str, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        self.check("embed", spans[0].start)
        return await super().embed(audio, spans, known)

    async def embed_each(self, audio: str, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        self.check("embed_each", *(span.start for span in spans))
        return await super().embed_each(audio, spans)

    async def recognize(self, audio: str, spans: Sequence[Span]) -> Sequence[Emotion]:
        self.check("recognize", *(span.start for span in spans))
        return await super().recognize(audio, spans)


OPTIONS = Options(context_padding=0.25)
ALL = [("S0", "One."), ("S1", "Two."), ("S1", "Three.")]


async def test_without_a_fault() -> None:
    transcript = await process(AUDIO, 300.0, stages(Faulty([])), OPTIONS, ignore)
    assert speakers_and_texts(transcript.segments) == ALL
    assert transcript.notes == ()


@pytest.mark.parametrize("language", [None, "en"])
@pytest.mark.parametrize(
    ("bad", "end", "left"), [(0.0, 5.0, ["Two.", "Three."]), (130.0, 155.0, ["One.", "Three."])], ids=["first", "longest"]
)
async def test_a_window_that_cannot_be_transcribed_is_noted(
    language: str | None, bad: float, end: float, left: list[str]
) -> None:
    """Includes the longest window, which otherwise gives the expected language of the others."""
    script = Faulty([bad], "transcribe")
    transcript = await process(AUDIO, 300.0, stages(script), Options(language=language), ignore)
    assert [segment.text for segment in transcript.segments] == left
    (note,) = transcript.notes
    assert (note.kind, note.start, note.end) == ("left_out", bad, end)
    assert str(SHAPES) in note.message


async def test_the_words_of_a_shard_that_cannot_be_diarized_have_a_speaker_of_their_own() -> None:
    script = Faulty([100.0], "observe")
    transcript = await process(AUDIO, 300.0, stages(script), OPTIONS, ignore)
    assert speakers_and_texts(transcript.segments) == [("S0", "One."), ("SPEAKER_00", "Two."), ("S1", "Three.")]
    assert [person.label for person in transcript.participants] == ["S0", "S1", "SPEAKER_00"]
    assert transcript.participants[2].voiceprint is None
    assert {turn.speaker for turn in transcript.turns} == {"S0", "S1"}
    (note,) = transcript.notes
    assert (note.kind, note.start, note.end) == ("speakers", 100.0, 200.0)
    assert str(SHAPES) in note.message
    first, missing, last = script.clustered
    assert (missing.active.shape, missing.embeddings.shape) == ((100, 7, 3), (100, 3, 5))
    assert not missing.active.any()
    assert np.isnan(missing.embeddings).all()
    assert first.active.all()
    assert last.active.all()


async def test_a_last_shard_that_cannot_be_diarized_is_not_clustered() -> None:
    script = Faulty([200.0], "observe")
    transcript = await process(AUDIO, 300.0, stages(script), OPTIONS, ignore)
    assert len(script.clustered) == 2
    assert [(note.start, note.end) for note in transcript.notes] == [(200.0, 300.0)]


async def test_a_voice_that_cannot_be_embedded_is_noted() -> None:
    transcript = await process(AUDIO, 300.0, stages(Faulty([0.0], "embed")), OPTIONS, ignore)
    assert [person.voiceprint is None for person in transcript.participants] == [True, False]
    assert [(note.kind, note.start, note.end) for note in transcript.notes] == [("speakers", 0, 3)]


@pytest.mark.parametrize(("name", "bad"), [("embed_each", 140.75), ("recognize", 141.0)])
async def test_a_segment_without_voice_or_emotion_is_noted(name: str, bad: float) -> None:
    transcript = await process(AUDIO, 300.0, stages(Faulty([bad], name)), OPTIONS, ignore)
    assert speakers_and_texts(transcript.segments) == ALL
    found = [segment.voice if name == "embed_each" else segment.emotion for segment in transcript.segments]
    assert [each is None for each in found] == [False, True, False]
    assert [(note.start, note.end) for note in transcript.notes] == [(141.0, 142.5)]


async def test_segments_that_fail_one_after_the_other_have_one_note() -> None:
    transcript = await process(AUDIO, 300.0, stages(Faulty([1.0, 141.0, 251.0], "recognize")), OPTIONS, ignore)
    assert speakers_and_texts(transcript.segments) == ALL
    assert [(note.start, note.end) for note in transcript.notes] == [(1.0, 252.5)]


@pytest.mark.parametrize(("bad", "name"), [([0.0, 130.0, 250.0], "transcribe"), ([0.0, 100.0, 200.0], "observe")])
async def test_where_all_fails_so_does_the_recording(bad: list[float], name: str) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        await process(AUDIO, 300.0, stages(Faulty(bad, name)), OPTIONS, ignore)


@pytest.mark.parametrize("name", ["transcribe", "observe", "embed", "embed_each", "recognize"])
async def test_a_fault_of_the_device_leaves_nothing_out(name: str) -> None:
    script = Faulty([0.0, 0.75, 1.0], name, error=DeviceError("lost"))
    with pytest.raises(DeviceError):
        await process(AUDIO, 300.0, stages(script), OPTIONS, ignore)


async def test_a_resumed_recording_keeps_its_notes() -> None:
    stored: dict[str, str] = {}

    async def keep(stage: str, result: str) -> None:
        stored[stage] = result

    script = Faulty([100.0, 130.0], "transcribe", "observe")
    first = await process(AUDIO, 300.0, stages(script), OPTIONS, ignore, keep=keep)
    assert [note.kind for note in first.notes] == ["speakers", "left_out"]
    again = await process(AUDIO, 300.0, stages(Script(words={}, turns=[])), OPTIONS, ignore, stored)
    assert (again.notes, speakers_and_texts(again.segments)) == (first.notes, speakers_and_texts(first.segments))
    assert Diarized.load(stored["diarizing"]).diarization.missing == (Span(100.0, 200.0),)
    assert Transcribed.load(stored["transcribing"]).notes == (first.notes[1],)
