"""What the stages found, as text that outlives the process, for the one that goes on with the work."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pipeline.types import Diarization, Participant, Turn, Utterance, Vector, Voiceprint, Word

Voices = tuple[Diarization, list[Participant]]
"""Who speaks when, and what each of them sounds like."""


def dump_utterances(utterances: Sequence[Utterance]) -> str:
    return json.dumps([asdict(utterance) for utterance in utterances])


def load_utterances(text: str) -> list[Utterance]:
    return [Utterance(tuple(Word(**word) for word in found.pop("words")), **found) for found in json.loads(text)]


def dump_voices(voices: Voices) -> str:
    diarization, participants = voices
    # A float32 is a float64 as well, and JSON keeps all of its digits: what comes back is the very same vector.
    return json.dumps([asdict(diarization), [asdict(participant) for participant in participants]], default=np.ndarray.tolist)


def load_voices(text: str) -> Voices:
    diarization, participants = json.loads(text)
    return (
        Diarization(
            turns=_turns(diarization["turns"]),
            exclusive=_turns(diarization["exclusive"]),
            voiceprints={label: _voiceprint(found) for label, found in diarization["voiceprints"].items()},
        ),
        [
            Participant(found["label"], found["speech"], found["voiceprint"] and _voiceprint(found["voiceprint"]))
            for found in participants
        ],
    )


def _turns(found: Sequence[Mapping[str, Any]]) -> tuple[Turn, ...]:
    return tuple(Turn(**turn) for turn in found)


def _voiceprint(found: Mapping[str, Any]) -> Voiceprint:
    vector: Vector = np.array(found["vector"], np.float32)
    return Voiceprint(vector, found["model"])
