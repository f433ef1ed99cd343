"""Speaker diarization, compared with pyannote's own pipeline, which does not share the network's trunk between windows.

Observing half a minute of speech takes some ten seconds of CPU time: the tests share one observation of the whole recording.
"""

import engines._pyannote  # noqa: F401  # before anything of pyannote.audio

# isort: split
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from pyannote.audio.pipelines import SpeakerDiarization, clustering
from pyannote.core import SlidingWindowFeature
from scipy.cluster import hierarchy
from scipy.spatial.distance import cdist, pdist
from sklearn.cluster import KMeans

from engines import embedding_distances, hinted_clustering, speaker_trunk
from engines.clustered_turns import ClusteredTurns
from engines.diarization import PyannoteDiarization
from engines.diarization_errors import diarization_error_rate
from engines.hinted_clustering import _merged
from engines.weights.resolver import resolve
from pipeline.transcript.windows import shards
from pipeline.types import NO_HINT, SAMPLE_RATE, Diarization, Observation, Samples, Span, SpeakerHint
from settings import Settings
from tests.engines.speech import conversation


@pytest.fixture(scope="module")
def engine() -> PyannoteDiarization:
    return PyannoteDiarization(resolve("diarization", Settings(), gpu=False).path, threads=2, embedding="wespeaker-resnet34")


@dataclass(frozen=True)
class Diarized:
    """What `diarize` returned, and what it observed and reported on the way."""

    result: Diarization
    observations: list[Observation]
    reports: list[float]


def diarize(engine: PyannoteDiarization, audio: Samples, hint: SpeakerHint = NO_HINT) -> Diarized:
    observe, observations, reports = engine.observe, list[Observation](), list[float]()

    def record(audio: Samples, shard: Span, progress: Callable[[float], None]) -> Observation:
        observations.append(observe(audio, shard, progress))
        return observations[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "observe", record)
        result = engine.diarize(audio, hint, reports.append)
    return Diarized(result, observations, reports)


@pytest.fixture(scope="module")
def whole(engine: PyannoteDiarization) -> Diarized:
    """The whole recording, 30 s, in one shard."""
    return diarize(engine, conversation())


@pytest.fixture
def found(whole: Diarized) -> Diarization:
    return whole.result


@pytest.fixture
def observed(whole: Diarized) -> Observation:
    (observation,) = whole.observations
    return observation


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


def test_progress_goes_forward_to_nearly_the_end(whole: Diarized) -> None:
    reports = whole.reports
    assert reports == sorted(reports)
    assert 0 <= reports[0] < 0.4 < reports[-1] <= 1
    assert len(set(reports)) >= 3


def test_hints_are_followed(engine: PyannoteDiarization) -> None:
    audio = conversation()[6 * SAMPLE_RATE : 20 * SAMPLE_RATE]
    one = diarize(engine, audio, SpeakerHint(num_speakers=1))
    assert len(speakers(one.result)) == 1
    assert len(speakers(engine.cluster(one.observations, SpeakerHint(min_speakers=2)))) >= 2


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_a_number_of_speakers_does_not_divide_a_voice(whole: Diarized, engine: PyannoteDiarization, count: int) -> None:
    """pyannote's k-means finds the given number, and then part of the voice of one speaker is called another."""
    found = engine.cluster(whole.observations, SpeakerHint(num_speakers=count))
    assert len(speakers(found)) == min(count, len(speakers(whole.result)))
    if count >= 2:
        assert found.turns == whole.result.turns


