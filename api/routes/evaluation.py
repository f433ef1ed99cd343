"""Measure transcripts against labels and references."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import Field

from api import schemas, security
from api.dependencies import LARGEST_ID, ContextDep, not_found
from pipeline.evaluation import scoring
from pipeline.evaluation.error_rates import DiarizationErrors
from pipeline.formats import rttm
from services.evaluation import scores, sweeps
from services.evaluation.scores import ConversationScore, Question, WordErrors
from services.evaluation.sweeps import Sweep

router = APIRouter(tags=["evaluation"], dependencies=[security.WRITER])

MAX_CONVERSATIONS = 1000
MAX_REFERENCES = 20
MAX_TEXT_CHARS = 300_000
"""Five hours of speech, some 50,000 words; they are aligned in some three seconds."""
MAX_RTTM_CHARS = 2_000_000

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class EvaluationRequest(schemas.Schema):
    conversation_ids: list[Id] | None = Field(
        None, max_length=MAX_CONVERSATIONS, description="Which conversations to measure; without it all that have labels."
    )
    texts: dict[Id, Annotated[str, Field(max_length=MAX_TEXT_CHARS)]] = Field(
        {}, max_length=MAX_REFERENCES, description="Reference text by conversation id.", examples=[{"7": "Hello there."}]
    )
    rttm: dict[Id, Annotated[str, Field(max_length=MAX_RTTM_CHARS)]] = Field(
        {},
        max_length=MAX_REFERENCES,
        description="Reference turns by conversation id, as the text of an RTTM file. Without it the labels are the reference.",
        examples=[{"7": "SPEAKER call 1 0.5 2.25 <NA> <NA> Ana <NA> <NA>"}],
    )
    collar: float = Field(0.0, ge=0, le=1, description="Seconds around the RTTM's boundaries that are not scored.")
    sweep_padding: bool = Field(False, description="Also embed labelled segments again with other values of `context_padding`.")


class Identification(schemas.Schema):
    """Labelled segments with the right speaker name. A person who is not a speaker here is right if unknown."""

    segments: int = Field(description="Labelled segments.")
    right: int = Field(description="Segments with the right name.")
    accuracy: float | None = Field(
        description="Share of segments with the right name, 0 to 1; null without labels.", examples=[0.97]
    )
    seconds: float = Field(description="Duration of the labelled segments.")
    right_seconds: float = Field(description="Duration of the segments with the right name.")
    accuracy_by_time: float | None = Field(description="Share of the duration with the right name.")


class Diarization(schemas.Schema):
    """Seconds under the best mapping of speakers. Without RTTM only labelled segments count, so only confusion occurs."""

    rate: float = Field(description="The diarization error rate.", examples=[0.08])
    speech: float = Field(description="Speech of the reference.")
    missed: float = Field(description="Speech that the transcript has no segment for.")
    false_alarm: float = Field(description="Segments where the reference has no speech.")
    confusion: float = Field(description="Speech that the transcript gives to another speaker.")


class Words(schemas.Schema):
    rate: float | None = Field(description="The word error rate.", examples=[0.12])
    errors: int = Field(description="Inserted, deleted and substituted words.")
    words: int = Field(description="Words of the reference.")


class Scores(schemas.Schema):
    identification: Identification
    identification_long: Identification = Field(description="The same for segments of two seconds or more.")
    diarization: Diarization | None
    words: Words | None


class ConversationScores(Scores):
    id: int
    title: str | None


class Point(schemas.Schema):
    """Fractions of the trials, which sum to 1."""

    value: float = Field(description="Value of the setting.")
    accuracy: float = Field(description="The right name, or no name for a stranger.")
    false_accepts: float = Field(description="The name of another speaker.")
    misses: float = Field(description="A known speaker without a name.")


class SettingSweep(schemas.Schema):
    """Each labelled segment is matched with the speakers known from other conversations or samples; for a known speaker a
    second trial leaves out that speaker's references."""

    setting: str = Field(examples=["speaker_threshold"])
    lines: int = Field(description="Labelled segments that were measured.")
    current: Point
    best: Point = Field(description="The same as `current` where nothing is better.")
    gain: float = Field(description="Accuracy of `best` minus accuracy of `current`.")
    points: list[Point]


class Evaluation(Scores):
    """Scores of the transcripts against the labels and references."""

    conversations: list[ConversationScores]
    sweeps: list[SettingSweep]


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "There are no labels and references, or the RTTM cannot be read."},
    404: {"model": schemas.Error, "description": "There is no such conversation."},
}


@router.post("/evaluation", responses=RESPONSES)
async def evaluate(context: ContextDep, request: EvaluationRequest) -> Evaluation:
    """Measure names, turns and words against labels and references, and try other values of the voice settings.

    Label segments with `PUT /conversations/{id}/segments/{segment_id}/label`, or a whole conversation with
    `POST /conversations/{id}/labels/rttm`. Nothing is changed: `POST /settings/voice` sets a proposed value.
    """
    try:
        turns = {id_: rttm.parse(text) for id_, text in request.rttm.items()}
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    question = Question(request.conversation_ids, request.texts, turns, request.collar)
    try:
        found = await scores.score(context.database, question)
    except LookupError as error:
        raise not_found(error) from error
    if not any(score.every.segments or score.diarization or score.words for score in found):
        raise HTTPException(
            400,
            "There is nothing to measure against: label segments with PUT /conversations/{id}/segments/{segment_id}/label, "
            "or send texts or rttm.",
        )
    live, model = await context.policies.voice_settings(), await context.policies.embedding_model()
    swept = [await sweeps.sweep_threshold(context.database, request.conversation_ids, live, model)]
    if request.sweep_padding:
        swept.append(await sweeps.sweep_padding(context.recordings, request.conversation_ids, live, model))
    return Evaluation(
        **_total(found).model_dump(),
        conversations=[_one(score) for score in found],
        sweeps=[_sweep(sweep) for sweep in swept if sweep is not None],
    )


def _one(score: ConversationScore) -> ConversationScores:
    return ConversationScores(**_total([score]).model_dump(), id=score.id, title=score.title)


def _total(found: Sequence[ConversationScore]) -> Scores:
    diarized = [score.diarization for score in found if score.diarization is not None]
    transcribed = [score.words for score in found if score.words is not None]
    words = WordErrors(sum(w.errors for w in transcribed), sum(w.words for w in transcribed))
    return Scores(
        identification=Identification.model_validate(scoring.total(score.every for score in found)),
        identification_long=Identification.model_validate(scoring.total(score.long for score in found)),
        diarization=Diarization.model_validate(sum(diarized, DiarizationErrors(0, 0, 0, 0))) if diarized else None,
        words=Words.model_validate(words) if transcribed else None,
    )


def _sweep(sweep: Sweep) -> SettingSweep:
    return SettingSweep(
        setting=sweep.setting,
        lines=sweep.segments,
        current=Point.model_validate(sweep.current),
        best=Point.model_validate(sweep.best),
        gain=sweep.best.accuracy - sweep.current.accuracy,
        points=[Point.model_validate(point) for point in sweep.points],
    )
