"""Profiles: named copies of all speakers and corrections, to restore or to move to another machine."""

import asyncio
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, File, HTTPException, Query, Response, UploadFile
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask

from api import schemas, security
from api.dependencies import ContextDep
from api.schemas.profiles import (
    ChangedProfile,
    Checkpoint,
    Checkpoints,
    CreatedCheckpoint,
    CreateProfile,
    DeletedProfile,
    ImportedProfile,
    ListedCheckpoint,
    ListedProfile,
    Message,
    Profile,
    Profiles,
    RestoredProfile,
    SavedProfile,
    UpdateProfile,
)
from pipeline.formats import profile_file
from pipeline.formats.profile_reader import NotAProfileError, NotJsonError
from services.access import audit
from services.archive.restore import IncompatibleError, restore
from services.context import AppContext
from storage.backups import backups, imports
from storage.backups.backups import BackupSummary, ProfileExistsError, ProfileNotFoundError
from storage.backups.snapshots import Running

router = APIRouter(prefix="/profiles", tags=["profiles"], dependencies=[security.ADMIN])

MISSING: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Error, "description": "There is no such profile."}}
TAKEN: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "The name has no letter or digit."},
    409: {"model": schemas.Error, "description": "There is a profile of this name."},
}
NO_FILE: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "It is no file name of a profile, or cannot be restored here."},
    404: {"model": schemas.Error, "description": "There is no such file."},
}
NOT_A_PROFILE: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "It is no profile; `reason` says where and why."},
    413: {"model": schemas.Error, "description": "The file is too large."},
}
JSON_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}}}}


@router.post("", responses=TAKEN)
async def create_profile(context: ContextDep, profile: CreateProfile) -> ChangedProfile:
    """An empty profile, to be filled with `PATCH /profiles/{name}`; `POST /profiles/duplicate` keeps what is known now."""
    return await _create(context, profile, empty=True)


@router.post("/duplicate", responses=TAKEN)
async def duplicate_profile(context: ContextDep, profile: CreateProfile) -> ChangedProfile:
    """Save the present speakers with all references, emotion profiles, corrections and settings as a new profile."""
    return await _create(context, profile, empty=False)


@router.get("")
async def list_profiles(context: ContextDep) -> Profiles:
    """All profiles, by name. `Before restore` holds what the last restore replaced."""
    async with context.database.session() as session:
        found = await backups.profiles(session)
    return Profiles(profiles=[ListedProfile.model_validate(one) for one in found])


@router.post("/restore", responses=NO_FILE)
async def restore_profile(
    context: ContextDep, filename: Annotated[str, Query(description="Of a profile or a checkpoint, as the lists have it.")]
) -> RestoredProfile:
    """Replace all speakers and the voice settings by those of a profile or a checkpoint, in one transaction.

    Speakers who are not in it are deleted; their voices are unknown again. Conversations and their texts stay.
    """
    if not backups.FILENAME.fullmatch(filename):
        raise HTTPException(400, "Invalid filename")
    running = await _running(context)
    try:
        with _answers():
            async with context.database.session() as session:
                found = await backups.by_filename(session, filename)
                if found is None:
                    raise ProfileNotFoundError("File not found")
                done = await restore(session, running, found)
    except IncompatibleError as error:
        raise HTTPException(400, str(error)) from error
    return RestoredProfile(
        message=f"Restored profile '{done.name}'",
        legacy_restore_warning=done.legacy_warning,
        settings_restored=done.settings_restored,
        settings_warning=done.settings_warning,
        forgotten_changes=done.forgotten_changes,
        replaced_state=done.before and done.before.filename,
        **asdict(done.counts),
    )


@router.post("/import", response_model=ImportedProfile, responses=NOT_A_PROFILE)
async def import_profile(
    context: ContextDep, file: Annotated[UploadFile, File(description="As `GET /profiles/download/{name}` gives it.")]
) -> ImportedProfile | JSONResponse:
    """Import a profile or a checkpoint that this program or the reference system wrote. Restoring it is a second step."""
    if not (file.filename or "").lower().endswith(".json"):
        raise HTTPException(400, "Only JSON files are supported")
    data = await file.read(profile_file.LARGEST + 1)
    if len(data) > profile_file.LARGEST:
        raise HTTPException(413, f"A profile has at most {profile_file.LARGEST >> 20} MB; send a file with fewer lines.")
    try:
        async with context.database.session() as session:
            found = await imports.import_file(session, data)
            await audit.record(session, "profile.import", f"profile:{found.id}")
    except NotJsonError as error:
        return JSONResponse({"detail": "Invalid JSON file", "reason": str(error)}, 400)
    except NotAProfileError as error:
        return JSONResponse({"detail": "Invalid profile file format", "reason": str(error)}, 400)
    values = _fields(found, ImportedProfile)
    return ImportedProfile(message=f"Profile '{found.name}' imported successfully", **values)


@router.get("/download-all", response_class=Response, responses=MISSING | {200: {"content": {"application/zip": {}}}})
async def download_all(context: ContextDep) -> FileResponse:
    """All profiles and checkpoints, in a ZIP archive."""
    with tempfile.NamedTemporaryFile(prefix="vivavoce-", suffix=".zip", delete=False) as archive:
        path = Path(archive.name)
    try:
        async with context.database.session() as session:
            added = 0
            for name in await backups.filenames(session):
                content = await backups.content(session, name)
                if content is not None:  # else it was deleted meanwhile
                    await asyncio.to_thread(_add, path, name, content)
                    added += 1
            if added:
                await audit.record(session, "profile.export")
        if not added:
            raise HTTPException(404, "No profiles found")
    except BaseException:
        await asyncio.to_thread(path.unlink)
        raise
    return FileResponse(
        path, media_type="application/zip", filename="voice_profiles.zip", background=BackgroundTask(path.unlink)
    )


