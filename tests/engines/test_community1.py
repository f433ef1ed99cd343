from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engines.weights import community1
from engines.weights.catalogue import Role
from engines.weights.resolver import resolve
from pipeline.types import SAMPLE_RATE
from settings import Settings


def weights(role: Role) -> Path:
    return resolve(role, Settings.model_validate({}), gpu=False).path


@pytest.fixture(scope="module")
def phone_call() -> NDArray[np.float32]:
    """30 s of two people on the telephone, which comes with pyannote.audio."""
    import engines._pyannote  # noqa: F401

    # isort: split
    import pyannote.audio

    path = Path(pyannote.audio.__file__).parent / "sample" / "sample.wav"
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE
    return np.asarray(samples, dtype=np.float32)


def test_converted_embedding_is_the_exported_one(phone_call: NDArray[np.float32]) -> None:
    import engines._pyannote  # noqa: F401

    # isort: split
    import onnxruntime
    import torch
    from pyannote.audio import Model

    directory = weights("embedding")
    network: Any = Model.from_pretrained(directory)
    network.eval()
    exported = onnxruntime.InferenceSession(directory / "model.onnx")
    for start, seconds in ((7, 1), (7, 3), (10, 8)):
        samples = torch.from_numpy(phone_call[start * SAMPLE_RATE : (start + seconds) * SAMPLE_RATE])[None, None]
        with torch.inference_mode():
            ours = network(samples)[0].numpy()
            features = network.compute_fbank(samples).numpy()
        theirs = exported.run(None, {"feats": features})[0][0]
        assert ours.shape == (256,)
        np.testing.assert_allclose(ours, theirs, atol=2e-3)
        assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.99999


@pytest.mark.filterwarnings("ignore:std")  # pyannote pools over single frames
def test_assembled_pipeline_hears_the_two_speakers(phone_call: NDArray[np.float32]) -> None:
    import engines._pyannote  # noqa: F401

    # isort: split
    import torch
    from pyannote.audio import Pipeline

    pipeline = Pipeline.from_pretrained(weights("diarization"))
    assert pipeline is not None
    assert pipeline.parameters(instantiated=True) == {
        "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
        "segmentation": {"min_duration_off": 0.0},
    }
    start = 6
    excerpt = torch.from_numpy(phone_call[start * SAMPLE_RATE : (start + 13) * SAMPLE_RATE])
    output: Any = pipeline({"waveform": excerpt[None], "sample_rate": SAMPLE_RATE})
    found = output.speaker_diarization
    labels = found.labels()
    assert len(labels) == 2
    # In the reference, speaker90 talks from 8.32 to 9.92 s and from 11.02 to 14.49 s, speaker91 from 14.4 to 17.9 s.
    speaker_at = [found.crop(_around(time - start)).argmax() for time in (9.0, 12.5, 16.5)]
    assert speaker_at[0] == speaker_at[1] != speaker_at[2]


def _around(time: float) -> object:
    from pyannote.core import Segment

    return Segment(time - 0.05, time + 0.05)


def test_graph_of_another_network_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "pytorch_model.bin"
    with pytest.raises(ValueError, match=r"model\.onnx has \d+ convolutions where a ResNet34 has 36"):
        community1.convert_embedding(weights("diarization") / "segmentation" / "model.onnx", target)
    assert not target.exists()