def test_a_number_far_above_that_of_the_voices_is_not_tried(
    whole: Diarized, engine: PyannoteDiarization, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def fit(count: int, **options: int) -> KMeans:
        tried.append(count)
        return KMeans(count, **options)

    monkeypatch.setattr(hinted_clustering, "KMeans", fit)
    found = engine.cluster(whole.observations, SpeakerHint(num_speakers=100))
    assert found.turns == whole.result.turns
    assert max(tried) <= len(speakers(found)) + hinted_clustering.MORE


def test_clustering_of_another_kind_stays(whole: Diarized, tmp_path: Path) -> None:
    """A directory of the user's may hold a pipeline with pyannote's earlier clustering."""
    weights = resolve("diarization", Settings(), gpu=False).path
    for part in ("segmentation", "embedding", "plda"):
        (tmp_path / part).symlink_to(weights / part)
    config = yaml.safe_load((weights / "config.yaml").read_text())
    config["pipeline"]["params"]["clustering"] = "AgglomerativeClustering"
    config["params"]["clustering"] = {"method": "centroid", "min_cluster_size": 1, "threshold": 0.7}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    engine = PyannoteDiarization(tmp_path)
    for count in (1, 2, 4):  # as many as it is given
        assert len(speakers(engine.cluster(whole.observations, SpeakerHint(num_speakers=count)))) == count
    engine.cluster(whole.observations, SpeakerHint(num_speakers=100))


def test_the_closest_clusters_are_merged_first() -> None:
    centroids = np.array([[1.0, 0.0], [0.0, 1.0], [0.9, 0.1]], np.float32)
    found = _merged((np.array([[0, 1], [2, -2], [2, 1]], np.int8), 2 - cdist(centroids, centroids)[:, None], centroids), 2)
    assert found[0].tolist() == [[0, 1], [0, -2], [0, 1]]
    assert found[1].shape == (3, 1, 2)
    assert found[2] == pytest.approx(np.array([[2.8 / 3, 0.2 / 3], [0.0, 1.0]]), abs=1e-6)


def test_speech_of_a_single_frame_is_no_error(engine: PyannoteDiarization, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame of the segmentation, 17 ms, may fall between two frames that voices are pooled from."""
    audio = conversation()[6 * SAMPLE_RATE : 16 * SAMPLE_RATE]
    active = engine.observe(audio, windows(audio)).active
    for frame in range(0, active.shape[1], 7):
        blip = np.zeros_like(active)
        blip[0, frame, 0] = 1
        monkeypatch.setattr(engine, "_segment", lambda *_, found=blip: found)
        observation = engine.observe(audio, windows(audio))
        assert np.isnan(observation.embeddings[0, 1:]).all()
        assert len(speakers(engine.cluster([observation]))) <= 1


@pytest.mark.parametrize("hint", [SpeakerHint(num_speakers=5), SpeakerHint(min_speakers=5), SpeakerHint(num_speakers=100)])
def test_more_speakers_than_there_is_speech_of_are_not_found(engine: PyannoteDiarization, hint: SpeakerHint) -> None:
    audio = conversation()[12 * SAMPLE_RATE : 19 * SAMPLE_RATE]
    assert 1 <= len(speakers(engine.diarize(audio, hint))) < 5


@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_silence_has_no_speakers(engine: PyannoteDiarization, seconds: float) -> None:
    found = engine.diarize(np.zeros(round(seconds * SAMPLE_RATE), np.float32))
    assert (found.turns, found.exclusive) == ((), ())


def test_read_only_samples_will_do(engine: PyannoteDiarization) -> None:
    audio = conversation()[12 * SAMPLE_RATE : 20 * SAMPLE_RATE].copy()
    audio.flags.writeable = False
    assert engine.diarize(audio).turns


def windows(audio: Samples) -> Span:
    """A shard as long as the recording."""
    return Span(0, len(audio) / SAMPLE_RATE)


def stock(engine: PyannoteDiarization, audio: Samples) -> tuple[SlidingWindowFeature, NDArray[np.float32]]:
    """Active speakers and their embeddings in each window, as pyannote's own pipeline finds them."""
    pipeline, file = engine._pipeline, {"waveform": torch.from_numpy(audio)[None], "sample_rate": SAMPLE_RATE, "uri": "clip"}
    with torch.inference_mode():
        segmentations = SpeakerDiarization.get_segmentations(pipeline, file)
        return segmentations, SpeakerDiarization.get_embeddings(pipeline, file, segmentations, exclude_overlap=True)


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (a * b).sum(axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return found


def test_what_is_observed_is_what_pyannote_finds(engine: PyannoteDiarization) -> None:
    """Three windows of speech: pyannote runs the network once for each speaker of each window."""
    audio = conversation()[12 * SAMPLE_RATE : 24 * SAMPLE_RATE]
    segmentations, embeddings = stock(engine, audio)
    found = engine.observe(audio, windows(audio))
    assert found.active.shape == segmentations.data.shape
    assert found.embeddings.shape == embeddings.shape
    assert (found.active != segmentations.data).mean() < 0.01
    spoken = segmentations.data.sum(axis=1) > 0.1 * segmentations.data.shape[1]  # a second and more
    assert spoken.sum() >= 3
    assert cosines(embeddings[spoken], found.embeddings[spoken]).min() > 0.98
    assert np.isnan(found.embeddings[found.active.sum(axis=1) == 0]).all()


def test_the_segmentation_is_exactly_pyannotes_where_the_trunk_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """With bfloat16, too: where a boundary moves, a word is assigned to another speaker."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    engine = PyannoteDiarization(resolve("diarization", Settings(), gpu=False).path, threads=2)
    assert engine._trunk.dtype == torch.bfloat16
    audio = conversation()[: 17 * SAMPLE_RATE + 4321]  # the last window reaches beyond the end
    file = {"waveform": torch.from_numpy(audio)[None], "sample_rate": SAMPLE_RATE}
    expected = SpeakerDiarization.get_segmentations(engine._pipeline, file).data
    found = engine._segment(audio, lambda _done: None)
    assert found.shape == expected.shape
    assert (found != expected).mean() < 1e-4  # where two classes are equally likely, the last bit decides


@pytest.mark.parametrize("seconds", [0.01, 4.0, 9.99, 10.0, 10.5, 11.0])
def test_recordings_about_as_long_as_a_window(engine: PyannoteDiarization, seconds: float) -> None:
    audio = conversation()[12 * SAMPLE_RATE :][: round(seconds * SAMPLE_RATE)]
    found = engine.observe(audio, shards(seconds)[0])
    assert len(found.active) == max(1, 1 + math.ceil(seconds - 10))
    assert all(turn.end <= 13 for turn in engine.cluster([found]).turns)


def test_the_number_of_shards_changes_nothing(engine: PyannoteDiarization, observed: Observation, found: Diarization) -> None:
    audio = conversation()
    edges = [0, 5, 10, 15, 30]
    four = [engine.observe(audio, Span(start, end)) for start, end in pairwise(edges)]
    assert sum(len(observation.active) for observation in four) == len(observed.active) == 21
    assert engine.cluster(four).turns == found.turns


def test_blocks_leave_no_seams(engine: PyannoteDiarization, observed: Observation, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = conversation()
    monkeypatch.setattr(speaker_trunk, "BLOCK", 40)
    blocks = engine.observe(audio, windows(audio)).embeddings
    assert np.nanmin(cosines(observed.embeddings, blocks)) > 0.999


def test_silence_is_not_heard(engine: PyannoteDiarization) -> None:
    """Frames depend on audio outside the speech only within the network's receptive field and centering."""
    audio = np.concatenate([conversation()[12 * SAMPLE_RATE : 20 * SAMPLE_RATE], np.zeros(30 * SAMPLE_RATE, np.float32)])
    wanted = torch.zeros(470, dtype=torch.bool)
    wanted[10:80] = True
    frames = engine._trunk.frames(audio, wanted)
    assert frames.shape[-1] == 470
    assert (frames[..., 10:80].abs().amax(dim=(0, 1)) > 0).all()
    assert (frames[..., 100:] == 0).all()


def test_each_speaker_has_the_voice_of_what_they_say(found: Diarization, engine: PyannoteDiarization) -> None:
    assert found.voiceprints.keys() == speakers(found)
    first, second = (voice.vector for voice in found.voiceprints.values())
    assert {voice.model for voice in found.voiceprints.values()} == {"wespeaker-resnet34"}
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)
    assert float(first @ second) < 0.5


def test_of_very_many_embeddings_only_some_are_clustered(
    engine: PyannoteDiarization, observed: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = [observed] * 3  # 63 windows, each a second after the one before
    assert sum((observation.active.sum(axis=1) > 0).sum() for observation in three) > 50
    everything = engine.cluster(three).turns
    monkeypatch.setattr("engines.diarization.CLUSTERED", 50)
    assert diarization_error_rate(everything, engine.cluster(three).turns, duration=72) < 0.02


def test_cluster_of_what_another_process_observed(engine: PyannoteDiarization, observed: Observation) -> None:
    copy: Observation = pickle.loads(pickle.dumps(observed))
    copy.active.flags.writeable = copy.embeddings.flags.writeable = False  # as it comes out of Ray's object store
    assert len(speakers(engine.cluster([copy]))) == 2


@pytest.mark.parametrize("hint", [NO_HINT, SpeakerHint(num_speakers=3), SpeakerHint(max_speakers=1)], ids=str)
def test_turns_are_those_of_pyannotes_own_clustering_and_reconstruction(
    engine: PyannoteDiarization, observed: Observation, hint: SpeakerHint
) -> None:
    """Among the input are a shard of silence, and one whose local speakers are in another order."""
    silent = Observation(np.zeros_like(observed.active), np.full_like(observed.embeddings, np.nan))
    mirrored = Observation(observed.active[:, :, ::-1].copy(), observed.embeddings[:, ::-1].copy())
    observations = [observed, silent, mirrored, observed]
    ours = engine.cluster(observations, hint)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("speaker_count", "reconstruct", "to_annotation"):
            patch.delattr(ClusteredTurns, name)
        patch.setattr(clustering, "linkage", hierarchy.linkage)
        stock = engine.cluster(observations, hint)
    assert len(ours.turns) > 10
    assert (ours.turns, ours.exclusive) == (stock.turns, stock.exclusive)
    assert ours.voiceprints.keys() == stock.voiceprints.keys()


@pytest.mark.parametrize("count", [2, 511, 512, 1100])
def test_distances_are_those_of_scipy(count: int) -> None:
    vectors = np.random.default_rng(count).standard_normal((count, 16)).astype(np.float32)
    vectors[-1] = vectors[0]
    np.testing.assert_allclose(embedding_distances.distances(vectors), pdist(vectors), atol=1e-6)
