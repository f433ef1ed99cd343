"""What a profile file contains of conversations."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from pipeline.formats.profile_file import EmotionProfile, Participant, Segment, Speaker
from pipeline.formats.profile_redaction import Entry
from pipeline.identity.matching import is_unknown

CONVERSATION_UUID = re.compile(r'"conversation_uuid"\s*:\s*"([^"]*)"')
Vectors = Sequence[Sequence[float]]


class WithoutConversations:
    """Removes the participants and segments of conversations, and what was computed from them.

    An unknown speaker who has nothing else goes, too. Files of the reference system know conversations by their ids alone.
    """

    def __init__(self, conversations: Mapping[UUID, int]) -> None:
        self._uuids = conversations.keys()
        self._texts = {str(uuid) for uuid in conversations}
        self._ids = set(conversations.values())
        self._heard: set[int] = set()
        """Speakers of the conversations."""
        self._heard_elsewhere: set[int] = set()
        self._learned: defaultdict[tuple[int, str], list[Segment]] = defaultdict(list)
        """Segments of the conversations that emotion profiles were computed from, by speaker and emotion."""

    def concerns(self, text: str) -> bool:
        """All entries but segments with the uuid of another conversation: to read those takes five times as long."""
        if '"start_offset"' not in text:
            return True
        uuid = CONVERSATION_UUID.search(text)
        return uuid is None or uuid[1] in self._texts

    def read(self, entry: Entry) -> None:
        match entry:
            case Participant(speaker_id=int(speaker)):
                (self._heard if entry.conversation_uuid in self._uuids else self._heard_elsewhere).add(speaker)
            case Segment(speaker_id=int(speaker)) if self._is_part(entry):
                self._heard.add(speaker)
                if _is_learned(entry) and entry.emotion_category is not None:
                    self._learned[speaker, entry.emotion_category].append(entry)
            case Segment(speaker_id=int(speaker)):
                self._heard_elsewhere.add(speaker)

    def decide(self) -> None:
        """Each entry is decided by itself."""

    def speaker(self, speaker: Speaker) -> Speaker | None:
        if speaker.id not in self._heard:
            return speaker
        profiles = list(self._profiles(speaker))
        heard = speaker.id in self._heard_elsewhere
        if is_unknown(speaker.name) and not heard and not speaker.references and not profiles:
            return None
        # The mean of the references may include a voice of the conversations. Programs can do without it.
        return speaker.model_copy(update={"embedding": None, "embedding_model": None, "emotion_profiles": profiles})

    def participant(self, participant: Participant) -> Participant | None:
        return None if participant.conversation_uuid in self._uuids else participant

    def segment(self, segment: Segment) -> Segment | None:
        return None if self._is_part(segment) else segment

    def removes_hotword(self, _word: str) -> bool:
        return False

    def _is_part(self, segment: Segment) -> bool:
        if segment.conversation_uuid is None:
            return segment.conversation_id in self._ids
        return segment.conversation_uuid in self._uuids

    def _profiles(self, speaker: Speaker) -> Iterator[EmotionProfile]:
        for profile in speaker.emotion_profiles:
            reduced = _without(profile, self._learned[speaker.id, profile.emotion_category])
            if reduced is not None:
                yield reduced


def _is_learned(segment: Segment) -> bool:
    """As `storage.emotions.emotions.learned` decides for stored segments."""
    vector = segment.emotion_vector
    usable = segment.emotion_corrected and segment.emotion_learned and vector is not None and any(vector)
    return usable and not segment.emotion_misidentified and not segment.is_misidentified


def _without(profile: EmotionProfile, segments: Sequence[Segment]) -> EmotionProfile | None:
    """The profile as its other samples make it; None if there are none."""
    if not segments:
        return profile
    emotions = [s.emotion_vector for s in segments if s.emotion_vector and s.emotion_model == profile.embedding_model]
    voices = [s.voice_vector for s in segments if s.voice_vector and s.voice_model == profile.voice_embedding_model]
    embedding = _reduced(profile.embedding, profile.sample_count, emotions)
    if embedding is None:
        return None
    voice = None
    if profile.voice_embedding is not None:
        voice = _reduced(profile.voice_embedding, profile.voice_sample_count, [v for v in voices if any(v)])
    return profile.model_copy(
        update={
            "embedding": embedding[0],
            "sample_count": embedding[1],
            "voice_embedding": voice and voice[0],
            "voice_sample_count": voice[1] if voice else 0,
        }
    )


def _reduced(mean: Sequence[float], count: int, removed: Vectors) -> tuple[list[float], int] | None:
    """The mean of `count` vectors without some of them, and how many remain; None if none does."""
    removed = [vector for vector in removed if len(vector) == len(mean)]
    left = count - len(removed)
    if left <= 0:
        return None
    if not removed:
        return list(mean), count
    total: NDArray[np.float64] = np.array(mean, np.float64) * count - np.sum(np.array(removed, np.float64), axis=0)
    return [float(str(number)) for number in (total / left).astype(np.float32)], left
