"""Restore the speakers, and who speaks where, as a profile file has them.

A restore replaces: speakers that the file does not have are deleted, and their participants have no speaker afterwards. What
was added after the file was written keeps the speakers that the file has. Conversations are known by their uuid, or by their
id in files of the reference system. Segments that are not stored any more are left out.
"""

from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.formats.profile_file import Header
from pipeline.identity.policy import IdentityPolicy
from services.access import audit
from services.identity import emotion_refresh
from storage import vocabulary
from storage.backups import backups, restoring, staging_rows
from storage.backups.backups import BackupSummary, ProfileNotFoundError
from storage.backups.restoring import RestoreCounts
from storage.backups.snapshots import Running
from storage.backups.staging_rows import StagedFile
from storage.speakers import change_log, distinct_speakers, speakers, voice_settings
from storage.vocabulary import StoredVocabulary


class IncompatibleError(ValueError):
    """The file cannot be restored here; the message says why."""


@dataclass(frozen=True, slots=True)
class Restored:
    name: str
    counts: RestoreCounts
    settings_restored: bool
    settings_warning: str | None
    before: BackupSummary | None
    """The replaced state; None if there were no speakers."""
    forgotten_changes: int
    """Changes of speakers that could be undone, and cannot be now."""

    @property
    def left_out(self) -> str | None:
        """What of the file, and of the state before, is not there afterwards."""
        counts = self.counts
        parts = {
            "segment(s) of the file are not here any more": counts.segments_not_found,
            "segment(s) have a speaker who is not in the file": counts.segments_unmapped,
            "change(s) of speakers cannot be undone any more": self.forgotten_changes,
        }
        return "; ".join(f"{count} {what}" for what, count in parts.items() if count) + "." if any(parts.values()) else None

    @property
    def legacy_warning(self) -> str | None:
        count = self.counts.segments_replayed_by_legacy_identity
        if not count:
            return None
        return f"{count} line(s) were found by the id of their conversation, as the file has no other: check a few of them."


async def restore(session: AsyncSession, running: Running, backup: BackupSummary) -> Restored:
    """Replace the live state by that of a file: all of it, or, where this raises, nothing.

    Raises IncompatibleError, and ProfileNotFoundError where the file was deleted meanwhile.
    """
    await speakers.lock(session)
    content = await backups.content_of(session, backup)
    if content is None:
        raise ProfileNotFoundError("File not found")
    try:
        file = await staging_rows.load(session, content)
    except ValidationError as error:
        raise IncompatibleError("Another version of this program stored the file, and this one cannot read it.") from error
    await _check_dimensions(session, file)
    before = await backups.keep_before_restore(session, running)
    # The undo history goes; that the speakers of an undone merge are different people stays.
    undone = [(min(pair), max(pair)) for pair in await change_log.undone_merges(session) if len(pair) > 1]
    await distinct_speakers.add_all(session, undone)
    forgotten = await change_log.clear(session)
    refreshed = await restoring.profiled_participants(session)
    changed = await restoring.replace(session)
    refreshed |= await restoring.profiled_participants(session)
    warning = await _restore_settings(session, running, file.header)
    if (words := file.header.vocabulary) is not None:
        await vocabulary.replace(session, StoredVocabulary(words.hotwords, words.include_speaker_names))
    voice = await voice_settings.get(session, running.settings, running.embedding_model)
    policy = IdentityPolicy(running.embedding_model, voice, running.settings.enable_personalized_emotions)
    await emotion_refresh.refresh(session, policy, changed, refreshed)
    counts = await restoring.counts(session)
    await audit.record(session, "profile.restore", f"profile:{backup.id}")
    return Restored(file.header.name, counts, file.header.settings is not None, warning, before, forgotten)


async def _check_dimensions(session: AsyncSession, file: StagedFile) -> None:
    """The vectors of a model have one length, or they could not be averaged and compared."""
    stored = await restoring.stored_dimensions(session, file.dimensions.keys())
    for model, lengths in file.dimensions.items():
        if len(found := lengths | stored[model]) > 1:
            raise IncompatibleError(
                f"Vectors of the model {model} have {' and '.join(map(str, sorted(found)))} numbers in the file and here: "
                "one of them says the wrong model."
            )


async def _restore_settings(session: AsyncSession, running: Running, header: Header) -> str | None:
    """Returns a warning for the user, if there is one."""
    if header.settings is None:
        return "The file has no settings; those in force stay."
    await voice_settings.replace(session, running.settings, header.settings, header.embedding_model)
    if header.settings.speaker_threshold is None:
        return None
    if header.embedding_model == running.embedding_model:
        return await voice_settings.threshold_warning(session, running.settings, running.embedding_model)
    return (
        f"The speaker threshold {header.settings.speaker_threshold} belongs to {header.embedding_model} and is kept for it; "
        f"{running.embedding_model}, which is running, keeps its own."
    )
