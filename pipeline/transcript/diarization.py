"""Who speaks when in a whole recording, what each of them sounds like, and whose a line is that was heard before."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import numpy as np

from pipeline.concurrency import map_bounded
from pipeline.stages import Audio, Stages
from pipeline.transcript import participants
from pipeline.transcript.windows import shards
from pipeline.types import Diarization, Observation, Participant, Span, SpeakerHint, Word

SHARDS_IN_FLIGHT = 16
"""Shards of one recording that wait on the diarizer, which takes one at a time: as many replicas as work on one recording."""
VOICES_IN_FLIGHT = 32


async def diarize(
    audio: Audio,
    duration: float,
    stages: Stages[Audio],
    hint: SpeakerHint,
    progress: Callable[[float], Awaitable[None]] | None = None,
) -> tuple[Diarization, list[Participant]]:
    """Tell the speakers of a recording apart.

    Args:
        audio: The recording, as the stages take it.
        duration: Its length in seconds.
        hint: What is known of their number.
        progress: Told the fraction of the work that is done.

    Returns:
        When they speak, and everybody who does, by label; without a voiceprint where there is too little to know one by.
    """
    parts = shards(duration)
    done = dict.fromkeys(parts, 0.0)

    async def observe(part: Span) -> Observation:
        async def told(fraction: float) -> None:
            done[part] = fraction
            if progress is not None:
                await progress(sum(done.values()) / len(parts))

        return await stages.diarizer.observe(audio, part, told)

    diarization = await stages.diarizer.cluster(await map_bounded(observe, parts, SHARDS_IN_FLIGHT), hint)

    async def participant(label: str) -> Participant:
        spans = participants.clean_speech(diarization, label)
        heard = diarization.voiceprints.get(label)
        voiceprint = await stages.embedder.embed(audio, spans, heard) if spans else None
        return Participant(label, participants.speech(diarization.turns, label), voiceprint)

    return diarization, await map_bounded(participant, sorted({turn.speaker for turn in diarization.turns}), VOICES_IN_FLIGHT)


def speakers_of(lines: Mapping[int, Sequence[Word]], diarization: Diarization) -> dict[int, str]:
    """Who says most of each line; those during which the diarizer heard nobody are left out."""
    turns = sorted(diarization.exclusive, key=lambda turn: turn.start)
    starts, ends = (np.array([getattr(turn, edge) for turn in turns]) for edge in ("start", "end"))
    found: dict[int, str] = {}
    for line, words in lines.items():
        spoken: dict[str, float] = {}
        for word in words:
            for i in range(int(np.searchsorted(ends, word.start, "right")), int(np.searchsorted(starts, word.end, "left"))):
                length = min(turns[i].end, word.end) - max(turns[i].start, word.start)
                spoken[turns[i].speaker] = spoken.get(turns[i].speaker, 0.0) + length
        if spoken:
            found[line] = max(sorted(spoken), key=spoken.__getitem__)
    return found
