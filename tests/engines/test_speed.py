"""`vivavoce models recommend`, with a hub on this machine and without one."""

from pathlib import Path

import pytest

from engines import speed
from engines.speed import MAX_REAL_TIME_FACTOR, SIZES, Measured, largest
from engines.weights.catalogue import MODELS, choose
from engines.weights.resolver import WeightsError, resolve_other
from settings import Settings
from tests.engines.speech import conversation
from tests.support.command_line import vivavoce_here
from tests.support.hub import serving


def test_the_largest_that_keeps_up_is_proposed() -> None:
    fast, slow = MAX_REAL_TIME_FACTOR, MAX_REAL_TIME_FACTOR + 0.01
    assert largest([Measured("whisper-base", slow), Measured("small", reason="why")]) is None
    assert largest([Measured("whisper-base", 0.1), Measured("small", reason="why"), Measured("medium", slow)]) == "whisper-base"
    assert largest([Measured("whisper-base", 0.1), Measured("small", fast), Measured("medium", slow)]) == "small"


def test_every_size_has_a_place_in_the_catalogue_and_auto_stays_the_embedded_one() -> None:
    assert all(MODELS[name].role == "whisper" and MODELS[name].revision for name in SIZES)
    assert choose("whisper", "auto", gpu=False) == SIZES[0]


@pytest.fixture
def models_path(whisper_path: Path, tmp_path: Path) -> Path:
    """The embedded models in a folder of their own."""
    for model in whisper_path.parent.iterdir():
        if not model.name.startswith("."):
            (tmp_path / model.name).symlink_to(model)
    return tmp_path


@pytest.fixture
def short_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is one that every model meets on any machine."""
    monkeypatch.setattr("engines.speed.MAX_REAL_TIME_FACTOR", 1000.0)
    monkeypatch.setattr("engines.speed.RUNS", 1)
    monkeypatch.setattr("vivavoce.models.MEASURED_S", (6.5, 9.0))


@pytest.mark.usefixtures("short_measurement")
def test_models_of_the_hub_are_measured_and_what_is_missing_is_explained(whisper_path: Path, models_path: Path) -> None:
    """The hub serves the weights of base as small."""
    names = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")
    repository = {name: (whisper_path / name).read_bytes() for name in names}
    with serving({str(MODELS["small"].hub): repository}) as hub:
        done = vivavoce_here("models", "recommend", MODELS_PATH=str(models_path), HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    base, small, medium, *_ = done.stdout.splitlines()
    assert [line.split()[0] for line in (base, small)] == ["whisper-base", "small"]
    assert all(float(line.split()[1]) > 0 and line.endswith("keeps up") for line in (base, small))
    assert f"not measured: medium cannot be had: {hub.url}/Systran/faster-whisper-medium does not exist" in medium
    assert done.stdout.endswith("\nWHISPER_MODEL=small\n")
    settings = Settings.model_validate({"models_path": models_path, "whisper_models": ["small"], "offline_mode": True})
    assert resolve_other("small", settings).note is None


@pytest.mark.usefixtures("short_measurement")
def test_without_a_hub_the_embedded_model_is_measured(models_path: Path) -> None:
    done = vivavoce_here("models", "recommend", MODELS_PATH=str(models_path), HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    base, *others = done.stdout.split("\n\n")[0].splitlines()
    assert base.endswith("keeps up")
    assert len(others) == len(SIZES) - 1
    assert all("cannot be had: the Hugging Face hub cannot be reached from here" in line for line in others)
    assert done.stdout.endswith("\nWHISPER_MODEL=whisper-base\n")


@pytest.mark.usefixtures("short_measurement")
def test_larger_models_are_not_downloaded_once_one_is_too_slow(models_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.speed.MAX_REAL_TIME_FACTOR", 0.0)
    settings = Settings.model_validate({"models_path": models_path})
    base, *others = speed.measure(conversation()[104_000:144_000], settings, device="cpu")
    assert base.real_time_factor
    assert {other.reason for other in others} == {"whisper-base, which is smaller, does not keep up"}
    assert not list(models_path.glob("small*"))


def test_a_size_that_cannot_be_had_without_a_network_says_so(models_path: Path) -> None:
    settings = Settings.model_validate({"models_path": models_path, "whisper_models": list(SIZES), "offline_mode": True})
    assert resolve_other("whisper-base", settings).name == "whisper-base"
    with pytest.raises(WeightsError, match="small cannot be had: OFFLINE_MODE is set"):
        resolve_other("small", settings)
