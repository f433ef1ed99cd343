"""Who speaks when, and that sharing the network's trunk between windows changes nothing that matters."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from engines.diarization import PyannoteDiarization, SharedTrunkDiarization
from engines.shared_trunk import embed_windows
from engines.weights import resolve
from pipeline.types import SAMPLE_RATE, Diarization, SpeakerHint
from settings import Settings
from tests.engines.speech import conversation


@pytest.fixture(scope="module")
def engine() -> PyannoteDiarization:
    return PyannoteDiarization(resolve("diarization", Settings(), gpu=False).path, threads=2)


@pytest.fixture(scope="module")
def reports() -> list[float]:
    return []


@pytest.fixture(scope="module")
def found(engine: PyannoteDiarization, reports: list[float]) -> Diarization:
    return engine.diarize(conversation(), progress=reports.append)


def speakers(diarization: Diarization) -> set[str]:
    return {turn.speaker for turn in diarization.turns}


def at(diarization: Diarization, moment: float) -> set[str]:
    return {turn.speaker for turn in diarization.turns if turn.start <= moment < turn.end}


def test_two_people_are_told_apart(found: Diarization) -> None:
    assert len(speakers(found)) == 2
    diane, sheila = at(found, 13.0), at(found, 16.0)
    assert len(diane) == len(sheila) == 1
    assert diane != sheila
    assert at(found, 20.0) == diane
    assert at(found, 23.0) == sheila
    assert at(found, 3.0) == set()


def test_exclusive_turns_do_not_overlap(found: Diarization) -> None:
    turns = sorted(found.exclusive, key=lambda turn: turn.start)
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(turns))
    assert {turn.speaker for turn in turns} == speakers(found)


def test_progress_goes_forward_to_nearly_the_end(found: Diarization, reports: list[float]) -> None:
    assert reports == sorted(reports)
    assert 0 <= reports[0] < 0.4 < reports[-1] <= 1
    assert len(set(reports)) >= 3


def test_hints_are_followed(engine: PyannoteDiarization) -> None:
    audio = conversation()[6 * SAMPLE_RATE : 20 * SAMPLE_RATE]
    assert len(speakers(engine.diarize(audio, SpeakerHint(num_speakers=1)))) == 1
    assert len(speakers(engine.diarize(audio, SpeakerHint(min_speakers=2)))) >= 2


@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_silence_has_no_speakers(engine: PyannoteDiarization, seconds: float) -> None:
    found = engine.diarize(np.zeros(round(seconds * SAMPLE_RATE), np.float32))
    assert (found.turns, found.exclusive) == ((), ())


def test_read_only_samples_will_do(engine: PyannoteDiarization) -> None:
    audio = conversation()[12 * SAMPLE_RATE : 20 * SAMPLE_RATE].copy()
    audio.flags.writeable = False
    assert engine.diarize(audio).turns


def test_shared_embeddings_are_pyannotes_own(engine: PyannoteDiarization) -> None:
    """Three windows of 12 s of speech: pyannote's own way costs a pass of the network for each speaker of each of them."""
    pipeline = engine._pipeline
    samples = conversation()[12 * SAMPLE_RATE : 24 * SAMPLE_RATE]
    file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": SAMPLE_RATE, "uri": "clip"}
    with torch.inference_mode():
        segmentations = pipeline.get_segmentations(file)
        binary = segmentations if pipeline._segmentation.model.specifications.powerset else segmentations > 0.5
        stock = super(SharedTrunkDiarization, pipeline).get_embeddings(file, binary, exclude_overlap=True)
        shared = pipeline.get_embeddings(file, binary, exclude_overlap=True)
    assert shared.shape == stock.shape
    spoken = binary.data.sum(axis=1) > 0.1 * binary.data.shape[1]  # a second and more
    assert spoken.sum() >= 3
    a, b = stock[spoken], shared[spoken]
    cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosines.min() > 0.98
    assert np.isnan(shared[binary.data.sum(axis=1) == 0]).all()


def test_blocks_leave_no_seams(engine: PyannoteDiarization, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = engine._pipeline
    audio = conversation()
    binary = pipeline.get_segmentations({"waveform": torch.from_numpy(audio)[None], "sample_rate": SAMPLE_RATE})
    masks = np.nan_to_num(binary.data).astype(np.float32).transpose(0, 2, 1)
    arguments = (pipeline._embedding.model_, audio, masks, binary.sliding_window, lambda _done, _count: None)
    whole = embed_windows(*arguments)
    monkeypatch.setattr("engines.shared_trunk.BLOCK", 8.0)
    blocks = embed_windows(*arguments)
    spoken = masks.sum(axis=2) > 0.1 * masks.shape[2]
    a, b = whole[spoken], blocks[spoken]
    cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosines.min() > 0.99
