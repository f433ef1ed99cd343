"""Diarize a whole recording, and assign segments that exist already to its speakers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.concurrency import map_bounded
from pipeline.faults import Fault, attempt, map_surviving, succeeded
from pipeline.stages import Audio, Stages
from pipeline.transcript import participants
from pipeline.transcript.notes import unrecognized_voice, unseparated
from pipeline.transcript.windows import WINDOW_STEP_S, shards
from pipeline.types import Diarization, Observation, Participant, Span, SpeakerHint, Word

MAX_SHARDS_IN_FLIGHT = 32
"""Concurrent calls for the shards of one recording, all of an hour. A replica processes one at a time, so this bounds the
replicas that work on one recording."""
MAX_PARTICIPANTS_IN_FLIGHT = 32


async def diarize(
    audio: Audio,
    duration: float,
    stages: Stages[Audio],
    hint: SpeakerHint,
    progress: Callable[[float], Awaitable[None]] | None = None,
) -> tuple[Diarization, list[Participant]]:
    """Find the speakers of a recording and their turns. A shard that the diarizer fails on has no turns, but a note.

    Args:
        audio: The recording, as the stages take it.
        duration: Its length in seconds.
        hint: What is known of the number of speakers.
        progress: Called with the fraction of the work that is done.

    Returns:
        The diarization, and the participants by label; those with too little clean speech have no voiceprint.
    """
    parts = shards(duration)
    done = dict.fromkeys(parts, 0.0)

    async def observe(part: Span) -> Observation:
        async def report(fraction: float) -> None:
            done[part] = fraction
            if progress is not None:
                await progress(sum(done.values()) / len(parts))

        return await stages.diarizer.observe(audio, part, report)

    observed = await map_surviving(observe, parts, MAX_SHARDS_IN_FLIGHT)
    diarization = await stages.diarizer.cluster(_without_faults(parts, observed), hint)
    failed = [(part, found) for part, found in zip(parts, observed, strict=True) if isinstance(found, Fault)]
    notes = [unseparated(part, fault) for part, fault in failed]

    async def participant(label: str) -> Participant:
        spans = participants.clean_speech(diarization, label)
        heard = diarization.voiceprints.get(label)
        voiceprint = await attempt(stages.embedder.embed(audio, spans, heard)) if spans else None
        if isinstance(voiceprint, Fault):
            notes.append(unrecognized_voice(Span(spans[0].start, spans[-1].end), voiceprint))
            voiceprint = None
        return Participant(label, participants.speech_seconds(diarization.turns, label), voiceprint)

    found = await map_bounded(participant, sorted({turn.speaker for turn in diarization.turns}), MAX_PARTICIPANTS_IN_FLIGHT)
    return replace(diarization, missing=tuple(part for part, _ in failed), notes=tuple(notes)), found


def _without_faults(parts: Sequence[Span], observed: Sequence[Observation | Fault]) -> list[Observation]:
    """The observations, up to the last one. A fault before it becomes an observation without speech."""
    found = [each for each in observed if succeeded(each)]
    last = max(i for i, each in enumerate(observed) if succeeded(each))
    pairs = list(zip(parts, observed, strict=True))[: last + 1]
    return [each if succeeded(each) else _silent(part, found[0]) for part, each in pairs]


def _silent(part: Span, like: Observation) -> Observation:
    """Of a shard that is not the last."""
    windows = round(part.duration / WINDOW_STEP_S)
    embeddings = np.full((windows, *like.embeddings.shape[1:]), np.nan, np.float32)
    return Observation(np.zeros((windows, *like.active.shape[1:]), np.uint8), embeddings)


def speakers_of(segments: Mapping[int, Sequence[Word]], diarization: Diarization) -> dict[int, str]:
    """The speaker of most of each segment, by id; segments without any turn are left out."""
    turns = sorted(diarization.exclusive, key=lambda turn: turn.start)
    starts, ends = (np.array([getattr(turn, edge) for turn in turns]) for edge in ("start", "end"))
    found: dict[int, str] = {}
    for segment, words in segments.items():
        spoken: dict[str, float] = {}
        for word in words:
            for i in range(int(np.searchsorted(ends, word.start, "right")), int(np.searchsorted(starts, word.end, "left"))):
                length = min(turns[i].end, word.end) - max(turns[i].start, word.start)
                spoken[turns[i].speaker] = spoken.get(turns[i].speaker, 0.0) + length
        if spoken:
            found[segment] = max(sorted(spoken), key=spoken.__getitem__)
    return found