@router.get("/download/{name}", response_class=Response, responses=MISSING | JSON_FILE)
async def download_profile(context: ContextDep, name: str) -> Response:
    """A profile as a file."""
    async with context.database.session() as session:
        try:
            found = await backups.profile(session, name)
        except ProfileNotFoundError as error:
            raise HTTPException(404, "Profile not found") from error
        content = await backups.content(session, found.filename)
        if content is None:  # it was deleted meanwhile
            raise HTTPException(404, "Profile not found")
        await audit.record(session, "profile.export", f"profile:{found.id}")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.filename)}"}
    return Response(content, media_type="application/json", headers=headers)


@router.get("/{name}", responses=MISSING)
async def get_profile(context: ContextDep, name: str) -> Profile:
    """One profile with its speakers."""
    model = await context.policies.embedding_model()
    with _answers():
        async with context.database.session() as session:
            found = await backups.profile(session, name)
            voices = await backups.voices(session, found)
    strangers = [voice.name for voice in voices if voice.models and model not in voice.models]
    note = f"{model} is running, which cannot compare their vectors: POST /speakers/{{id}}/reembed once they are restored."
    return Profile(
        **_fields(found, ListedProfile),
        speakers=[voice.name for voice in voices],
        unrecognizable=strangers,
        note=note if strangers else None,
    )


@router.patch("/{name}", responses=MISSING)
async def update_profile(context: ContextDep, name: str, profile: UpdateProfile) -> ChangedProfile:
    """Replace the contents of a profile by the present speakers and corrections."""
    running = await _running(context)
    with _answers():
        async with context.database.session() as session:
            found = await backups.overwrite(session, running, name, profile.description)
            await audit.record(session, "profile.update", f"profile:{found.id}")
    return ChangedProfile(message=f"Profile '{found.name}' updated successfully", **_fields(found, SavedProfile))


@router.delete("/{name}", responses=MISSING)
async def delete_profile(context: ContextDep, name: str) -> DeletedProfile:
    """Delete a profile and its checkpoints. The present speakers stay as they are."""
    with _answers():
        async with context.database.session() as session:
            found = await backups.profile(session, name)
            count = await backups.delete_profile(session, name)
            await audit.record(session, "profile.delete", f"profile:{found.id}")
    return DeletedProfile(message=f"Profile '{name}' and {count} checkpoints deleted", deleted_checkpoints=count)


@router.post("/{name}/checkpoints", responses=MISSING)
async def create_checkpoint(context: ContextDep, name: str) -> CreatedCheckpoint:
    """Save the present speakers and corrections as a checkpoint of a profile."""
    running = await _running(context)
    with _answers():
        async with context.database.session() as session:
            found = await backups.create_checkpoint(session, running, name)
            await audit.record(session, "profile.checkpoint", f"profile:{found.id}")
    return CreatedCheckpoint(message=f"Checkpoint created for profile '{found.name}'", **_fields(found, Checkpoint))


@router.get("/{name}/checkpoints", responses=MISSING)
async def list_checkpoints(context: ContextDep, name: str) -> Checkpoints:
    """The checkpoints of a profile, newest first."""
    with _answers():
        async with context.database.session() as session:
            found = await backups.checkpoints(session, name)
    items = [ListedCheckpoint(profile_name=one.name, created_at=one.created_at, **_fields(one, Checkpoint)) for one in found]
    return Checkpoints(checkpoints=items)


@router.delete("/{name}/checkpoints/{timestamp}", responses=MISSING)
async def delete_checkpoint(context: ContextDep, name: str, timestamp: str) -> Message:
    """Delete one checkpoint."""
    with _answers():
        async with context.database.session() as session:
            found = await backups.profile(session, name)
            deleted = await backups.delete_checkpoint(session, name, timestamp)
            if deleted:
                await audit.record(session, "profile.delete_checkpoint", f"profile:{found.id}")
    if not deleted:
        raise HTTPException(404, "Checkpoint not found")
    return Message(message="Checkpoint deleted")


async def _create(context: AppContext, profile: CreateProfile, *, empty: bool) -> ChangedProfile:
    running = await _running(context)
    try:
        async with context.database.session() as session:
            found = await backups.create(session, running, profile.name, profile.description, empty=empty)
            await audit.record(session, "profile.create", f"profile:{found.id}")
    except ProfileExistsError as error:
        raise HTTPException(409, str(error)) from error
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    kind = "Empty profile" if empty else "Profile"
    return ChangedProfile(message=f"{kind} '{found.name}' created successfully", **_fields(found, SavedProfile))


@contextmanager
def _answers() -> Iterator[None]:
    """A missing profile is a 404, whatever its name."""
    try:
        yield
    except ProfileNotFoundError as error:
        raise HTTPException(404, str(error)) from error


async def _running(context: AppContext) -> Running:
    return Running(context.settings, await context.policies.embedding_model())


def _fields(found: BackupSummary, kind: type[BaseModel]) -> dict[str, Any]:
    return {name: getattr(found, name) for name in kind.model_fields if hasattr(found, name)}


def _add(archive: Path, name: str, content: str) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
