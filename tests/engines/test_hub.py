"""Whisper models from a hub: what arrives, what is refused, and the sentence for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.weights import manifest
from engines.weights.catalogue import MODELS
from engines.weights.resolver import WeightsError, resolve, resolve_other
from settings import Settings
from tests.support.hub import COMMIT, Hub, serving

SMALL = MODELS["small"]
FILES = {
    "config.json": b"{}",
    "model.bin": bytes(range(256)) * 4096,
    "tokenizer.json": b'{"version": "1.0"}',
    "vocabulary.txt": b"a\nb",
    "README.md": b"no",
}
SIZE = len(FILES["model.bin"])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving({str(SMALL.hub): FILES}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr("engines.weights.hub._PROBE_TIMEOUT_S", 120.0)
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"models_path": tmp_path, "whisper_models": ["small", "medium"]})


def test_a_size_comes_from_its_pinned_revision(settings: Settings, hub: Hub) -> None:
    path = resolve_other("small", settings).path
    assert {file.name for file in path.iterdir()} == FILES.keys() - {"README.md"} | {manifest.NAME}
    assert (path / "model.bin").read_bytes() == FILES["model.bin"]
    assert hub.revisions == {SMALL.revision}
    hub.sent.clear()
    assert resolve_other("small", settings).path == path
    assert hub.sent == []


def test_a_broken_transfer_is_continued(settings: Settings, hub: Hub) -> None:
    hub.breaks_after["model.bin"] = [700_000]
    path = resolve_other("small", settings).path
    assert (path / "model.bin").read_bytes() == FILES["model.bin"]
    assert hub.ranges == [f"bytes=0-{SIZE - 1}", f"bytes=700000-{SIZE - 1}"]


def test_the_next_attempt_continues_an_interrupted_download(
    settings: Settings, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("engines.weights.downloads.ATTEMPTS", 1)
    hub.breaks_after["model.bin"] = [700_000, 0]
    with pytest.raises(
        WeightsError, match=r"small cannot be had: http\S+/model\.bin .*the next attempt continues where it ended"
    ):
        resolve_other("small", settings)
    hub.ranges.clear()
    path = resolve_other("small", settings).path
    assert (path / "model.bin").read_bytes() == FILES["model.bin"]
    assert hub.ranges == [f"bytes=700000-{SIZE - 1}"]
    assert not list(tmp_path.rglob("*.part"))


def test_files_that_arrived_are_kept_for_the_next_attempt(settings: Settings, hub: Hub, tmp_path: Path) -> None:
    hub.damaged.add("model.bin")
    with pytest.raises(WeightsError):
        resolve_other("small", settings)
    hub.damaged.clear()
    hub.sent.clear()
    resolve_other("small", settings)
    assert hub.sent == ["model.bin"]


def test_bytes_with_another_hash_are_refused(settings: Settings, hub: Hub, tmp_path: Path) -> None:
    hub.damaged.add("model.bin")
    with pytest.raises(
        WeightsError, match=r"small cannot be had: model\.bin arrived from http\S+faster-whisper-small"
    ) as error:
        resolve_other("small", settings)
    assert "another sha256" in str(error.value)
    assert list(tmp_path.rglob("model.bin")) == []


def test_a_catalogued_hash_goes_before_the_hubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that serves other weights under the name of the embedded model, with the right hash of these."""
    base = MODELS["whisper-base"]
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")  # nothing listens on the discard port
    with serving({str(base.hub): FILES}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        with pytest.raises(WeightsError) as error:
            resolve("whisper", Settings.model_validate({"models_path": tmp_path}), gpu=False)
    assert "holds other files than the catalogue expects" in str(error.value)
    assert server.revisions == {base.revision}
    assert not (tmp_path / base.name).exists()


def test_a_repository_that_is_gone_is_named(settings: Settings, hub: Hub) -> None:
    with pytest.raises(WeightsError) as error:
        resolve_other("medium", settings)
    assert f"medium cannot be had: {hub.url}/Systran/faster-whisper-medium does not exist" in str(error.value)


def test_a_hub_that_is_not_there_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"^small cannot be had: the Hugging Face hub cannot be reached from here\. Run "):
        resolve_other("small", settings)


def test_a_repository_without_a_pin_is_kept_at_its_first_revision(tmp_path: Path, hub: Hub) -> None:
    settings = Settings.model_validate({"models_path": tmp_path, "whisper_model": str(SMALL.hub)})
    assert manifest.revision(resolve("whisper", settings, gpu=False).path) == COMMIT
