"""Merges of unknown speakers and reassignment of segments, on a real PostgreSQL."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.types import Transcript, Vector, Voiceprint
from services.identity import identification, speaker_admin, undo, unknown_speakers
from services.identity.unknown_speakers import Suggestion
from storage.postgres.database import Database
from storage.speakers import distinct_speakers, speakers
from tests.storage.people import keep, lines, names, talk
from tests.storage.transcripts import MODEL, RULES, near, read_rules, voice


def between(one: Vector, other: Vector) -> Vector:
    """A voice with the similarity 0.7 to both voices."""
    middle = one + other
    return (middle / np.linalg.norm(middle)).astype(np.float32)


async def name(database: Database, conversation: int, line: int, who: str) -> None:
    segment = (await lines(database, conversation))[line].id
    async with database.session() as session:
        await identification.identify(session, RULES, conversation, segment, speaker_name=who)


async def all_names(database: Database) -> list[str]:
    async with database.session() as session:
        return await speakers.names(session)


async def suggested(database: Database) -> list[Suggestion]:
    async with database.session() as session:
        return await unknown_speakers.suggestions(session, RULES, 10)


async def test_two_unknown_speakers_become_one_when_a_recording_joins_them(database: Database) -> None:
    first, second = await keep(database, talk([voice(1)])), await keep(database, talk([voice(2)]))
    assert await all_names(database) == ["Unknown_01", "Unknown_02"]
    await keep(database, talk([between(voice(1), voice(2))]))
    assert await all_names(database) == ["Unknown_01"]
    assert set(await names(database, first) + await names(database, second)) == {"Unknown_01"}


async def test_an_unknown_speaker_becomes_the_named_one_they_turn_out_to_be(database: Database) -> None:
    first, second = await keep(database, talk([voice(1)])), await keep(database, talk([voice(2)]))
    await name(database, second, 0, "Ada")
    await keep(database, talk([between(voice(1), voice(2))]))
    assert await all_names(database) == ["Ada"]
    assert set(await names(database, first)) == {"Ada"}


async def test_whom_one_conversation_tells_apart_stay_apart_and_are_suggested(database: Database) -> None:
    alike = near(voice(1), 0.8)
    conversation = await keep(database, talk([voice(1), alike], lines=2))
    await name(database, conversation, 0, "Ada")
    assert await names(database, conversation) == ["Ada", "Unknown_02"]
    (pair,) = await suggested(database)
    assert (pair.speaker_name, pair.other_name) == ("Unknown_02", "Ada")
    assert pair.similarity == pytest.approx(0.8, abs=1e-4)


async def test_weak_evidence_is_suggested_and_a_merge_accepts_it(database: Database) -> None:
    first = await keep(database, talk([voice(1)]))
    await name(database, first, 0, "Ada")
    second = await keep(database, talk([near(voice(1), 0.45)]))
    await keep(database, talk([voice(7)]))
    (pair,) = await suggested(database)
    assert (pair.other_name, pair.probability) == ("Ada", None)
    assert pair.similarity == pytest.approx(0.45, abs=1e-4)
    async with database.session() as session:
        merged = await speaker_admin.merge(session, RULES, pair.speaker_id, pair.other_id)
    assert (merged.name, merged.segment_count) == ("Ada", 8)
    assert set(await names(database, second)) == {"Ada"}
    assert await suggested(database) == []


async def test_a_merge_that_was_undone_is_not_made_again(database: Database) -> None:
    for vector in (voice(1), voice(2), between(voice(1), voice(2))):
        await keep(database, talk([vector]))
    assert await all_names(database) == ["Unknown_01"]
    async with database.session() as session:
        assert (await undo.undo(session, read_rules)).description == "Unknown_02 is Unknown_01"
    assert await all_names(database) == ["Unknown_01", "Unknown_02"]
    await keep(database, talk([near(between(voice(1), voice(2)), 0.95)]))
    assert await all_names(database) == ["Unknown_01", "Unknown_02"]


async def test_an_enrolled_voice_is_found_in_the_past(database: Database) -> None:
    past = await keep(database, talk([voice(1), voice(2)], lines=4))
    async with database.session() as session:
        enrolled = await speaker_admin.enroll(session, RULES, "Ada", Voiceprint(near(voice(1), 0.7), MODEL))
    assert (enrolled.name, enrolled.segment_count) == ("Ada", 2)
    assert await names(database, past) == ["Ada", "Unknown_02", "Ada", "Unknown_02"]
    with pytest.raises(speakers.NameTakenError, match="Speaker 'Ada' already exists"):
        async with database.session() as session:
            await speaker_admin.enroll(session, RULES, "Ada", Voiceprint(voice(3), MODEL))
    async with database.session() as session:
        await undo.undo(session, read_rules)
    assert await names(database, past) == ["Unknown_01", "Unknown_02"] * 2


def _with_voice(content: Transcript, line: int, vector: Vector, **changes: float | bool) -> Transcript:
    segments = list(content.segments)
    segments[line] = replace(segments[line], voice=Voiceprint(vector, MODEL), **changes)  # type: ignore[arg-type]
    return replace(content, segments=tuple(segments))


async def test_a_line_that_clearly_is_a_named_speakers_goes_to_them(database: Database) -> None:
    known = await keep(database, talk([voice(1), voice(2)], lines=2))
    await name(database, known, 0, "Ada")
    conversation = await keep(database, _with_voice(talk([voice(3)], lines=4), 2, near(voice(1), 0.7)))
    assert await names(database, conversation) == ["Unknown_03", "Unknown_03", "Ada", "Unknown_03"]
    line = (await lines(database, conversation))[2]
    assert line.confidence == pytest.approx(0.7, abs=1e-4)
    # A voice recognised from a single segment is no reference for others.
    again = await keep(database, talk([near(near(voice(1), 0.7), 0.6)], lines=1))
    assert await names(database, again) == ["Unknown_04"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"end": 7.9}, id="too short"),
        pytest.param({"overlap": True}, id="overlapped"),
    ],
)
async def test_other_lines_inherit_their_participant(database: Database, changes: dict[str, float | bool]) -> None:
    known = await keep(database, talk([voice(1)], lines=2))
    await name(database, known, 0, "Ada")
    conversation = await keep(database, _with_voice(talk([voice(3)], lines=4), 2, voice(1), **changes))
    assert set(await names(database, conversation)) == {"Unknown_02"}


async def test_a_line_that_clearly_is_another_participants_goes_to_them(database: Database) -> None:
    content = talk([voice(3), voice(4)], lines=4)
    conversation = await keep(database, _with_voice(content, 2, near(voice(4), 0.45)))  # below the threshold of other talks
    assert await names(database, conversation) == ["Unknown_01", "Unknown_02", "Unknown_02", "Unknown_02"]


async def test_lines_that_are_nobodys_have_no_lasting_speaker(database: Database) -> None:
    await keep(database, talk([voice(1)], lines=2))
    content = talk([voice(3)], lines=6)
    for line, vector in {1: voice(4), 2: voice(1), 4: near(voice(4), 0.8)}.items():
        content = _with_voice(content, line, vector)
    conversation = await keep(database, content)
    # The second resembles an unknown speaker of another conversation: two uncertain decisions, so it is not assigned.
    expected = ["Unknown_02", "Unknown_B", "Unknown_C", "Unknown_02", "Unknown_B", "Unknown_02"]
    assert await names(database, conversation) == expected
    assert await all_names(database) == ["Unknown_01", "Unknown_02"]
    await name(database, conversation, 1, "Ada")
    assert await names(database, conversation) == [{"Unknown_B": "Ada"}.get(who, who) for who in expected]
    again = await keep(database, talk([near(voice(4), 0.8)], lines=1))
    assert await names(database, again) == ["Ada"]


async def test_a_line_that_is_little_like_its_participant_stays_with_it(database: Database) -> None:
    conversation = await keep(database, _with_voice(talk([voice(3)], lines=3), 1, near(voice(3), 0.45)))
    assert set(await names(database, conversation)) == {"Unknown_01"}


async def set_distinct(database: Database, one: int, other: int, distinct: bool = True) -> None:
    async with database.session() as session:
        await speaker_admin.set_distinct(session, one, other, distinct)


async def test_speakers_that_a_person_said_differ_are_not_suggested_until_that_is_taken_back(database: Database) -> None:
    await keep(database, talk([voice(1)]))
    await keep(database, talk([near(voice(1), 0.45)]))
    (pair,) = await suggested(database)
    await set_distinct(database, pair.other_id, pair.speaker_id)
    assert await suggested(database) == []
    await set_distinct(database, pair.speaker_id, pair.other_id, False)
    assert await suggested(database) == [pair]


async def test_speakers_that_a_person_said_differ_are_not_merged_automatically(database: Database) -> None:
    await keep(database, talk([voice(1)]))
    await keep(database, talk([voice(2)]))
    await set_distinct(database, 1, 2)
    await keep(database, talk([between(voice(1), voice(2))]))
    assert await all_names(database) == ["Unknown_01", "Unknown_02"]


async def test_what_becomes_part_of_a_speaker_passes_on_who_it_is_not(database: Database) -> None:
    await keep(database, talk([voice(1)]))
    await keep(database, talk([near(voice(1), 0.45)]))
    await keep(database, talk([voice(3)]))
    await set_distinct(database, 1, 2)
    await set_distinct(database, 2, 3)
    async with database.session() as session:
        await speaker_admin.merge(session, RULES, 2, 3)
        assert await distinct_speakers.pairs(session, [1, 2, 3]) == {frozenset((1, 3))}
        await undo.undo(session, read_rules)
        assert await distinct_speakers.pairs(session, [1, 2, 3]) == {frozenset((1, 2)), frozenset((2, 3))}


async def test_a_speaker_who_comes_back_is_still_told_apart(database: Database) -> None:
    await keep(database, talk([voice(1)]))
    await keep(database, talk([near(voice(1), 0.45)]))
    await set_distinct(database, 1, 2)
    async with database.session() as session:
        assert await speaker_admin.delete_unknown(session) == ["Unknown_01", "Unknown_02"]
        await undo.undo(session, read_rules)
    assert await suggested(database) == []
