"""Speakers: list, enroll, rename, merge and delete them, and undo changes."""

import asyncio
from typing import Annotated, Any, Self

from fastapi import APIRouter, File, Form, HTTPException, Path, Query, Request, Response, UploadFile
from pydantic import BaseModel, Field

from api import ranges, schemas, security
from api.dependencies import LARGEST_ID, ContextDep, ExpectedChange
from media import encoding, recording
from media.decoding import AudioError
from pipeline.identity.enrollment import UnsuitableSampleError
from pipeline.identity.sample_set import Certainty
from pipeline.names import Name
from pipeline.types import Span
from services.identity.speaker_admin import SameSpeakerError
from services.identity.speaker_service import Enrollment
from services.identity.undo import UndoError
from storage.speakers.speakers import NameTakenError, SpeakerNotFoundError

router = APIRouter(prefix="/speakers", tags=["speakers"], dependencies=[security.READER])

SpeakerId = Annotated[int, Path(ge=1, le=LARGEST_ID)]

MISSING: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "There is no such speaker."}}
TAKEN: dict[int | str, dict[str, Any]] = {400: {"model": schemas.Error, "description": "Another speaker has this name."}}
UNSUITABLE: dict[int | str, dict[str, Any]] = {
    400: {
        "model": schemas.Error,
        "description": "Another speaker has this name, or the sample is too short, silent, of several people, or no sound.",
    }
}


class Speaker(schemas.Schema):
    id: int
    name: str = Field(examples=["Alice"])
    created_at: schemas.Moment
    updated_at: schemas.Moment
    segment_count: int = Field(0, description="Lines that are this speaker's, in all conversations.")


class EnrolledSpeaker(Speaker):
    warning: str | None = Field(description="Why the voice may be recognised less reliably, such as a short sample.")
    samples: int = Field(description="Samples of the voice that are enrolled now.")
    speech_seconds: float | None = Field(description="Clear speech in them; null where older samples do not say.")
    certainty: Certainty = Field(description="How surely 2 s of speech are recognised: `good` with three samples that agree.")
    advice: str | None = Field(description="What makes it surer; null where nothing is missing.")

    @classmethod
    def of(cls, found: Enrollment) -> Self:
        known = found.samples
        return cls(
            **Speaker.model_validate(found.speaker).model_dump(),
            warning=found.warning,
            samples=known.count,
            speech_seconds=known.seconds,
            certainty=known.certainty,
            advice=known.advice,
        )


class Rename(BaseModel):
    new_name: Name


class Merge(BaseModel):
    into: int = Field(ge=1, le=LARGEST_ID, description="The speaker who remains, and keeps the name.", examples=[1])


class Message(schemas.Schema):
    message: str


class DeletedUnknown(Message):
    deleted_count: int
    deleted_speakers: list[str] = Field(description="Their names.")


class Suggestion(schemas.Schema):
    """Two speakers who may be one: `POST /speakers/{speaker_id}/merge` with `{"into": other_id}` makes them one."""

    speaker_id: int
    speaker_name: str = Field(examples=["Unknown_07"])
    other_id: int
    other_name: str = Field(examples=["Alice"])
    similarity: float = Field(description="Cosine similarity of their voices, at the median of what is known of the first.")
    probability: float | None = Field(description="How likely they are one person, 0 to 1, by their voices alone.")


class Change(schemas.Schema):
    id: int
    description: str = Field(examples=["A line of Unknown_07 was identified as Alice"])
    created_at: schemas.Moment
    undone_at: schemas.Moment | None


@router.get("")
async def list_speakers(context: ContextDep) -> list[Speaker]:
    """All speakers by name. Unnamed speakers are called `Unknown_01`, `Unknown_02`, …"""
    found = await context.speakers.list_all()
    return await asyncio.to_thread(lambda: [Speaker.model_validate(speaker) for speaker in found])


@router.post("/enroll", dependencies=[security.WRITER], responses=UNSUITABLE)
async def enroll_speaker(
    context: ContextDep,
    name: Annotated[Name, Form(description="Who speaks in the sample.")],
    audio_file: Annotated[UploadFile, File(description="10 to 30 s of this person alone, in any format that FFmpeg reads.")],
) -> EnrolledSpeaker:
    """Enroll a speaker by a sample of their voice, before or after they speak in a recording.

    Unknown speakers who clearly have this voice become this speaker, in all conversations.
    """
    try:
        return EnrolledSpeaker.of(await context.speakers.enroll(name, audio_file.file))
    except (NameTakenError, AudioError, UnsuitableSampleError) as error:
        raise HTTPException(400, str(error)) from error


