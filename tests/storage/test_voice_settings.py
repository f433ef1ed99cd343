"""The voice settings in force."""

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.identity.thresholds import THRESHOLDS
from pipeline.voice_settings import VoiceSettingsChange
from settings import Settings
from storage.postgres.database import Database
from storage.speakers import voice_settings

MODEL = "wespeaker-resnet34"


async def test_without_any_change_the_environment_and_the_models_threshold_hold(database: Database) -> None:
    async with database.session() as session:
        plain = await voice_settings.get(session, Settings(), MODEL)
        assert plain.speaker_threshold == THRESHOLDS[MODEL]
        assert (plain.context_padding, plain.silence_duration, plain.emotion_threshold) == (0.15, 0.5, 0.6)
        assert plain.filter_hallucinations
        assert (await voice_settings.get(session, Settings(), "pyannote/embedding")).speaker_threshold == 0.3
        assert (await voice_settings.get(session, Settings(speaker_threshold=0.7), MODEL)).speaker_threshold == 0.7
        with pytest.raises(ValueError, match="SPEAKER_THRESHOLD"):
            await voice_settings.get(session, Settings(), "nobody's")


async def test_a_change_is_stronger_than_the_environment_and_lasts_until_the_reset(database: Database) -> None:
    chosen = Settings(silence_duration=2.0, speaker_threshold=0.6)
    async with database.session() as session:
        await voice_settings.update(session, VoiceSettingsChange(silence_duration=1.0, filter_hallucinations=False), MODEL)
        await voice_settings.update(session, VoiceSettingsChange(silence_duration=3.0), MODEL)
        await voice_settings.update(session, VoiceSettingsChange(), MODEL)
    async with database.session() as session:
        now = await voice_settings.get(session, chosen, MODEL)
        assert (now.silence_duration, now.filter_hallucinations, now.speaker_threshold) == (3.0, False, 0.6)
        await voice_settings.reset(session)
        now = await voice_settings.get(session, chosen, MODEL)
        assert (now.silence_duration, now.filter_hallucinations) == (2.0, True)


async def test_a_speaker_threshold_holds_for_its_model_alone(database: Database) -> None:
    async with database.session() as session:
        await voice_settings.update(session, VoiceSettingsChange(speaker_threshold=0.42), MODEL)
        assert (await voice_settings.get(session, Settings(), MODEL)).speaker_threshold == 0.42
        assert (await voice_settings.get(session, Settings(), "pyannote/embedding")).speaker_threshold == 0.3


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("speaker_threshold", (0.09, 0.91, float("nan"))),
        ("context_padding", (0.04, 2.1, float("inf"))),
        ("silence_duration", (0.09, 5.1, -1)),
        ("emotion_threshold", (0.29, 1.01, "high")),
        ("filter_hallucinations", ("perhaps",)),
    ],
)
def test_bounds_are_those_of_the_environment_too(name: str, values: tuple[object, ...]) -> None:
    for value in values:
        given: dict[str, Any] = {name: value}
        for kind in (VoiceSettingsChange, Settings):
            with pytest.raises(ValidationError):
                kind(**given)


async def test_a_threshold_of_another_model_in_the_environment_is_not_used(database: Database) -> None:
    foreign = Settings(speaker_threshold=0.3)
    async with database.session() as session:
        assert (await voice_settings.get(session, foreign, MODEL)).speaker_threshold == THRESHOLDS[MODEL]
        warning = await voice_settings.threshold_warning(session, foreign, MODEL)
        assert warning is not None
        assert "SPEAKER_THRESHOLD=0.3 is not used" in warning
        assert (await voice_settings.get(session, foreign, "pyannote/embedding")).speaker_threshold == 0.3
        meant = Settings(speaker_threshold=0.3, speaker_threshold_model=MODEL)
        assert (await voice_settings.get(session, meant, MODEL)).speaker_threshold == 0.3
        assert await voice_settings.threshold_warning(session, meant, MODEL) is None


@pytest.mark.parametrize("wanted", [0.3, THRESHOLDS[MODEL]])
async def test_a_restored_threshold_does_not_depend_on_one_that_is_not_used(database: Database, wanted: float) -> None:
    foreign = Settings(speaker_threshold=0.3)
    async with database.session() as session:
        await voice_settings.replace(session, foreign, VoiceSettingsChange(speaker_threshold=wanted), MODEL)
        assert (await voice_settings.get(session, foreign, MODEL)).speaker_threshold == wanted
        warning = await voice_settings.threshold_warning(session, foreign, MODEL)
        assert warning is not None
        assert ("is in force" in warning) == (wanted == 0.3)
