"""The state of the program and its models."""

from pydantic import Field

from api.schemas.search import Coverage
from services.schemas import Schema


class StageStatus(Schema):
    model: str = Field(description="The weights in use.", examples=["whisper-base"])
    device: str = Field(description="cpu or cuda.", examples=["cpu"])
    note: str | None = Field(description="Why this is not the configured model, and what to do about it.")


class LanguageModel(Schema):
    model: str = Field(examples=["llama3.2"])
    server: str = Field(description="Host and port that transcripts are sent to.", examples=["127.0.0.1:11434"])


class Status(Schema):
    status: str = Field("online", examples=["online"])
    message: str = "Speaker diarization service is running"
    gpu_available: bool = Field(description="A model runs on a GPU.")
    device: str = Field(description="cpu or cuda.")
    version: str = Field(description="Of Vivavoce.")
    models: list[str] = Field(
        description="Models that a request may name; the first is the default.", examples=[["whisper-base"]]
    )
    stages: dict[str, StageStatus] = Field(description="The model of each stage.")
    language_model: LanguageModel | None = Field(
        None, description="Writes titles, summaries and answers; null where none is set up."
    )
    search_by_meaning: Coverage | None = Field(
        None,
        description="How many segments search by meaning finds: not all, while the archive is embedded after a change of its "
        "model. A few seconds old at most; null where there is no model.",
    )
