"""Internals of pyannote.audio that `engines` uses beyond its documentation. A new minor release may change them."""

import inspect
import sys
from importlib.metadata import version

import engines._pyannote  # noqa: F401  # before anything of pyannote.audio
import lightning.pytorch.core.module
import pytest
from pyannote.audio import Inference
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.audio.models.segmentation import PyanNet
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.clustering import BaseClustering, VBxClustering

from engines import _unused


def test_the_release_is_the_one_that_was_checked() -> None:
    assert version("pyannote.audio").startswith("4.0."), "Check engines/, then move the bound in pyproject.toml and this test."


def test_the_pipeline_calls_the_methods_that_are_replaced() -> None:
    """engines/diarization.py computes segmentations and embeddings itself and hands them to `apply`, which makes the turns."""
    source = inspect.getsource(SpeakerDiarization.apply)
    for name in ("get_segmentations", "get_embeddings", "speaker_count", "reconstruct", "to_annotation"):
        assert f"self.{name}(" in source
    assert "self._embedding" in inspect.getsource(SpeakerDiarization.__init__)
    assert "self._segmentation" in inspect.getsource(SpeakerDiarization.__init__)
    assert "filter_embeddings" in inspect.getsource(BaseClustering)
    assert "linkage(" in inspect.getsource(VBxClustering.__call__)


def test_the_segmentation_network_has_its_parts() -> None:
    """engines/shared_segmentation.py runs SincNet's first layer once for all windows."""
    source = inspect.getsource(PyanNet)
    for part in ("sincnet", "lstm", "linear", "classifier", "activation"):
        assert f"self.{part}" in source, part
    assert "conversion" in inspect.getsource(Inference)


def test_the_embedding_network_has_its_parts() -> None:
    """engines/speaker_trunk.py runs the trunk once and pools for each voice."""
    assert "self._fbank = " in inspect.getsource(BaseWeSpeakerResNet.__init__)
    for name in ("forward_frames", "forward_embedding"):
        assert callable(getattr(BaseWeSpeakerResNet, name, None)), name
    assert list(inspect.signature(BaseWeSpeakerResNet.forward_embedding).parameters) == ["self", "frames", "weights"]


def test_what_only_training_needs_is_not_imported() -> None:
    with pytest.raises(RuntimeError, match=r"torchmetrics\.Metric was not imported"):
        vars(lightning.pytorch.core.module)["Metric"]()


def test_placeholders_are_gone_when_the_import_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wsgiref", "wsgiref.util"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with _unused.placeholders("wsgiref"):
        from wsgiref.util import guess_scheme as placeholder
    with pytest.raises(RuntimeError, match=r"wsgiref\.util\.guess_scheme was not imported"):
        placeholder({})
    from wsgiref.util import guess_scheme

    assert guess_scheme({}) == "http"
