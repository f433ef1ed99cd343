"""Corrections of emotions, and the emotion profiles of speakers that learn from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from api import schemas, security
from api.dependencies import LARGEST_ID, LARGEST_SEGMENT_ID, NOT_FOUND, ContextDep, ConversationId
from pipeline.emotion.dual_detector import canonical
from pipeline.types import EMOTIONS
from services.access import audit
from services.context import AppContext
from services.identity import corrections
from storage.conversations import conversations
from storage.emotions import emotions
from storage.emotions import profiles as stored_profiles

NO_SPEAKER: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "There is no such speaker."}}
NO_PROFILE: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Error, "description": "There is no such speaker, or no profile of this emotion."}
}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "The segment cannot be corrected; the sentence gives the reason."},
    404: {"model": schemas.Error, "description": "There is no such segment in this conversation."},
}

Emotion = Annotated[
    str, AfterValidator(canonical), Field(max_length=40, examples=["happy"], json_schema_extra={"enum": list(EMOTIONS)})
]
SpeakerId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
SegmentId = Annotated[int, Path(ge=1, le=LARGEST_SEGMENT_ID)]
Threshold = Annotated[
    float | None,
    Query(ge=0.3, le=1.0, description="Similarity above which the profile counts; omit it to use the wider setting."),
]
VoiceThreshold = Annotated[
    float | None,
    Query(ge=0.0, le=1.0, description="Voice similarity above which the profile counts; omit it to use the model's own."),
]


class EmotionProfile(schemas.Schema):
    emotion_category: str = Field(examples=["happy"])
    sample_count: int = Field(description="Corrected segments that the profile is made of.")
    voice_sample_count: int = Field(description="Those of them whose voice is known; the voice counts from 3 on.")
    confidence_threshold: float | None = Field(description="Its own; null if the speaker's applies.")
    voice_threshold: float | None = Field(description="Its own voice threshold; null if the embedding model's applies.")
    created_at: schemas.Moment
    updated_at: schemas.Moment


class SpeakerEmotions(schemas.Schema):
    speaker_id: int
    speaker_name: str
    emotion_threshold: float | None = Field(description="The speaker's own; null if the system's applies.")
    profiles: list[EmotionProfile]


class EmotionThreshold(schemas.Schema):
    speaker_name: str
    custom_threshold: float | None = Field(description="The speaker's own, if there is one.")
    effective_threshold: float = Field(description="The threshold in force.")
    using_global: bool = Field(description="The threshold in force is the system's.")


class SpeakerThreshold(EmotionThreshold):
    speaker_id: int


class ChangedThreshold(EmotionThreshold):
    message: str


class ProfileThreshold(schemas.Schema):
    message: str
    speaker_name: str
    emotion_category: str
    threshold: float | None = Field(description="Its own; null if the wider one applies.")


class Reset(schemas.Schema):
    message: str
    speaker_name: str
    emotion_category: str | None = None
    deleted: int = Field(description="Profiles.")


class EmotionCorrection(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    corrected_emotion: Emotion = Field(validation_alias=AliasChoices("corrected_emotion", "emotion_category", "emotion"))
    learn: bool = Field(True, description="The speaker's profile of this emotion learns from it.")


class Corrected(schemas.Schema):
    message: str
    old_emotion: str | None
    new_emotion: str
    learned: bool = Field(description="The speaker's profile learned from it.")
    sample_count: int = Field(description="Corrections that the speaker's profile of the new emotion is made of.")
    speaker_name: str | None


class EmotionMisidentified(BaseModel):
    is_misidentified: bool


class EmotionMisidentifiedAnswer(schemas.Schema):
    message: str
    emotion_misidentified: bool
    emotion_profile_recalculated: bool = Field(description="The speaker's profile was computed again.")


class Recalculated(schemas.Schema):
    message: str = "Emotions recalculated"
    updated: int = Field(description="Segments whose emotion was detected again.")
    skipped: int = Field(description="Segments that were corrected, or have no emotion scores.")
    total: int


EmotionOrAll = Annotated[Emotion | None, Query(description="All emotions if omitted.")]

profiles = APIRouter(dependencies=[security.READER])
segments = APIRouter(prefix="/conversations/{conversation_id}", dependencies=[security.WRITER])


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer refusals with the messages of the services, which clients display."""
    try:
        yield
    except LookupError as error:
        if isinstance(error, (KeyError, IndexError)):  # a bug
            raise
        raise HTTPException(404, str(error)) from error
    except corrections.CorrectionError as error:
        raise HTTPException(400, str(error)) from error


