"""Send changes of the database to subscribers: one feed for all clients of a process.

Changes are collected for a moment, and then read for all subscribers together. The number of clients does not affect the number
of database connections: one that listens, and one of the pool while changes are read.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Self

from pipeline.access import Principal
from services.events.subscription import SPEAKER_LISTS, Subscription
from services.schemas.events import ConversationEvent, JobStateEvent, ResyncEvent, SpeakersEvent
from storage.events import states
from storage.events.changes import (
    Change,
    ConversationAspect,
    ConversationHidden,
    ConversationsChanged,
    JobsChanged,
    SpeakerAspect,
)
from storage.events.notifications import DATABASE_TIMEOUT_S, Notifications
from storage.events.states import States
from storage.postgres.database import Database

COALESCE_S = 0.2
"""For which changes are collected: a person does not notice it, and an import of thousands of rows becomes few events."""
MAX_PENDING = 2000
"""Changed things that are collected; with more of them subscribers read everything again."""
MAX_STREAM_S = 600.0
"""After which a subscription ends and the client subscribes again: a revoked key or a changed role takes effect then."""
MAX_SUBSCRIPTIONS = 1000
"""In one process: `serve_config.yaml` allows 1,200 requests at a time."""

logger = logging.getLogger(__name__)


class TooManySubscriptionsError(Exception):
    """The process has no room for another client."""


@dataclass
class _Pending:
    conversations: defaultdict[int, set[ConversationAspect]] = field(default_factory=lambda: defaultdict(set))
    hidden_from: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """People who saw a conversation before."""
    hidden_from_everyone: set[int] = field(default_factory=set)
    jobs: set[int] = field(default_factory=set)
    speakers: defaultdict[SpeakerAspect, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __len__(self) -> int:
        return len(self.conversations) + len(self.hidden_from) + len(self.jobs) + sum(map(len, self.speakers.values()))

    def add(self, change: Change, ids: list[int]) -> None:
        match change:
            case ConversationsChanged():
                for id_ in ids:
                    self.conversations[id_].add(change.change)
            case ConversationHidden():
                for id_ in ids:
                    self.hidden_from[id_].update(change.people)
                if change.everyone:
                    self.hidden_from_everyone.update(ids)
            case JobsChanged():
                self.jobs.update(ids)
            case _:
                self.speakers[change.change].update(ids)

    def was_seen(self, viewer: Principal, conversation_id: int) -> bool:
        return (
            viewer.sees_everything
            or conversation_id in self.hidden_from_everyone
            or viewer.person_id in self.hidden_from[conversation_id]
        )


class EventFeed:
    """An asynchronous context manager: delivers until the block ends."""

    def __init__(self, database: Database, notifications: Notifications) -> None:
        self._database = database
        self._subscriptions: set[Subscription] = set()
        self._pending = _Pending()
        self._noted = asyncio.Event()
        self._ended = False
        notifications.on_change = self._note

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def check_room(self) -> None:
        """Raises TooManySubscriptionsError."""
        if len(self._subscriptions) >= MAX_SUBSCRIPTIONS:
            raise TooManySubscriptionsError(f"{MAX_SUBSCRIPTIONS} clients follow the events already: try again later.")

    @contextmanager
    def subscription(self, viewer: Principal) -> Iterator[Subscription]:
        """The events that the viewer may see, from now on."""
        subscription = Subscription(viewer)
        end = asyncio.get_running_loop().call_later(MAX_STREAM_S, subscription.end)
        if self._ended:
            subscription.end()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            end.cancel()
            self._subscriptions.discard(subscription)

    def end(self) -> None:
        """End all subscriptions, and each later one at once: the program stops."""
        self._ended = True
        for subscription in self._subscriptions:
            subscription.end()

    def _note(self, change: Change | None) -> None:
        if not self._subscriptions:
            return
        if change is None or change.ids is None or len(self._pending) >= MAX_PENDING:
            self._resync()
            return
        self._pending.add(change, change.ids)
        self._noted.set()

    def _resync(self) -> None:
        self._pending = _Pending()
        for subscription in self._subscriptions:
            subscription.resync(ResyncEvent(reason="database"))

    async def _run(self) -> None:
        while True:
            await self._noted.wait()
            await asyncio.sleep(COALESCE_S)
            self._noted.clear()
            pending, self._pending = self._pending, _Pending()
            try:
                await self._deliver(pending)
            except Exception:
                logger.exception("Changes could not be read; clients will read everything again")
                self._resync()

    async def _deliver(self, pending: _Pending) -> None:
        subscriptions = list(self._subscriptions)  # later ones read the stored state
        ids = {*pending.conversations, *pending.hidden_from}
        people = {one.viewer.person_id for one in subscriptions if not one.viewer.sees_everything}
        found = await self._database.persist(
            lambda session: states.read(session, ids, pending.jobs, people), DATABASE_TIMEOUT_S
        )
        events = _Events(pending, found)
        for subscription in subscriptions:
            for event in events.for_viewer(subscription.viewer):
                subscription.add(event)
            await asyncio.sleep(0)  # other tasks of the event loop run in between


class _Events:
    """The events of some changes, made once for all subscribers."""

    def __init__(self, pending: _Pending, found: States) -> None:
        self._pending = pending
        self._seen = found.seen
        self._conversations = {
            id_: ConversationEvent(changes=sorted(pending.conversations[id_]), **asdict(state))
            for id_, state in found.conversations.items()
        }
        self._jobs = [JobStateEvent.model_validate(job) for job in found.jobs]
        changed = {name: sorted(pending.speakers[name]) for name in SPEAKER_LISTS if pending.speakers[name]}
        self._speakers = [SpeakersEvent(**changed)] if changed else []

    def for_viewer(self, viewer: Principal) -> Iterator[ConversationEvent | JobStateEvent | SpeakersEvent]:
        for id_ in {*self._pending.conversations, *self._pending.hidden_from}:
            event = self._conversations.get(id_)
            if event is not None and self._sees(viewer, id_):
                if event.changes:
                    yield event
            elif id_ in self._pending.hidden_from and self._pending.was_seen(viewer, id_):
                yield ConversationEvent(id=id_, changes=["deleted"])
        yield from (job for job in self._jobs if self._sees(viewer, job.conversation_id))
        yield from self._speakers

    def _sees(self, viewer: Principal, conversation_id: int) -> bool:
        return viewer.sees_everything or (viewer.person_id, conversation_id) in self._seen
