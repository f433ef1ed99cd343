"""Change many conversations independently. The outcome of each that cannot be changed has the reason."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.process import Options
from services.access import audit
from services.access.actor import actor
from services.erasure.erasure import Erasure
from services.errors import LimitExceededError, failure_reason
from services.recordings import Recordings
from storage.access import visibility
from storage.conversations import conversations, tags
from storage.conversations.conversations import ConversationBusyError
from storage.conversations.tags import TooManyTagsError
from storage.jobs.limit import QueueFullError
from storage.postgres.database import Database, is_away

REFUSALS = (LookupError, ConversationBusyError, TooManyTagsError, QueueFullError, LimitExceededError)
"""Their messages are sentences for the user."""

ChangeTags = Callable[[AsyncSession, int, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    id: int
    error: str | None = None
    """Why it was not changed."""
    job_id: int | None = None
    """The job that processes it again."""


async def add_tags(database: Database, ids: Sequence[int], added: Sequence[str]) -> list[Outcome]:
    return await _tag(database, ids, added, tags.add)


async def remove_tags(database: Database, ids: Sequence[int], removed: Sequence[str]) -> list[Outcome]:
    return await _tag(database, ids, removed, tags.remove)


async def reprocess(recordings: Recordings, ids: Sequence[int], options: Options) -> list[Outcome]:
    """Queue their recordings to be processed again."""

    async def one(id_: int) -> Outcome:
        return Outcome(id_, job_id=(await recordings.reprocess(id_, options)).job_id)

    return await _each(recordings.database, ids, one)


async def delete(database: Database, erasure: Erasure, ids: Sequence[int]) -> tuple[list[Outcome], list[str]]:
    """The outcomes, and sentences about files that could not be removed yet.

    Those that can be deleted are deleted in one transaction. Where one of them changes meanwhile, each has its own.
    """
    left: list[str] = []

    async with database.session() as session:
        unfinished = await conversations.unfinished_among(session, ids)

    async def refuse_busy(id_: int) -> Outcome:
        if id_ in unfinished:
            raise ConversationBusyError(conversations.CANNOT_DELETE)
        return Outcome(id_)

    async def one(id_: int) -> Outcome:
        left[:] = (await erasure.delete_conversation(id_)).pending
        return Outcome(id_)

    outcomes = await _each(database, ids, refuse_busy)
    possible = [outcome.id for outcome in outcomes if outcome.error is None]
    try:
        left[:] = (await erasure.delete_conversations(possible)).pending if possible else []
    except (LookupError, ConversationBusyError):
        again = {outcome.id: outcome for outcome in await _each(database, possible, one)}
        outcomes = [again.get(outcome.id, outcome) for outcome in outcomes]
    return outcomes, left


async def _tag(
    database: Database,
    ids: Sequence[int],
    given: Sequence[str],
    change: ChangeTags,
) -> list[Outcome]:
    async def one(id_: int) -> Outcome:
        async with database.session() as session:
            await change(session, id_, given)
            await audit.record(session, "conversation.tag", f"conversation:{id_}")
        return Outcome(id_)

    return await _each(database, ids, one)


async def _each(database: Database, ids: Sequence[int], work: Callable[[int], Awaitable[Outcome]]) -> list[Outcome]:
    """The outcome of each, in order. Failures of the database end it: they would be those of all that follow."""
    async with database.session() as session:
        seen = await visibility.visible_among(session, actor().principal, ids)
    outcomes = []
    for id_ in ids:
        if id_ not in seen:
            outcomes.append(Outcome(id_, conversations.NOT_FOUND))
            continue
        try:
            outcomes.append(await work(id_))
        except REFUSALS as error:
            outcomes.append(Outcome(id_, str(error.args[0])))
        except OSError as error:  # its recording cannot be read
            if is_away(error):
                raise
            outcomes.append(Outcome(id_, failure_reason(error)))
    return outcomes
