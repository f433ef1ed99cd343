"""Who speaks the imported segments of a conversation: its participants."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline import names
from pipeline.identity.matching import is_unknown
from storage.legacy.inserts import ImportedParticipant
from storage.legacy.rows import LegacySegment, Losses


@dataclass(slots=True)
class People:
    """The speakers of the file, by their ids there and by their names, with their ids here."""

    ids: dict[int, int] = field(default_factory=dict)
    by_key: dict[str, int] = field(default_factory=dict)
    """By the keys of their names."""

    def add(self, legacy_id: int, name: str, id_: int) -> None:
        self.ids[legacy_id] = id_
        self.by_key[names.key(name)] = id_


@dataclass(frozen=True, slots=True)
class ImportedVoice:
    participant: ImportedParticipant
    segments: tuple[LegacySegment, ...]


def participants(segments: Sequence[LegacySegment], people: People, losses: Losses) -> list[ImportedVoice]:
    """One for each speaker, and one for each name without a speaker, in the order of their first segments."""
    groups: dict[int | str, list[LegacySegment]] = {}
    for segment in segments:
        groups.setdefault(_speaker_of(segment, people), []).append(segment)
    voices = []
    for number, (key, own) in enumerate(groups.items()):
        speaker_id = key if isinstance(key, int) else None
        if isinstance(key, str) and key and not is_unknown(key):
            losses.add(f"'{key}' has no speaker any more: the voice is unknown here.")
        speech = sum(segment.end - segment.start for segment in own)
        participant = ImportedParticipant(f"SPEAKER_{number:02d}", speaker_id, None, speech, None)
        voices.append(ImportedVoice(participant, tuple(own)))
    return voices


def _speaker_of(segment: LegacySegment, people: People) -> int | str:
    """The id here, or the name that the segment has instead."""
    if segment.speaker_id is not None and segment.speaker_id in people.ids:
        return people.ids[segment.speaker_id]
    name = segment.speaker_name or ""
    return name if is_unknown(name) else people.by_key.get(names.key(name), name)