@profiles.get("/{speaker_id}/emotion-profiles", responses=NO_SPEAKER)
async def get_emotion_profiles(context: ContextDep, speaker_id: SpeakerId) -> SpeakerEmotions:
    """The emotion profiles of a speaker, learned from corrections."""
    with _refusals():
        async with context.database.session() as session:
            found = await stored_profiles.profiles(session, speaker_id)
    return SpeakerEmotions.model_validate(found)


@profiles.delete(
    "/{speaker_id}/emotion-profiles", dependencies=[security.ADMIN], responses=NO_PROFILE, response_model_exclude_none=True
)
async def reset_emotion_profiles(context: ContextDep, speaker_id: SpeakerId, emotion_category: EmotionOrAll = None) -> Reset:
    """Delete all emotion profiles of a speaker, or one. The corrected segments stay as they are."""
    with _refusals():
        async with context.database.session() as session:
            name, deleted = await stored_profiles.reset(session, speaker_id, emotion_category)
            await audit.record(session, "emotion_profile.delete", f"speaker:{speaker_id}")
    what = "all emotion profiles" if emotion_category is None else f"emotion profile '{emotion_category}'"
    message = f"Reset {what} for speaker '{name}'"
    return Reset(message=message, speaker_name=name, emotion_category=emotion_category, deleted=deleted)


@profiles.get("/{speaker_id}/emotion-threshold", responses=NO_SPEAKER)
async def get_emotion_threshold(context: ContextDep, speaker_id: SpeakerId) -> SpeakerThreshold:
    """The similarity above which a speaker's emotion profiles count: the speaker's own, else the system's."""
    with _refusals():
        async with context.database.session() as session:
            found = await stored_profiles.profiles(session, speaker_id)
    effective = await _effective(context, found.emotion_threshold)
    return SpeakerThreshold(speaker_id=found.speaker_id, speaker_name=found.speaker_name, **effective)


@profiles.patch("/{speaker_id}/emotion-threshold", dependencies=[security.ADMIN], responses=NO_SPEAKER)
async def set_emotion_threshold(context: ContextDep, speaker_id: SpeakerId, threshold: Threshold = None) -> ChangedThreshold:
    """Set a speaker's own threshold; without one, the system's applies again."""
    effective = await _effective(context, threshold)
    with _refusals():
        async with context.database.session() as session:
            name = await stored_profiles.set_threshold(session, speaker_id, threshold)
            await audit.record(session, "emotion_profile.threshold", f"speaker:{speaker_id}")
    return ChangedThreshold(message=f"Updated emotion threshold for '{name}'", speaker_name=name, **effective)


@profiles.patch("/{speaker_id}/emotion-profiles/{emotion}/threshold", dependencies=[security.ADMIN], responses=NO_PROFILE)
async def set_profile_threshold(
    context: ContextDep, speaker_id: SpeakerId, emotion: Emotion, threshold: Threshold = None
) -> ProfileThreshold:
    """Give one emotion of a speaker a threshold of its own; without one, it follows the speaker's again."""
    return await _set_profile_threshold(context, speaker_id, emotion, threshold, voice=False)


@profiles.patch("/{speaker_id}/emotion-profiles/{emotion}/voice-threshold", dependencies=[security.ADMIN], responses=NO_PROFILE)
async def set_profile_voice_threshold(
    context: ContextDep, speaker_id: SpeakerId, emotion: Emotion, threshold: VoiceThreshold = None
) -> ProfileThreshold:
    """The same for the voice in this emotion; without one, it follows the embedding model's."""
    return await _set_profile_threshold(context, speaker_id, emotion, threshold, voice=True)


