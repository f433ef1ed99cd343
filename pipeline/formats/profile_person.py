"""What a profile file contains of one person."""

import numpy as np

from pipeline.formats.profile_file import Participant, Segment, Speaker
from pipeline.formats.profile_redaction import Entry
from pipeline.hotwords import as_hotword
from pipeline.identity.erased_person import ErasedPerson, mentions
from pipeline.identity.matching import is_unknown
from pipeline.names import key


class WithoutPerson:
    """Removes a person: their speakers, and the vectors of their participants and segments, which have no speaker then.

    A speaker of the file is the person if it has one of their names or ids, or one of their voice vectors as a reference. An
    unknown speaker is it also if it has one of their participants.
    """

    def __init__(self, person: ErasedPerson) -> None:
        self._person = person
        self._names = {key(name) for name in person.names}
        self._speakers: set[int] = set()
        self._unknown: set[int] = set()
        self._speaker_of: dict[int, int | None] = {}
        self._participants: set[int] = set()
        self._incomplete: set[int] = set()
        """Other speakers that lose a participant."""

    def concerns(self, _text: str) -> bool:
        return True

    def read(self, entry: Entry) -> None:
        match entry:
            case Speaker():
                if self._is_person(entry):
                    self._speakers.add(entry.id)
                elif is_unknown(entry.name):
                    self._unknown.add(entry.id)
            case Participant():
                self._speaker_of[entry.id] = entry.speaker_id
                known = (entry.conversation_uuid, entry.id) in self._person.voices
                if known or self._is_theirs(entry.vector):
                    self._participants.add(entry.id)
            case Segment():
                pass

    def decide(self) -> None:
        assigned = (self._speaker_of[participant] for participant in self._participants)
        speakers = {speaker for speaker in assigned if speaker is not None}
        self._speakers |= speakers & self._unknown
        self._participants |= {id_ for id_, speaker in self._speaker_of.items() if speaker in self._speakers}
        self._incomplete = speakers - self._speakers

    def speaker(self, speaker: Speaker) -> Speaker | None:
        if speaker.id in self._speakers:
            return None
        if speaker.id in self._incomplete:
            # The mean of the references includes a vector of the person. Programs can do without it.
            return speaker.model_copy(update={"embedding": None, "embedding_model": None})
        return speaker

    def participant(self, participant: Participant) -> Participant | None:
        if participant.id not in self._participants:
            return participant
        none = {"speaker_id": None, "confidence": None, "vector": None, "model": None}
        return participant.model_copy(update=none)

    def segment(self, segment: Segment) -> Segment | None:
        theirs = (
            segment.speaker_id in self._speakers
            or segment.participant_id in self._participants
            or self._is_name(segment.speaker_name)
        )
        if not theirs:
            return segment
        none = ("speaker_id", "speaker_name", "confidence", "emotion_vector", "emotion_model", "voice_vector", "voice_model")
        return segment.model_copy(update=dict.fromkeys(none))

    def removes_hotword(self, word: str) -> bool:
        return mentions(word, [as_hotword(name) for name in self._person.names])

    def _is_person(self, speaker: Speaker) -> bool:
        return (
            self._is_name(speaker.name)
            or (speaker.id, speaker.created_at) in self._person.rows
            or any(self._is_theirs(reference.vector) for reference in speaker.references)
        )

    def _is_name(self, name: str | None) -> bool:
        # In another database, a name such as Unknown_01 belongs to another person.
        return name is not None and key(name) in self._names and not is_unknown(name)

    def _is_theirs(self, vector: list[float] | None) -> bool:
        return vector is not None and np.array(vector, np.float32).tobytes() in self._person.vectors
