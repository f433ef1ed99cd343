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

    def concerns(self, text: str) -> bool:
        """Whether an entry with this text, JSON, must be read; the others stay as they are."""
        ...

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
    header: dict[str, object] = {}
    texts: dict[str, list[str]] = {key: [] for key in KINDS}
    for key, value, text in profile_reader.read_with_text(content):
        if key in KINDS:
            texts[key].append(text)
            if redaction.concerns(text):
                redaction.read(KINDS[key].model_validate(value))
        elif key in HEADER_KEYS:
            header[key] = value
    redaction.decide()
    kept = {key: list(_kept(redaction, KINDS[key], entries)) for key, entries in texts.items()}
    if kept == texts:
        return None
    speakers, participants, segments = kept.values()
    return Redacted(render(Header.model_validate(header), speakers, participants, segments), len(speakers), len(segments))


def _kept(redaction: Redaction, kind: type[Speaker] | type[Participant] | type[Segment], texts: list[str]) -> Iterator[str]:
    for text in texts:
        if not redaction.concerns(text):
            yield text
            continue
        entry = kind.model_validate_json(text)
        new = _redacted(redaction, entry)
        if new is not None:
            yield text if new is entry else new.model_dump_json()


def _redacted(redaction: Redaction, entry: Entry) -> Entry | None:
    match entry:
        case Speaker():
            return redaction.speaker(entry)
        case Participant():
            return redaction.participant(entry)
        case Segment():
            return redaction.segment(entry)
