"""Profiles and checkpoints."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from pipeline.formats import profile_file
from services.schemas import Moment, Schema

Description = Annotated[str | None, Field(max_length=2000), AfterValidator(lambda text: text and text.replace("\0", ""))]


class CreateProfile(BaseModel):
    name: Annotated[profile_file.Name, Field(examples=["home"])]
    description: Description = None


class UpdateProfile(BaseModel):
    description: Description = None


class Checkpoint(Schema):
    filename: str = Field(examples=["checkpoint_home_20251109_120000_123456_0a1b2c3d.json"])
    timestamp: str = Field(description="When it was taken, UTC; a checkpoint is deleted by it.")
    speakers_count: int
    segments_count: int


class ListedCheckpoint(Checkpoint):
    profile_name: str
    created_at: Moment


class CreatedCheckpoint(Checkpoint):
    message: str


class SavedProfile(Schema):
    name: str
    description: Annotated[str, BeforeValidator(lambda text: text or "")] = Field(description="Empty where none was given.")
    filename: str = Field(examples=["profile_home.json"])
    speakers_count: int
    segments_count: int
    timestamp: str = Field(examples=["20251109_120000"])


class ListedProfile(SavedProfile):
    created_at: Moment


class ChangedProfile(SavedProfile):
    message: str


class Profile(ListedProfile):
    speakers: list[str] = Field(examples=[["Alice", "Bob"]])
    unrecognizable: list[str] = Field(description="Those whose vectors all come from models that are not running.")
    note: str | None = Field(description="What to do about them.")


class ImportedProfile(Schema):
    message: str
    name: str = Field(description="As in the file, with a number behind it where there is one of this name.")
    filename: str
    speakers_count: int
    segments_count: int


class Profiles(BaseModel):
    profiles: list[ListedProfile]


class Checkpoints(BaseModel):
    checkpoints: list[ListedCheckpoint]


class DeletedProfile(BaseModel):
    message: str
    deleted_checkpoints: int


class Message(BaseModel):
    message: str


class RestoredProfile(BaseModel):
    """The file's segments are matched by their position and their conversation's uuid, or its id in files of older programs."""

    message: str
    speakers_restored: int
    segments_updated: int
    segments_unmapped: int = Field(description="Lines of the file whose speaker is not in it.")
    segments_remapped_by_name: int
    segments_remapped_from_local_names: int
    segments_not_found: int = Field(description="Lines of the file that are not here any more.")
    segments_skipped_namespace: int = Field(description="Those of them whose conversation is not here.")
    segments_skipped_identity: int = Field(description="Those of them whose conversation is here, without such a line.")
    segments_replayed_by_identity: int
    segments_replayed_by_legacy_identity: int
    segment_namespace_match: bool = Field(description="Every conversation of the file is here.")
    legacy_restore_warning: str | None
    settings_restored: bool
    settings_warning: str | None
    distinct_pairs_restored: int | None = Field(
        description="Pairs of different people; null where the file does not say: those of the speakers that stay are kept."
    )
    forgotten_changes: int = Field(description="Changes of speakers that `POST /speakers/undo` no longer undoes.")
    replaced_state: str | None = Field(description="The file that what was replaced is kept in; restore it to undo this.")
