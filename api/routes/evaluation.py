"""Measuring the transcripts against what people have labelled."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import Field

from api import schemas
from api.dependencies import ContextDep
from api.routes.conversations import LARGEST_ID, not_found
from pipeline.evaluation import scoring
from pipeline.evaluation.error_rates import DiarizationErrors
from pipeline.formats import rttm
from services import evaluation
from services import schemas as public
from services.evaluation import ConversationScore, Question, Sweep

router = APIRouter(tags=["evaluation"])

MOST_CONVERSATIONS = 1000
MOST_REFERENCES = 20
LONGEST_TEXT = 300_000
"""Characters: five hours of talk, whose words are compared in some ten seconds."""
LONGEST_RTTM = 2_000_000

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class EvaluationRequest(public.Schema):
    conversation_ids: list[Id] | None = Field(
        None, max_length=MOST_CONVERSATIONS, description="Which to measure; all that have labels where this is left out."
    )
    texts: dict[Id, Annotated[str, Field(max_length=LONGEST_TEXT)]] = Field(
        {}, max_length=MOST_REFERENCES, description="What was truly said, by conversation id.", examples=[{"7": "Hello there."}]
    )
    rttm: dict[Id, Annotated[str, Field(max_length=LONGEST_RTTM)]] = Field(
        {},
        max_length=MOST_REFERENCES,
        description="Who truly spoke when, by conversation id, as the text of an RTTM file. Without it the labels tell.",
        examples=[{"7": "SPEAKER call 1 0.5 2.25 <NA> <NA> Ana <NA> <NA>"}],
    )
    collar: float = Field(0.0, ge=0, le=1, description="Seconds around the RTTM's boundaries that are not scored.")
    sweep_padding: bool = Field(False, description="Also hear labelled lines again with different `context_padding`.")


class Identification(public.Schema):
    """Labelled lines whose speaker has the right name. Somebody who is no speaker here is rightly called unknown."""

    segments: int = Field(description="Labelled lines.")
    right: int = Field(description="Those with the right name.")
    accuracy: float | None = Field(description="Their share, 0 to 1; null where there are none.", examples=[0.97])
    seconds: float = Field(description="How long the lines are together.")
    right_seconds: float = Field(description="Likewise, of the right ones.")
    accuracy_by_time: float | None = Field(description="Their share of the time.")


class Diarization(public.Schema):
    """Seconds, under the best mapping of speakers. Without RTTM only labelled lines count, and only confusion is possible."""

    rate: float = Field(description="The diarization error rate.", examples=[0.08])
    speech: float = Field(description="What somebody truly says.")
    missed: float = Field(description="Of that, what is nobody's line.")
    false_alarm: float = Field(description="What is somebody's line although nobody speaks.")
    confusion: float = Field(description="What is somebody else's line.")


class Words(public.Schema):
    rate: float | None = Field(description="The word error rate.", examples=[0.12])
    errors: int = Field(description="Words inserted, left out or replaced.")
    words: int = Field(description="What was truly said.")


class Scores(public.Schema):
    identification: Identification
    identification_long: Identification = Field(description="The same for lines of two seconds or more.")
    diarization: Diarization | None
    words: Words | None


class ConversationScores(Scores):
    id: int
    title: str | None


class Point(public.Schema):
    """Fractions of the trials, which sum to 1."""

    value: float = Field(description="Of the setting.")
    accuracy: float = Field(description="The right name, or rightly none.")
    false_accepts: float = Field(description="Somebody else's name.")
    misses: float = Field(description="Known, but not recognised.")


class SettingSweep(public.Schema):
    """Each labelled line is matched with everybody known from other conversations or samples, as itself and as a stranger."""

    setting: str = Field(examples=["speaker_threshold"])
    lines: int
    current: Point
    best: Point = Field(description="The same as `current` where nothing is better.")
    gain: float = Field(description="By how much the accuracy of `best` is higher than now.")
    points: list[Point]
    plot: str = Field(description="An SVG document.")


class Evaluation(Scores):
    """How well the transcripts agree with the labels and references."""

    conversations: list[ConversationScores]
    sweeps: list[SettingSweep]


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "There is nothing to measure against, or the RTTM cannot be read."},
    404: {"model": schemas.Error, "description": "There is no such conversation."},
}


@router.post("/evaluation", responses=RESPONSES)
async def evaluate(context: ContextDep, request: EvaluationRequest) -> Evaluation:
    """Measure names, turns and words against labels and references, and try other values of the voice settings.

    Label lines with `PUT /conversations/{id}/segments/{segment_id}/label`, or a whole conversation with
    `POST /conversations/{id}/labels/rttm`. Nothing is changed: `POST /settings/voice` sets what is proposed.
    """
    try:
        turns = {id_: rttm.parse(text) for id_, text in request.rttm.items()}
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    question = Question(request.conversation_ids, request.texts, turns, request.collar)
    try:
        scores = await evaluation.score(context.database, question)
    except LookupError as error:
        raise not_found(error) from error
    if not any(score.every.segments or score.diarization or score.words for score in scores):
        raise HTTPException(
            400,
            "There is nothing to measure against: label segments with PUT /conversations/{id}/segments/{segment_id}/label, "
            "or send texts or rttm.",
        )
    live, model = await context.policies.voice_settings(), await context.policies.embedding_model()
    sweeps = [await evaluation.sweep_threshold(context.database, request.conversation_ids, live, model)]
    if request.sweep_padding:
        sweeps.append(await evaluation.sweep_padding(context.recordings, request.conversation_ids, live, model))
    return Evaluation(
        **_total(scores).model_dump(),
        conversations=[_one(score) for score in scores],
        sweeps=[_sweep(sweep) for sweep in sweeps if sweep is not None],
    )


def _one(score: ConversationScore) -> ConversationScores:
    return ConversationScores(**_total([score]).model_dump(), id=score.id, title=score.title)


def _total(scores: Iterable[ConversationScore]) -> Scores:
    scores = list(scores)
    diarized = [score.diarization for score in scores if score.diarization is not None]
    transcribed = [score.words for score in scores if score.words is not None]
    words = evaluation.WordErrors(sum(w.errors for w in transcribed), sum(w.words for w in transcribed))
    return Scores(
        identification=Identification.model_validate(scoring.total(score.every for score in scores)),
        identification_long=Identification.model_validate(scoring.total(score.long for score in scores)),
        diarization=Diarization.model_validate(sum(diarized, DiarizationErrors(0, 0, 0, 0))) if diarized else None,
        words=Words.model_validate(words) if transcribed else None,
    )


def _sweep(sweep: Sweep) -> SettingSweep:
    return SettingSweep(
        setting=sweep.setting,
        lines=sweep.lines,
        current=Point.model_validate(sweep.current),
        best=Point.model_validate(sweep.best),
        gain=sweep.best.accuracy - sweep.current.accuracy,
        points=[Point.model_validate(point) for point in sweep.points],
        plot=sweep.plot,
    )
