"""What the API says, field by field. Its clients are older than this program: names and shapes are theirs."""

from pydantic import ConfigDict, Field

from services.schemas import ConversationListItem, Job, Limit, Schema, Skipped, Stage, State, Total


class StageStatus(Schema):
    model: str = Field(description="The weights that are at work.", examples=["whisper-base"])
    device: str = Field(description="Where: cpu or cuda.", examples=["cpu"])
    note: str | None = Field(description="Why this is not the model that was asked for, and what to do about it.")


class Status(Schema):
    status: str = Field("online", examples=["online"])
    message: str = "Speaker diarization service is running"
    gpu_available: bool = Field(description="A model is at work on a GPU.")
    device: str = Field(description="cpu or cuda.")
    version: str = Field(description="Of Vivavoce.")
    stages: dict[str, StageStatus] = Field(description="What answers for each of the models.")


class Conversations(Schema):
    conversations: list[ConversationListItem]
    total: Total
    skip: Skipped
    limit: Limit


class ConversationUpdate(Schema):
    """What a client may change. A conversation's status is what the program says, and nothing else is accepted."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, max_length=1000, examples=["Planning, Monday"])


class Deleted(Schema):
    message: str = Field(examples=["Conversation 7 deleted"])
    cleanup_warnings: list[str] = Field([], description="What could not be removed from the disk.")


class Reprocessed(Schema):
    message: str = Field(examples=["Conversation reprocessed"])
    segments: int = Field(description="How many lines it has now.")


class Rematched(Reprocessed):
    participants: int = Field(description="How many voices have another speaker now.")
    segments: int = Field(description="How many lines those voices say.")


class Progress(Schema):
    id: int
    status: State
    stage: Stage = None
    progress: float = Field(description="How much of the work is done, 0 to 1.")
    error: str | None = Field(None, description="Why it failed, where it did.")


class Accepted(Progress):
    """`id` is the conversation's."""

    job_id: int = Field(description="For `/jobs/{job_id}`.")


class BatchItem(Schema):
    filename: str = Field(description="As it was sent.")
    conversation_id: int | None = Field(None, description="Null where the file was refused.")
    job_id: int | None = Field(None, description="Likewise.")
    error: str | None = Field(None, description="Why this file was refused; the others are not concerned.")


class Batch(Schema):
    files: list[BatchItem] = Field(description="One for each file, in their order.")


class Jobs(Schema):
    jobs: list[Job]
    total: Total
    skip: Skipped
    limit: Limit


class Error(Schema):
    detail: str = Field(description="What is wrong and what to do about it.")
