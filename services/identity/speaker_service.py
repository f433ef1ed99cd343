"""What users do with speakers, one transaction each. REST routes and MCP tools call these methods of `AppContext.speakers`."""

from typing import Any, BinaryIO

from pipeline.identity.enrollment import MAX_SAMPLE_S, Sample, read_sample
from pipeline.stages import Stages
from services.access.actor import actor
from services.identity import identification, speaker_admin, undo, unknown_speakers
from services.identity.identification import Identification, Mark
from services.identity.unknown_speakers import Suggestion
from services.policy import Policies
from services.recordings import Recordings
from storage.audio import AudioLocation
from storage.change_summary import ChangeSummary
from storage.speakers import speaker_queries, speakers
from storage.speakers.speaker_queries import SpeakerEntry
from storage.speakers.speakers import SpeakerSummary


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

    async def enroll(self, name: str, file: BinaryIO) -> tuple[SpeakerSummary, str | None]:
        """Create a speaker from a sample of their voice; the second value warns of a short one. Only its embedding is stored.

        Raises NameTakenError, media.decoding.AudioError, pipeline.identity.enrollment.UnsuitableSampleError.
        """
        await self._policies.embedding_model()
        async with self._database.session() as session:
            await speakers.check_free(session, name)  # before the sample is decoded
        sample = await self._read(file)
        async with self._database.session() as session:
            policy = await self._policies.lock(session)
            return await speaker_admin.enroll(session, policy, name, sample.voice), sample.warning

    async def add_sample(self, speaker_id: int, file: BinaryIO) -> tuple[SpeakerSummary, str | None]:
        """Add another sample of a speaker's voice; returns and raises what `enroll` does, and SpeakerNotFoundError."""
        await self._policies.embedding_model()
        async with self._database.session() as session:
            await speakers.name_of(session, speaker_id)
        sample = await self._read(file)
        async with self._database.session() as session:
            policy = await self._policies.lock(session)
            return await speaker_admin.add_sample(session, policy, speaker_id, sample.voice), sample.warning

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

    async def changes(self) -> list[ChangeSummary]:
        """The latest changes, the newest first."""
        async with self._database.session() as session:
            return await undo.history(session)

    async def undo(self) -> ChangeSummary:
        """Undo the last change that still holds. Raises UndoError.

        It needs a model only where emotions have to be detected again with a profile.
        """
        async with self._database.session() as session:
            return await undo.undo(session, self._policies.read)
