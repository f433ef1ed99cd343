import numpy as np

from pipeline import checkpoint
from pipeline.types import Diarization, Participant, Turn, Utterance, Vector, Voiceprint, Word


def voiceprint(seed: int) -> Voiceprint:
    vector: Vector = np.random.default_rng(seed).normal(size=7).astype(np.float32)
    return Voiceprint(vector, "model")


def test_utterances_come_back_as_they_were() -> None:
    utterances = [
        Utterance((Word(" Grüße,", 0.1, 0.30000000000000004, 0.5), Word(" \0", 1, 2, 1.0)), -0.25, "de"),
        Utterance((), -1.0, "en"),
    ]
    assert checkpoint.load_utterances(checkpoint.dump_utterances(utterances)) == utterances


def test_voices_come_back_to_the_last_digit() -> None:
    turns = (Turn(0.0, 1.5, "SPEAKER_00"), Turn(1.0, 2.0, "SPEAKER_01"))
    diarization = Diarization(turns, turns[:1], {"SPEAKER_00": voiceprint(1)})
    people = [Participant("SPEAKER_00", 1.5, voiceprint(2)), Participant("SPEAKER_01", 1.0, None)]
    found, heard = checkpoint.load_voices(checkpoint.dump_voices((diarization, people)))
    assert (found.turns, found.exclusive) == (diarization.turns, diarization.exclusive)
    assert [(who.label, who.speech) for who in heard] == [(who.label, who.speech) for who in people]
    before = [*diarization.voiceprints.values(), people[0].voiceprint]
    after = [*found.voiceprints.values(), heard[0].voiceprint]
    for was, now in zip(before, after, strict=True):
        assert was is not None
        assert now is not None
        assert now.model == was.model
        assert now.vector.dtype == np.float32
        np.testing.assert_array_equal(now.vector, was.vector)
    assert heard[1].voiceprint is None
