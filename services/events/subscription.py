"""The events that one client has not read yet."""

import asyncio
from collections.abc import AsyncIterator

from pipeline.access import Principal
from services.schemas.events import ConversationEvent, JobStateEvent, ResyncEvent, SpeakersEvent
from storage.events.changes import SpeakerAspect

MAX_WAITING = 256
"""Events that wait for a slow client; then one event replaces them, after which the client reads everything again."""
MAX_SPEAKERS = 1000
"""Ids in one event."""
SPEAKER_LISTS: tuple[SpeakerAspect, ...] = ("created", "deleted", "renamed", "samples", "segments", "emotions")

AnyEvent = ResyncEvent | ConversationEvent | JobStateEvent | SpeakersEvent


class Subscription:
    """At most one event for each conversation, for each job and for all speakers waits: later ones are combined with it."""

    def __init__(self, viewer: Principal) -> None:
        self.viewer = viewer
        self._waiting: dict[tuple[str, int], AnyEvent] = {}
        self._ended = False
        self._changed = asyncio.Event()
        self.resync(ResyncEvent(reason="connected"))

    async def events(self) -> AsyncIterator[AnyEvent]:
        """Until `end`."""
        while not self._ended:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
                continue
            yield self._waiting.pop(next(iter(self._waiting)))

    def add(self, event: ConversationEvent | JobStateEvent | SpeakersEvent) -> None:
        key = (event.type, 0 if isinstance(event, SpeakersEvent) else event.id)
        combined = _combined(self._waiting.pop(key, None), event)
        if len(self._waiting) >= MAX_WAITING or (isinstance(combined, SpeakersEvent) and _size(combined) > MAX_SPEAKERS):
            self.resync(ResyncEvent(reason="slow"))
            return
        self._waiting[key] = combined
        self._changed.set()

    def resync(self, event: ResyncEvent) -> None:
        """In place of all that waits."""
        self._waiting.clear()
        self._waiting[event.type, 0] = event
        self._changed.set()

    def end(self) -> None:
        self._ended = True
        self._changed.set()


def _combined(former: AnyEvent | None, event: AnyEvent) -> AnyEvent:
    if isinstance(former, ConversationEvent) and isinstance(event, ConversationEvent):
        if "deleted" in event.changes:
            return event
        changes = [change for change in former.changes if change not in ("deleted", *event.changes)]
        return event.model_copy(update={"changes": changes + event.changes})
    if isinstance(former, SpeakersEvent) and isinstance(event, SpeakersEvent):
        lists = {name: sorted({*getattr(former, name), *getattr(event, name)}) for name in SPEAKER_LISTS}
        return SpeakersEvent(**lists)
    return event


def _size(event: SpeakersEvent) -> int:
    return sum(len(getattr(event, name)) for name in SPEAKER_LISTS)
