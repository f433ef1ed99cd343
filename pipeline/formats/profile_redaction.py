"""Remove entries from the text of a profile file. `profile_person` and `profile_conversation` say which."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.formats import profile_reader
from pipeline.formats.profile_file import HEADER_KEYS, Header, Participant, Segment, Speaker, render

Entry = Speaker | Participant | Segment

KINDS: dict[str, type[Speaker] | type[Participant] | type[Segment]] = {
    "speakers": Speaker,
    "participants": Participant,
    "segments": Segment,
}


class Redaction(Protocol):
    """Reads all entries first, and then says what becomes of each: itself, another one, or None to leave it out."""

    def read(self, entry: Entry) -> None: ...

    def decide(self) -> None:
        """All entries were read."""

    def speaker(self, speaker: Speaker) -> Speaker | None: ...

    def participant(self, participant: Participant) -> Participant | None: ...

    def segment(self, segment: Segment) -> Segment | None: ...


@dataclass(frozen=True, slots=True)
class Redacted:
    content: str
    speakers: int
    segments: int


def redact(content: str, redaction: Redaction) -> Redacted | None:
    """The file without what the redaction removes; None where it contains nothing of it.

    Blocks, for some seconds if the file is large. Raises pydantic.ValidationError for a file of another version.
    """
    for entry in _entries(content):
        redaction.read(entry)
    redaction.decide()
    kept: dict[str, list[str]] = {kind.__name__: [] for kind in KINDS.values()}
    changed = False
    for entry in _entries(content):
        match entry:
            case Speaker():
                new: Entry | None = redaction.speaker(entry)
            case Participant():
                new = redaction.participant(entry)
            case Segment():
                new = redaction.segment(entry)
        changed |= new is not entry
        if new is not None:
            kept[type(new).__name__].append(new.model_dump_json())
    if not changed:
        return None
    speakers, participants, segments = kept.values()
    return Redacted(render(_header(content), speakers, participants, segments), len(speakers), len(segments))


def _entries(content: str) -> Iterator[Entry]:
    for key, value in profile_reader.read(content):
        if key in KINDS:
            yield KINDS[key].model_validate(value)


def _header(content: str) -> Header:
    return Header.model_validate({key: value for key, value in profile_reader.read(content) if key in HEADER_KEYS})
