"""A query in everyday language as words and filters that a client shows and may remove."""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from pipeline.search.interpretation import interpret
from storage.postgres.database import Database
from storage.search.search import Filters
from storage.speakers import speaker_queries


@dataclass(frozen=True, slots=True)
class Recognized:
    """A part of the query that became a filter: a speaker or a time."""

    text: str
    """As it stands in the query."""
    speaker_id: int | None = None
    speaker_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    words: str
    """To search for; empty where the filters are all."""
    filters: Filters
    recognized: tuple[Recognized, ...] = ()


async def understand(database: Database, query: str, filters: Filters, zone: tzinfo | None) -> Understood:
    """The query with the filters it contains, beside those that are given. `zone`: None for the server's."""
    now = datetime.now(zone) if zone else datetime.now().astimezone()
    dated = filters.since is not None or filters.until is not None
    read = interpret(query, now, period=not dated, person=filters.speaker_id is None)
    recognized: list[Recognized] = []
    words = read.words
    if read.name:
        async with database.session() as session:
            speaker = await speaker_queries.called(session, read.name)
        if speaker is None:
            words = read.words_with_name
        else:
            recognized.append(Recognized(read.name, *speaker))
            filters = replace(filters, speaker_id=speaker[0])
    if not words and not recognized:
        return Understood(query, filters)
    if read.period:
        recognized.append(Recognized(read.period.text, since=read.period.since, until=read.period.until))
        filters = replace(filters, since=read.period.since, until=read.period.until)
    return Understood(words, filters, tuple(recognized))
