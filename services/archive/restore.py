"""Putting back who is who as a profile file has it.

A restore replaces: who is not in the file is no speaker any more, and their voices are unknown again. What came after the
file was written keeps the speakers that the file knows. Conversations are known by their uuid, and by their id where the
reference system wrote the file; lines that are not here any more are passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats.profile_file import Header
from pipeline.identity.policy import IdentityPolicy
from services.identity import emotion_refresh
from storage.backups import backups, restored_emotions
from storage.backups.backups import BackupSummary, ProfileNotFoundError
from storage.backups.restore_sql import COUNTS, HEADER, LENGTHS, LOAD, PERSONAL, SPEAKERS, TRANSCRIPTS
from storage.backups.snapshots import Running
from storage.speakers import change_log, speakers, voice_settings


class IncompatibleError(ValueError):
    """The file cannot be restored here; says why."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of the file's speakers and lines, under the names that clients know."""

    speakers_restored: int
    segments_updated: int
    segments_unmapped: int
    """Their speaker is not in the file."""
    segments_remapped_by_name: int
    """Their speaker was found by name, not by id."""
    segments_remapped_from_local_names: int
    """The file has a name for them that is a speaker's, and no id."""
    segments_not_found: int
    segments_skipped_namespace: int
    """Their conversation is not here."""
    segments_skipped_identity: int
    """Their conversation is here, without a line at that place."""
    segments_replayed_by_identity: int
    segments_replayed_by_legacy_identity: int
    """Found by the conversation's id and the line's place."""
    segment_namespace_match: bool
    """Every conversation of the file is here."""


@dataclass(frozen=True, slots=True)
class Restored:
    name: str
    counts: Counts
    settings_restored: bool
    settings_warning: str | None
    before: BackupSummary | None
    """What was replaced; None where nobody was known."""

    @property
    def legacy_warning(self) -> str | None:
        count = self.counts.segments_replayed_by_legacy_identity
        if not count:
            return None
        return f"{count} line(s) were found by the id of their conversation, as the file has no other: check a few of them."


async def restore(session: AsyncSession, running: Running, backup: BackupSummary) -> Restored:
    """Replace the live state by that of a file; all of it, or, where this raises, nothing.

    Raises IncompatibleError, and ProfileNotFoundError where it was deleted meanwhile.
    """
    await speakers.lock(session)
    header = await _header(session, backup)
    await _run(session, LOAD, backup=backup.id)
    await _check_lengths(session)
    before = await backups.keep_before_restore(session, running)
    await change_log.clear(session)
    personal = set(await session.scalars(text(PERSONAL)))
    await _run(session, (*SPEAKERS, *TRANSCRIPTS), unknown=speakers.UNKNOWN)
    learned = await restored_emotions.restore(session)
    personal |= set(await session.scalars(text(PERSONAL)))
    warning = await _restore_settings(session, running, header)
    voice = await voice_settings.get(session, running.settings, running.embedding_model)
    policy = IdentityPolicy(running.embedding_model, voice, running.settings.enable_personalized_emotions)
    await emotion_refresh.refresh(session, policy, learned, personal)
    counts = Counts(**(await session.execute(text(COUNTS))).mappings().one())
    return Restored(header.name, counts, header.settings is not None, warning, before)


async def _header(session: AsyncSession, backup: BackupSummary) -> Header:
    content = await session.scalar(text(HEADER), {"backup": backup.id})
    if content is None:
        raise ProfileNotFoundError("File not found")
    return Header.model_validate_json(content)


async def _run(session: AsyncSession, statements: Sequence[str], **values: object) -> None:
    for statement in statements:
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        await session.execute(text(statement), used)


async def _check_lengths(session: AsyncSession) -> None:
    """One model's vectors have one length, or they cannot be averaged and compared."""
    for model, lengths in await session.execute(text(LENGTHS)):
        if len(lengths) > 1:
            raise IncompatibleError(
                f"Vectors of the model {model} have {' and '.join(map(str, sorted(lengths)))} numbers in the file and here: "
                "one of them says the wrong model."
            )


async def _restore_settings(session: AsyncSession, running: Running, header: Header) -> str | None:
    """Returns what the user should know about it."""
    if header.settings is None:
        return "The file has no settings; those in force stay."
    await voice_settings.replace(session, running.settings, header.settings, header.embedding_model)
    if header.settings.speaker_threshold is None or header.embedding_model == running.embedding_model:
        return None
    return (
        f"The speaker threshold {header.settings.speaker_threshold} belongs to {header.embedding_model} and is kept for it; "
        f"{running.embedding_model}, which is running, keeps its own."
    )
