"""Identification of the speaker of a segment, and its undo, on a real PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.types import Vector
from services.errors import SegmentNotFoundError
from services.identity import identification, speaker_admin, undo
from services.identity.identification import Identification, IdentificationError
from storage.postgres.database import Database
from storage.speakers import speakers
from storage.tables import ParticipantRow, SegmentRow, Speaker, VoiceprintRow
from tests.storage.people import keep, lines, names, state, talk
from tests.storage.transcripts import RULES, near, read_rules, voice


async def identify(database: Database, conversation: int, line: int, **who: object) -> Identification:
    """Identify the speaker of segment number `line` of the conversation."""
    segment = (await lines(database, conversation))[line]
    async with database.session() as session:
        return await identification.identify(session, RULES, conversation, segment.id, **who)  # type: ignore[arg-type]


async def reference_of(database: Database, conversation: int, line: int) -> Vector:
    """The reference vector of the participant of a segment; empty if it is none."""
    participant = (await lines(database, conversation))[line].participant_id
    async with database.session() as session:
        row = (
            await session.execute(
                select(ParticipantRow.vector, ParticipantRow.enrolled).where(ParticipantRow.id == participant)
            )
        ).one()
    vector: Vector | None = row.vector if row.enrolled else None
    return np.empty(0, np.float32) if vector is None else vector


async def test_naming_an_unknown_voice_names_it_everywhere(database: Database) -> None:
    past = [await keep(database, talk([near(voice(1), 0.9), voice(50 + i)], lines=3)) for i in range(3)]
    found = await identify(database, past[1], 0, speaker_name="Ada")

    assert (found.speaker_name, found.created, found.enrolled, found.segments_updated) == ("Ada", True, True, 6)
    for conversation in past:
        assert (await names(database, conversation))[0::2] == ["Ada", "Ada"]
    assert [line.confidence == 1.0 for line in await lines(database, past[1])] == [True, False, False]
    assert (await names(database, await keep(database, talk([near(voice(1), 0.8)]))))[0] == "Ada"


async def test_an_unknown_voice_that_is_a_known_speaker_becomes_them_and_is_forgotten(database: Database) -> None:
    first, second = [await keep(database, talk([voice(seed)])) for seed in (1, 2)]
    ada = (await identify(database, first, 0, speaker_name="Ada")).speaker_id
    found = await identify(database, second, 0, speaker_id=ada)

    assert (found.speaker_id, found.created, found.enrolled, found.segments_updated) == (ada, False, True, 4)
    assert set(await names(database, second)) == {"Ada"}
    async with database.session() as session:
        assert await speakers.names(session) == ["Ada"]
    assert (await names(database, await keep(database, talk([near(voice(2), 0.8)]))))[0] == "Ada"


async def test_without_enrolling_the_voice_is_named_but_no_reference(database: Database) -> None:
    first, second = [await keep(database, talk([voice(seed)])) for seed in (1, 2)]
    await identify(database, first, 0, speaker_name="Ada")
    found = await identify(database, second, 0, speaker_name="Ada", enroll=False)

    assert not found.enrolled
    assert set(await names(database, second)) == {"Ada"}
    assert (await names(database, await keep(database, talk([voice(2)]))))[0].startswith("Unknown_")


async def test_of_a_known_speaker_only_the_line_moves_and_both_are_known_by_what_is_left(database: Database) -> None:
    conversation = await keep(database, talk([voice(1), voice(2)], lines=4))
    await identify(database, conversation, 0, speaker_name="Ada")
    await identify(database, conversation, 1, speaker_name="Bob")
    async with database.session() as session:  # one of Ada's segments resembles Bob and is assigned to him
        third = (await lines(database, conversation))[2].id
        await session.execute(update(SegmentRow).where(SegmentRow.id == third).values(voice_vector=voice(3)))
    found = await identify(database, conversation, 2, speaker_name="Bob")

    assert (found.segments_updated, found.created) == (1, False)
    assert await names(database, conversation) == ["Ada", "Bob", "Bob", "Bob"]
    after = await lines(database, conversation)
    assert after[2].participant_id == after[1].participant_id
    np.testing.assert_allclose(await reference_of(database, conversation, 0), voice(1), atol=1e-6)
    mean = 2 * voice(2) + voice(3)
    np.testing.assert_allclose(await reference_of(database, conversation, 1), mean / np.linalg.norm(mean), atol=1e-5)


async def test_a_line_may_move_to_somebody_who_was_not_there(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)], lines=3))
    await identify(database, conversation, 0, speaker_name="Ada")
    found = await identify(database, conversation, 1, speaker_name="Cleo")

    assert found.created
    assert found.enrolled
    assert await names(database, conversation) == ["Ada", "Cleo", "Ada"]
    assert (await lines(database, conversation))[1].confidence == 1.0


async def test_a_line_that_moves_while_its_conversation_is_read_is_there(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await keep(database, talk([voice(1)], lines=3))
    await identify(database, conversation, 0, speaker_name="Ada")
    stream = AsyncSession.stream

    async def late(session: AsyncSession, *args: Any, **how: Any) -> Any:
        monkeypatch.undo()
        await identify(database, conversation, 1, speaker_name="Cleo")
        return await stream(session, *args, **how)

    monkeypatch.setattr(AsyncSession, "stream", late)
    assert await names(database, conversation) == ["Ada", "Cleo", "Ada"]


async def test_reassigning_a_line_leaves_the_others_of_an_unknown_voice(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)], lines=3))
    found = await identify(database, conversation, 1, speaker_name="Ada", only_this=True)
    assert found.segments_updated == 1
    assert await names(database, conversation) == ["Unknown_01", "Ada", "Unknown_01"]


async def test_a_voice_that_nobody_named_and_that_says_nothing_any_more_is_forgotten(database: Database) -> None:
    conversation = await keep(database, talk([voice(1), voice(2)], lines=4))
    await identify(database, conversation, 0, speaker_name="Ada")
    for line, left in ((1, ["Ada", "Unknown_02"]), (3, ["Ada"])):
        await identify(database, conversation, line, speaker_name="Ada", only_this=True)
        async with database.session() as session:
            assert await speakers.names(session) == left
    async with database.session() as session:
        await undo.undo(session, read_rules)
        assert await speakers.names(session) == ["Ada", "Unknown_02"]


async def test_a_participant_without_voice_can_be_named_but_not_known(database: Database) -> None:
    conversation = await keep(database, talk([None, voice(1)], lines=4))
    found = await identify(database, conversation, 0, speaker_name="Ada")
    assert (found.segments_updated, found.enrolled) == (2, False)
    assert await names(database, conversation) == ["Ada", "Unknown_01", "Ada", "Unknown_01"]


async def test_saying_again_who_it_is_confirms_it(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)]))
    ada = await identify(database, conversation, 0, speaker_name="Ada")
    again = await identify(database, conversation, 1, speaker_name="Ada")
    assert (again.speaker_id, again.segments_updated, again.created) == (ada.speaker_id, 1, False)


@pytest.mark.parametrize(
    ("who", "error", "message"),
    [
        ({}, IdentificationError, "speaker_name required for new speaker"),
        ({"speaker_name": ""}, IdentificationError, "speaker_name required for new speaker"),
        ({"speaker_name": "Ada", "enroll": False}, IdentificationError, r"Must enroll new speaker \(enroll=True\)"),
        ({"speaker_id": 99}, speakers.SpeakerNotFoundError, "Speaker not found"),
    ],
)
async def test_what_contradicts_itself_changes_nothing(
    database: Database, who: dict[str, object], error: type[Exception], message: str
) -> None:
    conversation = await keep(database, talk([voice(1)]))
    before = await state(database)
    with pytest.raises(error, match=message):
        await identify(database, conversation, 0, **who)
    assert await state(database) == before


async def test_a_line_belongs_to_one_conversation(database: Database) -> None:
    first, second = await keep(database, talk([voice(1)])), await keep(database, talk([voice(2)]))
    segment = (await lines(database, second))[0].id
    async with database.session() as session:
        with pytest.raises(SegmentNotFoundError, match="Segment not found"):
            await identification.identify(session, RULES, first, segment, speaker_name="Ada")


async def test_a_misidentified_line_leaves_what_the_speaker_is_known_by(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)], lines=2))
    ids = [line.id for line in await lines(database, conversation)]
    async with database.session() as session:
        await session.execute(update(SegmentRow).where(SegmentRow.id == ids[1]).values(voice_vector=voice(2)))

    async def mark(segment: int, is_misidentified: bool) -> bool:
        async with database.session() as session:
            found = await identification.mark_misidentified(session, RULES, conversation, segment, is_misidentified)
        assert found.is_misidentified == is_misidentified
        return found.embedding_recalculated

    assert not await mark(ids[1], True)  # the other segment resembles the participant: no new evidence
    np.testing.assert_allclose(await reference_of(database, conversation, 0), voice(1), atol=1e-6)
    assert await mark(ids[0], True)
    assert not (await reference_of(database, conversation, 0)).size
    assert await mark(ids[1], False)
    np.testing.assert_allclose(await reference_of(database, conversation, 0), voice(2), atol=1e-6)
    assert not await mark(ids[1], False)


async def test_lines_spoken_over_by_others_count_only_where_there_are_no_clean_ones(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)], lines=3))
    ids = [line.id for line in await lines(database, conversation)]
    async with database.session() as session:
        changed = update(SegmentRow).where(SegmentRow.id == ids[1])
        await session.execute(changed.values(voice_vector=voice(2), overlap=True))
        await identification.mark_misidentified(session, RULES, conversation, ids[0], True)
    np.testing.assert_allclose(await reference_of(database, conversation, 0), voice(1), atol=1e-6)
    async with database.session() as session:
        await identification.mark_misidentified(session, RULES, conversation, ids[2], True)
    np.testing.assert_allclose(await reference_of(database, conversation, 0), voice(2), atol=1e-6)


Act = Callable[[Database, int, int], Awaitable[object]]


async def _merge(database: Database, first: int, second: int) -> None:
    ids = [(await lines(database, conversation))[0].speaker_id for conversation in (first, second)]
    async with database.session() as session:
        await speaker_admin.merge(session, RULES, ids[0] or 0, ids[1] or 0)


async def _rename(database: Database, first: int, second: int) -> None:
    async with database.session() as session:
        await speaker_admin.rename(session, (await lines(database, first))[0].speaker_id or 0, "Renamed")


async def _delete(database: Database, first: int, second: int) -> None:
    async with database.session() as session:
        assert await speaker_admin.delete(session, (await lines(database, first))[0].speaker_id or 0) == "Ada"


async def _delete_unknown(database: Database, first: int, second: int) -> None:
    async with database.session() as session:
        assert await speaker_admin.delete_unknown(session) == ["Unknown_02", "Unknown_03", "Unknown_04"]


ACTS: dict[str, Act] = {
    "identify as a new speaker": lambda db, first, second: identify(db, second, 0, speaker_name="Bob"),
    "identify as a known speaker": lambda db, first, second: identify(db, second, 0, speaker_name="Ada"),
    "identify without enrolling": lambda db, first, second: identify(db, second, 0, speaker_name="Ada", enroll=False),
    "move a segment to a known speaker": lambda db, first, second: identify(db, first, 0, speaker_name="Unknown_03"),
    "move a segment to a new speaker": lambda db, first, second: identify(db, first, 2, speaker_name="Cleo"),
    "move the only line": lambda db, first, second: identify(db, first, 1, speaker_name="Ada", only_this=True),
    "reassign": lambda db, first, second: identify(db, second, 1, speaker_name="Dan", only_this=True),
    "name who has no voice": lambda db, first, second: identify(db, first, 3, speaker_name="Eve"),
    "merge": _merge,
    "rename": _rename,
    "delete": _delete,
    "delete all unknown": _delete_unknown,
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
async def test_every_act_can_be_undone_to_the_last_bit(database: Database, act: Act) -> None:
    first = await keep(database, talk([voice(1), voice(2), near(voice(1), 0.9), None], lines=4))
    second = await keep(database, talk([voice(3)], lines=2))
    await identify(database, first, 0, speaker_name="Ada")
    async with database.session() as session:
        ada = (await lines(database, first))[0].speaker_id
        session.add(VoiceprintRow(speaker_id=ada, vector=voice(9), model=RULES.model, source="enrolled"))
    before = await state(database)
    await act(database, first, second)
    assert await state(database) != before
    async with database.session() as session:
        done = await undo.undo(session, read_rules)
    assert done.undone_at is not None
    assert await state(database) == before
    async with database.session() as session:
        assert await session.scalar(select(func.count()).select_from(VoiceprintRow)) == 1
        assert [change.undone_at is None for change in await undo.history(session)] == [False, True]


async def test_acts_are_undone_from_the_last_to_the_first(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)], lines=2))
    states = [await state(database)]
    for name in ("Ada", "Bob"):
        await identify(database, conversation, 0, speaker_name=name)
        states.append(await state(database))
    for expected in (states[1], states[0]):
        async with database.session() as session:
            await undo.undo(session, read_rules)
        assert await state(database) == expected
    async with database.session() as session:
        with pytest.raises(undo.UndoError, match="no change of speakers left"):
            await undo.undo(session, read_rules)


async def test_what_others_rest_on_is_not_undone(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)], lines=2))
    await identify(database, conversation, 0, speaker_name="Ada")
    await identify(database, conversation, 0, speaker_name="Bob")  # one segment belongs to a new speaker
    async with database.session() as session:  # who then is recognised elsewhere
        bob = (await session.scalars(select(Speaker).where(Speaker.name == "Bob"))).one()
        session.add(VoiceprintRow(speaker_id=bob.id, vector=voice(7), model=RULES.model, source="enrolled"))
    before = await state(database)
    with pytest.raises(undo.UndoError, match="Bob has been heard elsewhere since"):
        async with database.session() as session:
            await undo.undo(session, read_rules)
    assert await state(database) == before


async def test_a_change_whose_lines_are_gone_is_not_undone(database: Database) -> None:
    conversation = await keep(database, talk([voice(1)], lines=2))
    await identify(database, conversation, 0, speaker_name="Ada")
    await identify(database, conversation, 0, speaker_name="Bob")
    await keep(database, talk([voice(1)], lines=2), conversation)
    with pytest.raises(undo.UndoError, match=r"lines that it was about are gone|heard elsewhere"):
        async with database.session() as session:
            await undo.undo(session, read_rules)


async def test_a_name_that_was_taken_meanwhile_stands_in_the_way(database: Database) -> None:
    await keep(database, talk([voice(1)]))
    async with database.session() as session:
        await speaker_admin.rename(session, 1, "Ada")
        session.add(Speaker(name="Unknown_01"))
    with pytest.raises(undo.UndoError, match="another Unknown_01 by now"):
        async with database.session() as session:
            await undo.undo(session, read_rules)
