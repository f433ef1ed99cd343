import math

import numpy as np
import pytest

from pipeline.checkpoint import Diarized, Transcribed
from pipeline.types import Diarization, Participant, Turn, Utterance, Vector, Voiceprint, Word

VERSION_1_UTTERANCES = """[
  {"words": [{"text": " Gr\\u00fc\\u00dfe,", "start": 0.1, "end": 0.30000000000000004, "probability": 0.5}],
   "avg_logprob": -0.25, "language": "de"},
  {"words": [], "avg_logprob": -1.0, "language": "en"}
]"""
VERSION_1_VOICES = """[
  {"turns": [{"start": 0.0, "end": 1.5, "speaker": "SPEAKER_00"}],
   "exclusive": [{"start": 0.0, "end": 1.0, "speaker": "SPEAKER_00"}],
   "voiceprints": {"SPEAKER_00": {"vector": [0.10000000149011612, -1.0], "model": "m"}}},
  [{"label": "SPEAKER_00", "speech": 1.5, "voiceprint": {"vector": [0.5, 0.25], "model": "m"}},
   {"label": "SPEAKER_01", "speech": 1.0, "voiceprint": null}]
]"""


def voiceprint(seed: int) -> Voiceprint:
    vector: Vector = np.random.default_rng(seed).normal(size=7).astype(np.float32)
    return Voiceprint(vector, "model")


def test_utterances_come_back_as_they_were() -> None:
    utterances = (
        Utterance((Word(" Grüße,", 0.1, 0.30000000000000004, 0.5), Word(" \0", 1, 2, 1.0)), -0.25, "de"),
        Utterance((), -1.0, "en"),
    )
    assert Transcribed.load(Transcribed(utterances=utterances).dump()).utterances == utterances


def test_what_is_no_number_comes_back() -> None:
    (found,) = Transcribed.load(Transcribed(utterances=(Utterance((), math.nan, "en"),)).dump()).utterances
    assert math.isnan(found.avg_logprob)


def test_voices_come_back_to_the_last_digit() -> None:
    turns = (Turn(0.0, 1.5, "SPEAKER_00"), Turn(1.0, 2.0, "SPEAKER_01"))
    diarization = Diarization(turns, turns[:1], {"SPEAKER_00": voiceprint(1)})
    people = (Participant("SPEAKER_00", 1.5, voiceprint(2)), Participant("SPEAKER_01", 1.0, None))
    result = Diarized.load(Diarized(diarization=diarization, participants=people).dump())
    found, heard = result.diarization, result.participants
    assert (found.turns, found.exclusive) == (diarization.turns, diarization.exclusive)
    assert [(who.label, who.speech_seconds) for who in heard] == [(who.label, who.speech_seconds) for who in people]
    before = [*diarization.voiceprints.values(), people[0].voiceprint]
    after = [*found.voiceprints.values(), heard[0].voiceprint]
    for was, now in zip(before, after, strict=True):
        assert was is not None
        assert now is not None
        assert now.model == was.model
        assert now.vector.dtype == np.float32
        np.testing.assert_array_equal(now.vector, was.vector)
    assert heard[1].voiceprint is None


def test_results_of_version_1_are_read() -> None:
    assert Transcribed.load(VERSION_1_UTTERANCES).utterances == (
        Utterance((Word(" Grüße,", 0.1, 0.30000000000000004, 0.5),), -0.25, "de"),
        Utterance((), -1.0, "en"),
    )
    found = Diarized.load(VERSION_1_VOICES)
    assert found.diarization.turns == (Turn(0.0, 1.5, "SPEAKER_00"),)
    assert found.diarization.exclusive == (Turn(0.0, 1.0, "SPEAKER_00"),)
    assert found.diarization.voiceprints["SPEAKER_00"].vector.tolist() == [np.float32(0.1), -1.0]
    assert [(who.label, who.speech_seconds) for who in found.participants] == [("SPEAKER_00", 1.5), ("SPEAKER_01", 1.0)]
    first, second = (who.voiceprint for who in found.participants)
    assert first is not None
    assert (first.vector.dtype, first.vector.tolist(), first.model) == (np.dtype(np.float32), [0.5, 0.25], "m")
    assert second is None


def test_a_result_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        Transcribed.load('{"version": 3, "utterances": []}')