@segments.post("/segments/{segment_id}/correct-emotion", responses=REFUSED)
async def correct_emotion(
    context: ContextDep,
    conversation_id: ConversationId,
    segment_id: SegmentId,
    body: EmotionCorrection | None = None,
    corrected_emotion: Annotated[Emotion | None, Query(description="Here or in a JSON body.")] = None,
    emotion_category: Annotated[Emotion | None, Query(description="Another name of the same.", deprecated=True)] = None,
    learn: Annotated[bool, Query(description="Whether the speaker's profile learns from it.")] = True,
) -> Corrected:
    """Correct the emotion of a segment. The speaker's profile of that emotion learns it, and that of a former correction
    forgets it; other segments follow when their emotions are recalculated."""
    emotion = corrected_emotion or emotion_category or (body.corrected_emotion if body else None)
    if emotion is None:
        message = f"Say which emotion it is, as corrected_emotion: one of {', '.join(EMOTIONS)}."
        raise RequestValidationError(
            [{"type": "missing", "loc": ("query", "corrected_emotion"), "msg": message, "input": None}]
        )
    with _refusals():
        async with context.database.session() as session:
            learning = learn and (body is None or body.learn)
            done = await corrections.correct(session, conversation_id, segment_id, emotion, learning)
    return Corrected(message=f"Emotion corrected to '{emotion}'", **{field: getattr(done, field) for field in done.__slots__})


@segments.patch("/segments/{segment_id}/emotion-misidentified", responses=REFUSED)
async def mark_emotion_misidentified(
    context: ContextDep, conversation_id: ConversationId, segment_id: SegmentId, body: EmotionMisidentified
) -> EmotionMisidentifiedAnswer:
    """Mark a correction as wrong, so that the speaker's profile excludes it; or remove the mark."""
    with _refusals():
        async with context.database.session() as session:
            again = await corrections.mark_misidentified(session, conversation_id, segment_id, body.is_misidentified)
    return EmotionMisidentifiedAnswer(
        message=f"Segment {segment_id} emotion {'' if body.is_misidentified else 'un'}marked as misidentified",
        emotion_misidentified=body.is_misidentified,
        emotion_profile_recalculated=again,
    )


@segments.post(
    "/recalculate-emotions",
    responses={404: {"model": schemas.Error, "description": "There is no such conversation."}},
)
async def recalculate_emotions(context: ContextDep, conversation_id: ConversationId) -> Recalculated:
    """Detect the emotions of a conversation again, as its speakers' profiles are now. Corrected segments stay as they are."""
    async with context.database.session() as session:
        policy = await context.policies.lock(session)
        if await conversations.progress(session, conversation_id) is None:
            raise NOT_FOUND
        counts = await emotions.redetect(
            session, settings=policy.voice, conversation_id=conversation_id, personalized=policy.personalized
        )
        await audit.record(session, "conversation.recalculate_emotions", f"conversation:{conversation_id}")
    return Recalculated.model_validate(counts)


async def _effective(context: AppContext, custom: float | None) -> dict[str, Any]:
    system = (await context.policies.voice_settings()).emotion_threshold
    return {
        "custom_threshold": custom,
        "effective_threshold": system if custom is None else custom,
        "using_global": custom is None,
    }


async def _set_profile_threshold(
    context: AppContext, speaker_id: int, emotion: str, threshold: float | None, *, voice: bool
) -> ProfileThreshold:
    with _refusals():
        async with context.database.session() as session:
            name = await stored_profiles.set_profile_threshold(session, speaker_id, emotion, threshold, voice=voice)
            await audit.record(session, "emotion_profile.threshold", f"speaker:{speaker_id}")
    message = f"Updated {emotion} {'voice ' if voice else ''}threshold for '{name}'"
    return ProfileThreshold(message=message, speaker_name=name, emotion_category=emotion, threshold=threshold)


router = APIRouter(tags=["emotions"])
router.include_router(profiles, prefix="/speakers")
# The addresses of the reference system.
router.include_router(profiles, prefix="/conversations/speakers", include_in_schema=False)
router.include_router(segments)
