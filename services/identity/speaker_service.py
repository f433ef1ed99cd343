"""What users do with speakers, one transaction each. REST routes and MCP tools call these methods of `AppContext.speakers`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from pipeline.identity.enrollment import MAX_SAMPLE_S, Sample, read_sample
from pipeline.identity.sample_set import SampleSet
from pipeline.stages import Stages
from services.access.actor import actor
from services.errors import ModelsUnavailableError
from services.identity import identification, participants, speaker_admin, undo, unknown_speakers
from services.identity.identification import Identification, Mark
from services.identity.participants import Participant
from services.identity.unknown_speakers import Suggestion
from services.policy import Policies
from services.recordings import Recordings
from storage.audio import AudioLocation
from storage.change_summary import ChangeSummary
from storage.speakers import overview, speaker_queries, speakers
from storage.speakers.overview import SpeakerOverview, SpeechSample
from storage.speakers.speaker_queries import SpeakerEntry
from storage.speakers.speakers import SpeakerSummary


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A speaker after a sample was enrolled."""

    speaker: SpeakerSummary
    warning: str | None
    """Of a short sample."""
    samples: SampleSet


class SpeakerService:
    """Methods that compare voices raise ModelsUnavailableError where the stages have never named their embedding model."""

    def __init__(self, recordings: Recordings, stages: Stages[Any], policies: Policies) -> None:
        """`stages` are for calls that a person waits for."""
        self._recordings = recordings
        self._stages = stages
        self._database = recordings.database
        self._policies = policies

    async def list_all(self) -> list[SpeakerSummary]:
        """All speakers by name."""
        async with self._database.session() as session:
            return await speakers.list_all(session)

    async def page(self, part: str, skip: int, limit: int) -> tuple[list[SpeakerEntry], int]:
        """Speakers with `part` in their name, in any spelling, and their number; those with a given name first."""
        async with self._database.session() as session:
            return await speaker_queries.page(session, part, skip, limit)

    async def get(self, speaker_id: int) -> SpeakerSummary:
        """Raises SpeakerNotFoundError."""
        async with self._database.session() as session:
            return await speakers.get(session, speaker_id)

    async def sample(self, speaker_id: int) -> AudioLocation | None:
        """The location of the best sample of the voice that the current principal may play. Raises SpeakerNotFoundError."""
        async with self._database.session() as session:
            return await speakers.sample(session, actor().principal, speaker_id)

    async def overview(self) -> list[SpeakerOverview]:
        """The speech of all speakers in conversations that the current principal sees."""
        async with self._database.session() as session:
            return await overview.of_all(session, actor().principal)

    async def samples(self, speaker_id: int, limit: int) -> Sequence[SpeechSample]:
        """Clear segments of the speaker that the current principal may play. Raises SpeakerNotFoundError."""
        async with self._database.session() as session:
            return await overview.samples(session, actor().principal, speaker_id, limit)

    async def enroll(self, name: str, file: BinaryIO) -> Enrollment:
        """Create a speaker from a sample of their voice. Only its embedding is stored.

        Raises NameTakenError, media.decoding.AudioError, pipeline.identity.enrollment.UnsuitableSampleError.
        """
        await self._policies.embedding_model()
        async with self._database.session() as session:
            await speakers.check_free(session, name)  # before the sample is decoded
        sample = await self._read(file)
        async with self._database.session() as session:
            policy = await self._policies.lock(session)
            speaker = await speaker_admin.enroll(session, policy, name, sample.voice, sample.seconds)
            return Enrollment(speaker, sample.warning, await speaker_admin.samples(session, policy, speaker.id))

    async def add_sample(self, speaker_id: int, file: BinaryIO) -> Enrollment:
        """Add another sample of a speaker's voice; returns and raises what `enroll` does, and SpeakerNotFoundError."""
        await self._policies.embedding_model()
        async with self._database.session() as session:
            await speakers.name_of(session, speaker_id)
        sample = await self._read(file)
        async with self._database.session() as session:
            policy = await self._policies.lock(session)
            speaker = await speaker_admin.add_sample(session, policy, speaker_id, sample.voice, sample.seconds)
            return Enrollment(speaker, sample.warning, await speaker_admin.samples(session, policy, speaker.id))

    async def _read(self, file: BinaryIO) -> Sample:
        audio = await self._recordings.decode(file, MAX_SAMPLE_S)
        return await read_sample(audio.samples, audio.duration, self._stages)

    async def identify(
        self,
        conversation_id: int,
        segment_id: int,
        *,
        speaker_id: int | None = None,
        speaker_name: str | None = None,
        enroll: bool = True,
        only_this: bool = False,
    ) -> Identification:
        """See `services.identity.identification.identify`."""
        async with self._database.session() as session:
            return await identification.identify(
                session,
                await self._policies.lock(session),
                conversation_id,
                segment_id,
                speaker_id=speaker_id,
                speaker_name=speaker_name,
                enroll=enroll,
                only_this=only_this,
            )

    async def mark_misidentified(self, conversation_id: int, segment_id: int, is_misidentified: bool) -> Mark:
        """See `services.identity.identification.mark_misidentified`."""
        async with self._database.session() as session:
            policy = await self._policies.lock(session)
            return await identification.mark_misidentified(session, policy, conversation_id, segment_id, is_misidentified)

    async def rename(self, speaker_id: int, name: str) -> SpeakerSummary:
        """Needs no model. Raises SpeakerNotFoundError, NameTakenError."""
        async with self._database.session() as session:
            return await speaker_admin.rename(session, speaker_id, name)

    async def merge(self, source: int, target: int) -> SpeakerSummary:
        """Make `source` the same speaker as `target`, who is returned. Raises SpeakerNotFoundError, SameSpeakerError."""
        async with self._database.session() as session:
            return await speaker_admin.merge(session, await self._policies.lock(session), source, target)

    async def set_distinct(self, one: int, other: int, distinct: bool) -> None:
        """Needs no model. Raises SpeakerNotFoundError, SameSpeakerError."""
        async with self._database.session() as session:
            await speaker_admin.set_distinct(session, one, other, distinct)

    async def delete(self, speaker_id: int) -> str:
        """Needs no model; returns the speaker's name. Raises SpeakerNotFoundError."""
        async with self._database.session() as session:
            return await speaker_admin.delete(session, speaker_id)

    async def delete_unknown(self) -> list[str]:
        """Needs no model; returns the names of the deleted speakers."""
        async with self._database.session() as session:
            return await speaker_admin.delete_unknown(session)

    async def suggestions(self, limit: int) -> list[Suggestion]:
        """Unknown speakers who may be another speaker, the most similar first."""
        async with self._database.session() as session:
            return await unknown_speakers.suggestions(session, await self._policies.read(session), limit)

    async def participants(self, conversation_id: int) -> list[Participant]:
        """The speakers of a conversation; without suggestions where the models do not answer. Raises LookupError."""
        try:
            await self._policies.embedding_model()  # which may take a while: before a connection is taken
            answers = True
        except ModelsUnavailableError:
            answers = False
        async with self._database.session() as session:
            policy = await self._policies.read(session) if answers else None
            return await participants.of_conversation(session, conversation_id, policy)

    async def changes(self) -> list[ChangeSummary]:
        """The latest changes, the newest first."""
        async with self._database.session() as session:
            return await undo.history(session)

    async def undo(self, expected: int | None = None) -> ChangeSummary:
        """Undo the last change that still holds. Raises UndoError, also where it is not the `expected` one.

        It needs a model only where emotions have to be detected again with a profile.
        """
        async with self._database.session() as session:
            return await undo.undo(session, self._policies.read, expected)
