"""Diarize a whole recording, and assign segments that exist already to its speakers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from pipeline.concurrency import map_bounded
from pipeline.stages import Audio, Stages
from pipeline.transcript import participants
from pipeline.transcript.windows import shards
from pipeline.types import Diarization, Observation, Participant, Span, SpeakerHint, Word

MAX_SHARDS_IN_FLIGHT = 16
"""Concurrent calls for the shards of one recording. A replica processes one at a time, so this bounds the replicas that work on
one recording."""
MAX_PARTICIPANTS_IN_FLIGHT = 32


async def diarize(
    audio: Audio,
    duration: float,
    stages: Stages[Audio],
    hint: SpeakerHint,
    progress: Callable[[float], Awaitable[None]] | None = None,
) -> tuple[Diarization, list[Participant]]:
    """Find the speakers of a recording and their turns.

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

    diarization = await stages.diarizer.cluster(await map_bounded(observe, parts, MAX_SHARDS_IN_FLIGHT), hint)

    async def participant(label: str) -> Participant:
        spans = participants.clean_speech(diarization, label)
        heard = diarization.voiceprints.get(label)
        voiceprint = await stages.embedder.embed(audio, spans, heard) if spans else None
        return Participant(label, participants.speech_seconds(diarization.turns, label), voiceprint)

    return diarization, await map_bounded(
        participant, sorted({turn.speaker for turn in diarization.turns}), MAX_PARTICIPANTS_IN_FLIGHT
    )


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
