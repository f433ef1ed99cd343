"""The voice settings in force: those of the environment, overridden by changes at run time.

A change is kept in the database and holds on every replica and after a restart. The system that this one replaces let a
non-empty environment value win at every start; here it is the default that a reset returns to. In a container the
environment is always set, and a change that an operator made and tested would silently be lost after the next update.
"""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline.identity.thresholds import Threshold, configured_threshold, low_warning
from pipeline.voice_settings import VoiceSettings, VoiceSettingsChange
from settings import Settings
from storage.tables import VoiceSetting

THRESHOLD = "speaker_threshold"


async def get(session: AsyncSession, settings: Settings, embedding_model: str) -> VoiceSettings:
    """The settings in force. Raises ValueError where no speaker threshold is known for the embedding model."""
    changed = await changes(session, embedding_model)
    values = {name: getattr(settings, name) for name in VoiceSettings.model_fields} | changed.model_dump(exclude_none=True)
    values[THRESHOLD] = _threshold(changed, settings, embedding_model).value
    return VoiceSettings(**values)


async def threshold_warning(session: AsyncSession, settings: Settings, embedding_model: str) -> str | None:
    """What a user should know about the speaker threshold in force, if there is something. Raises as `get` does."""
    return _threshold(await changes(session, embedding_model), settings, embedding_model).warning


async def changes(session: AsyncSession, embedding_model: str) -> VoiceSettingsChange:
    """The settings that were changed and not reset."""
    rows = {row.name: row.value for row in await session.execute(select(VoiceSetting.name, VoiceSetting.value))}
    names = {_key(name, embedding_model): name for name in VoiceSettings.model_fields}
    return VoiceSettingsChange(**{names[key]: value for key, value in rows.items() if key in names})


async def update(session: AsyncSession, change: VoiceSettingsChange, embedding_model: str) -> None:
    """Store the values that the change sets. A speaker threshold applies to `embedding_model` and to no other."""
    values = change.model_dump(exclude_none=True)
    rows: list[dict[str, Any]] = [{"name": _key(name, embedding_model), "value": value} for name, value in values.items()]
    if rows:
        new = insert(VoiceSetting).values(rows)
        await session.execute(new.on_conflict_do_update(index_elements=["name"], set_={"value": new.excluded.value}))


async def reset(session: AsyncSession) -> None:
    """Delete all changes: the environment's values apply again."""
    await session.execute(delete(VoiceSetting))


async def replace(session: AsyncSession, settings: Settings, wanted: VoiceSettingsChange, embedding_model: str) -> None:
    """Replace all changes by `wanted`. A value equal to the environment's is not stored as a change.

    Its speaker threshold applies to `embedding_model`; those of other models stay.
    """
    keys = [_key(name, embedding_model) for name in VoiceSettings.model_fields]
    await session.execute(delete(VoiceSetting).where(VoiceSetting.name.in_(keys)))
    values = wanted.model_dump(exclude_none=True)
    defaults = {name: getattr(settings, name) for name in values}
    if THRESHOLD in values:
        defaults[THRESHOLD] = _environment_threshold(settings, embedding_model)
    changed = {name: value for name, value in values.items() if value != defaults[name]}
    await update(session, VoiceSettingsChange(**changed), embedding_model)


def _threshold(changed: VoiceSettingsChange, settings: Settings, embedding_model: str) -> Threshold:
    """The threshold in force. Raises ValueError where none is known for the embedding model."""
    if (value := changed.speaker_threshold) is not None:
        return Threshold(value, low_warning(value, embedding_model))
    return configured_threshold(embedding_model, settings.speaker_threshold, settings.speaker_threshold_model)


def _environment_threshold(settings: Settings, embedding_model: str) -> float | None:
    try:
        return _threshold(VoiceSettingsChange(), settings, embedding_model).value
    except ValueError:  # of a model that does not run here, nothing is known
        return None


def _key(name: str, embedding_model: str) -> str:
    return f"{name} {embedding_model}" if name == THRESHOLD else name
