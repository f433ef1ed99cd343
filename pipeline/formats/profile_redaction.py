"""Remove entries from the text of a profile file. `profile_person` and `profile_conversation` say which."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.formats import profile_reader
from pipeline.formats.profile_file import HEADER_KEYS, Header, Participant, Segment, Speaker, Vocabulary, render

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

    def removes_hotword(self, word: str) -> bool: ...


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
    gone: set[int] = set()
    kept = {key: list(_kept(redaction, KINDS[key], entries, gone)) for key, entries in texts.items()}
    kept["speakers"] = [_without_ids(text, gone) if gone else text for text in kept["speakers"]]
    changed = _without_hotwords(redaction, header)
    if kept == texts and changed is None:
        return None
    speakers, participants, segments = kept.values()
    new = changed or Header.model_validate(header)
    return Redacted(render(new, speakers, participants, segments), len(speakers), len(segments))


def _without_hotwords(redaction: Redaction, values: dict[str, object]) -> Header | None:
    """The header without hot words that the redaction removes; None where it removes none."""
    if values.get("vocabulary") is None:
        return None
    header = Header.model_validate(values)
    vocabulary = header.vocabulary or Vocabulary()
    kept = [word for word in vocabulary.hotwords if not redaction.removes_hotword(word)]
    if len(kept) == len(vocabulary.hotwords):
        return None
    return header.model_copy(update={"vocabulary": vocabulary.model_copy(update={"hotwords": kept})})


def _kept(
    redaction: Redaction, kind: type[Speaker] | type[Participant] | type[Segment], texts: list[str], gone: set[int]
) -> Iterator[str]:
    """The texts of the entries that stay. The ids of the speakers that do not are added to `gone`."""
    for text in texts:
        if not redaction.concerns(text):
            yield text
            continue
        entry = kind.model_validate_json(text)
        new = _redacted(redaction, entry)
        if new is not None:
            yield text if new is entry else new.model_dump_json()
        elif isinstance(entry, Speaker):
            gone.add(entry.id)


def _without_ids(text: str, gone: Collection[int]) -> str:
    """The speaker without the marks of different people that name removed speakers."""
    speaker = Speaker.model_validate_json(text)
    kept = [id_ for id_ in speaker.different_from or () if id_ not in gone]
    if len(kept) == len(speaker.different_from or ()):
        return text
    return speaker.model_copy(update={"different_from": kept}).model_dump_json()


def _redacted(redaction: Redaction, entry: Entry) -> Entry | None:
    match entry:
        case Speaker():
            return redaction.speaker(entry)
        case Participant():
            return redaction.participant(entry)
        case Segment():
            return redaction.segment(entry)