@router.post("/{speaker_id}/samples", dependencies=[security.WRITER], responses=MISSING | UNSUITABLE)
async def add_sample(
    context: ContextDep,
    speaker_id: SpeakerId,
    audio_file: Annotated[
        UploadFile, File(description="At least 1.5 s of this person alone, in any format that FFmpeg reads.")
    ],
) -> EnrolledSpeaker:
    """Add another sample of a speaker's voice. A voice is compared with each of the speaker's samples."""
    try:
        return EnrolledSpeaker.of(await context.speakers.add_sample(speaker_id, audio_file.file))
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    except (AudioError, UnsuitableSampleError) as error:
        raise HTTPException(400, str(error)) from error


@router.get("/suggestions")
async def suggest_merges(
    context: ContextDep, limit: Annotated[int, Query(ge=1, le=100, description=schemas.LIMIT)] = 20
) -> list[Suggestion]:
    """Unknown speakers who may be another speaker, the likeliest first. Certain matches have been merged already."""
    return [Suggestion.model_validate(pair) for pair in await context.speakers.suggestions(limit)]


@router.get("/changes")
async def list_changes(context: ContextDep) -> list[Change]:
    """The latest changes of speakers, newest first. `POST /speakers/undo` undoes them one by one."""
    return [Change.model_validate(change) for change in await context.speakers.changes()]


@router.post(
    "/undo",
    dependencies=[security.WRITER],
    responses={409: {"model": schemas.Error, "description": "There is nothing to undo, or it is too late."}},
)
async def undo_change(context: ContextDep, change: ExpectedChange = None) -> Change:
    """Undo the last identification, reassignment, renaming, merge, enrollment or deletion that is not undone yet."""
    try:
        return Change.model_validate(await context.speakers.undo(change))
    except UndoError as error:
        raise HTTPException(409, str(error)) from error


@router.delete("/unknown/all", dependencies=[security.ADMIN])
async def delete_unknown_speakers(context: ContextDep) -> DeletedUnknown:
    """Delete all unnamed speakers. Their segments stay."""
    names = await context.speakers.delete_unknown()
    return DeletedUnknown(message=f"Deleted {len(names)} unknown speakers", deleted_count=len(names), deleted_speakers=names)


@router.get("/{speaker_id}", responses=MISSING)
async def get_speaker(context: ContextDep, speaker_id: SpeakerId) -> Speaker:
    """One speaker."""
    try:
        return Speaker.model_validate(await context.speakers.get(speaker_id))
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error


@router.patch("/{speaker_id}/rename", dependencies=[security.WRITER], responses=MISSING | TAKEN)
async def rename_speaker(context: ContextDep, speaker_id: SpeakerId, change: Rename) -> Speaker:
    """Give a speaker another name, in every conversation at once."""
    try:
        return Speaker.model_validate(await context.speakers.rename(speaker_id, change.new_name))
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    except NameTakenError as error:
        raise HTTPException(400, str(error)) from error


@router.post(
    "/{speaker_id}/merge",
    dependencies=[security.WRITER],
    responses=MISSING | {400: {"model": schemas.Error, "description": "A speaker cannot be merged with itself."}},
)
async def merge_speakers(context: ContextDep, speaker_id: SpeakerId, change: Merge) -> Speaker:
    """Merge this speaker into another one, which is returned: segments, references and emotions move to it."""
    try:
        return Speaker.model_validate(await context.speakers.merge(speaker_id, change.into))
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    except SameSpeakerError as error:
        raise HTTPException(400, str(error)) from error


@router.delete("/{speaker_id}", dependencies=[security.ADMIN], responses=MISSING)
async def delete_speaker(context: ContextDep, speaker_id: SpeakerId) -> Message:
    """Delete a speaker. Their segments stay, under a name that is local to their conversation."""
    try:
        name = await context.speakers.delete(speaker_id)
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    return Message(message=f"Speaker '{name}' deleted successfully")


@router.head("/{speaker_id}/audio", include_in_schema=False)
@router.get(
    "/{speaker_id}/audio",
    response_class=Response,
    responses=ranges.responses("audio/wav")
    | {404: {"model": schemas.Error, "description": "There is no such speaker, or no recording of them is kept."}},
)
async def get_sample(context: ContextDep, request: Request, speaker_id: SpeakerId) -> Response:
    """A sample of a speaker's voice: some seconds of their clearest segment, 16 kHz mono 16-bit WAV."""
    try:
        found = await context.speakers.sample(speaker_id)
        if found is None:
            raise HTTPException(404, "No recording of this speaker is kept")
        with await context.store.open(found.audio_key) as file:
            samples = await asyncio.to_thread(recording.read, file, Span(found.start, found.end), None, found.channel)
    except SpeakerNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    except FileNotFoundError as error:
        raise HTTPException(404, "Audio file not found for this speaker") from error
    content = await asyncio.to_thread(encoding.wav_bytes, samples)
    return ranges.answer(request, ranges.of_bytes(content, "audio/wav", f"speaker_{speaker_id}.wav"))
