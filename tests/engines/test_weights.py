import json
import multiprocessing
import shutil
import socket
from collections.abc import Iterator
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from engines.weights import manifest, resolver
from engines.weights.catalogue import ALIASES, EMBEDDED, MODELS, ROLES, choose, find
from engines.weights.resolver import WeightsError, resolve
from settings import Settings
from tests.support.hub import COMMIT, Hub, serving

REPOSITORY = {"config.json": b"{}", "model.bin": b"weights" * 1000, "vocabulary.txt": b"a\nb", "picture.png": b"no"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving({"owner/tiny": REPOSITORY}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr("engines.weights.hub._PROBE_TIMEOUT_S", 120.0)
        yield server


@pytest.fixture(scope="session")
def models_path() -> Path:
    """The embedded models, downloaded once and kept between runs."""
    settings = Settings.model_validate({})
    for role in ROLES:
        resolve(role, settings, gpu=False)
    return settings.models_path


def settings_for(path: Path, **values: str | bool) -> Settings:
    return Settings.model_validate({"models_path": path, **values})


def test_auto_is_embedded_on_a_cpu_and_full_size_on_a_gpu() -> None:
    assert [choose(role, "auto", False) for role in ROLES] == [EMBEDDED[role] for role in ROLES]
    assert choose("whisper", "auto", True) == "large-v3"
    assert choose("diarization", "auto", True) == "pyannote/speaker-diarization-community-1"
    assert choose("emotion", "auto", True) == "emotion2vec_plus_large"
    assert choose("whisper", "turbo", True) == "large-v3-turbo"


def test_every_name_of_faster_whisper_is_known() -> None:
    from faster_whisper.utils import _MODELS

    for name, repository in _MODELS.items():
        model = find("whisper", choose("whisper", name, False))
        assert model is not None
        assert model.hub == repository


def test_catalogue_adds_up() -> None:
    for model in MODELS.values():
        assert model.hub or model.files or model.requires
        assert all(need in MODELS for need in model.requires)
        assert len({file.path for file in model.files}) == len(model.files)
        # Two places for one model must be pinned to the same bytes.
        assert not (model.hub and model.files) or model.revision
    assert all(name in MODELS for name in ALIASES.values())


@pytest.mark.parametrize(
    "value", ["larg-v3", "wespeaker-resnet34", "../etc/x", "owner/../x", "a/b/c", "/no/such/place", "./none"]
)
def test_name_that_means_nothing_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(WeightsError, match="WHISPER_MODEL"):
        resolve("whisper", settings_for(tmp_path, whisper_model=value), gpu=False)


def test_directory_in_the_settings_is_used_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "my-whisper"
    mine.mkdir()
    resolved = resolve("whisper", settings_for(tmp_path / "none", whisper_model=str(mine)), gpu=False)
    assert (resolved.name, resolved.path, resolved.note) == ("my-whisper", mine, None)
    assert not (tmp_path / "none").exists()


def test_offline_with_nothing_downloaded_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"large-v3 cannot be had: OFFLINE_MODE .* whisper-base, .*`vivavoce models pull`"):
        resolve("whisper", settings_for(tmp_path, whisper_model="large-v3", offline_mode=True), gpu=False)
    assert list(tmp_path.iterdir()) == []


def test_embedded_models_come_whole(models_path: Path) -> None:
    settings = settings_for(models_path, offline_mode=True)
    assert [(r.name, r.path.name, r.note) for r in resolver.pull(settings, gpu=False)] == [
        ("whisper-base", "whisper-base", None),
        ("community-1-embedded", "community-1-embedded", None),
        ("wespeaker-resnet34", "wespeaker-resnet34", None),
        ("whisper-encoder-emotion-2", "whisper-base", None),
        ("multilingual-e5-small", "multilingual-e5-small", None),
    ]
    rows = resolver.listing(settings, gpu=False)
    assert {row.state for row in rows} == {"ok"}
    assert {row.path.name for row in rows} >= {"model.bin", "plda.npz", "config.yaml", "pytorch_model.bin", "model.onnx"}


@pytest.mark.timeout(300)  # the hub's own client waits for an answer without a timeout
def test_silent_hub_is_given_up_soon_and_the_note_says_so(
    models_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        resolved = resolve("whisper", settings_for(models_path, whisper_model="large-v3"), gpu=False)
    assert resolved.name == "whisper-base"
    assert resolved.note is not None
    assert "large-v3 is replaced by whisper-base: the Hugging Face hub cannot be reached" in resolved.note
    assert "WHISPER_MODEL=whisper-base" in resolved.note
    assert capfd.readouterr() == ("", "")


def test_gated_model_names_its_page_and_the_token(models_path: Path, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    resolved = resolve("diarization", settings_for(models_path, hf_token="hf_secret"), gpu=True)
    assert resolved.name == "community-1-embedded"
    assert resolved.note is not None
    assert f"{hub.url}/pyannote/speaker-diarization-community-1" in resolved.note
    assert "HF_TOKEN" in resolved.note
    assert "hf_secret" not in resolved.note
    assert "Bearer hf_secret" in hub.tokens
    assert capfd.readouterr() == ("", "")


def test_repository_comes_from_the_hub_once(tmp_path: Path, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    settings = settings_for(tmp_path, whisper_model="owner/tiny")
    resolved = resolve("whisper", settings, gpu=False)
    assert (resolved.name, resolved.note) == ("owner/tiny", None)
    names = {"config.json", "model.bin", "vocabulary.txt"}
    assert {path.name for path in resolved.path.iterdir()} == names | {"manifest.json"}
    assert (resolved.path / "model.bin").read_bytes() == REPOSITORY["model.bin"]
    assert capfd.readouterr() == ("", "")
    assert resolve("whisper", settings, gpu=False) == resolved
    assert sorted(hub.sent) == sorted(names)
    (resolved.path / "vocabulary.txt").write_bytes(b"a\nc")
    states = {row.path.name: row.state for row in resolver.listing(settings, gpu=False) if row.role == "whisper"}
    assert states == {"config.json": "ok", "model.bin": "ok", "vocabulary.txt": "mismatch"}


def test_the_revision_of_the_first_download_is_kept(tmp_path: Path, hub: Hub) -> None:
    settings = settings_for(tmp_path, whisper_model="owner/tiny")
    directory = resolve("whisper", settings, gpu=False).path
    assert json.loads((directory / "manifest.json").read_text())["revision"] == COMMIT
    assert hub.revisions == {"main", COMMIT}
    hub.revisions.clear()
    (directory / "model.bin").write_bytes(b"damaged")
    assert resolve("whisper", settings, gpu=False).note is None
    assert hub.revisions == {COMMIT}


def test_a_commit_may_be_named(tmp_path: Path, hub: Hub) -> None:
    commit = "f" * 40
    resolved = resolve("whisper", settings_for(tmp_path, whisper_model=f"owner/tiny@{commit}"), gpu=False)
    assert (resolved.name, resolved.note) == (f"owner/tiny@{commit}", None)
    assert hub.revisions == {commit}


def test_known_repositories_have_a_revision() -> None:
    without = {model.name for model in MODELS.values() if model.hub and not model.revision}
    # None could be confirmed.
    assert without == {"distil-large-v3.5", "emotion2vec_plus_large", "BAAI/bge-m3", "intfloat/multilingual-e5-base"}
    assert all(len(model.revision) == 40 for model in MODELS.values() if model.revision)


def test_changed_pickle_of_the_hub_is_not_loaded(tmp_path: Path) -> None:
    """Also where its size is the same."""
    model = MODELS["emotion2vec_plus_large"]
    directory = tmp_path / model.name
    directory.mkdir()
    (directory / "model.pt").write_bytes(b"weights")
    manifest.write(directory, model, "a test", COMMIT)
    settings = settings_for(tmp_path, offline_mode=True, emotion_model=model.name)
    assert resolve("emotion", settings, gpu=False).path == directory
    (directory / "model.pt").write_bytes(b"Weights")
    with pytest.raises(WeightsError, match=r"emotion2vec_plus_large cannot be had"):
        resolve("emotion", settings, gpu=False)


def test_repository_of_another_kind_is_refused(models_path: Path, hub: Hub) -> None:
    resolved = resolve("diarization", settings_for(models_path, diarization_model="owner/tiny"), gpu=False)
    assert resolved.name == "community-1-embedded"
    assert "has no config.yaml" in (resolved.note or "")
    assert not (models_path / "owner--tiny").exists()
    shutil.rmtree(models_path / ".unfinished" / "owner--tiny")


def test_damaged_pickle_is_not_loaded(models_path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "community-1-embedded"
    shutil.copytree(models_path / copy.name, copy)
    settings = settings_for(tmp_path, offline_mode=True)
    assert resolve("diarization", settings, gpu=False).path == copy
    for name in ("segmentation", "embedding"):
        pickle = copy / name / "pytorch_model.bin"
        content = bytearray(pickle.read_bytes())
        content[1000] ^= 1
        pickle.write_bytes(content)
        with pytest.raises(WeightsError):
            resolve("diarization", settings, gpu=False)
        states = {row.path: row.state for row in resolver.listing(settings, gpu=False) if row.role == "diarization"}
        assert [path for path, state in states.items() if state != "ok"] == [pickle]
        content[1000] ^= 1
        pickle.write_bytes(content)


def test_truncated_file_is_fetched_again(models_path: Path, tmp_path: Path) -> None:
    for name in ("community-1-embedded", "wespeaker-resnet34"):
        shutil.copytree(models_path / name, tmp_path / name)
    damaged = tmp_path / "community-1-embedded" / "plda" / "plda.npz"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    resolve("diarization", settings_for(tmp_path), gpu=False)
    assert {row.state for row in resolver.listing(settings_for(tmp_path), gpu=False) if row.role == "diarization"} == {"ok"}


def _resolve_in_a_process(path: Path, endpoint: str, queue: "Queue[str | None]") -> None:
    import os

    os.environ["HF_ENDPOINT"] = endpoint
    queue.put(resolve("whisper", settings_for(path, whisper_model="owner/tiny"), gpu=False).note)


def test_two_processes_download_once(tmp_path: Path, hub: Hub) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_resolve_in_a_process, args=(tmp_path, hub.url, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    assert [queue.get(timeout=600) for _ in processes] == [None, None]
    for process in processes:
        process.join(timeout=600)
    assert sorted(hub.sent) == ["config.json", "model.bin", "vocabulary.txt"]


def test_listing_knows_what_is_missing(tmp_path: Path) -> None:
    rows = resolver.listing(settings_for(tmp_path), gpu=True)
    assert {row.state for row in rows} == {"missing"}
    assert {row.model for row in rows} == {
        "large-v3",
        "pyannote/speaker-diarization-community-1",
        "wespeaker-resnet34",
        "emotion2vec_plus_large",
        "multilingual-e5-small",
    }
    assert list(tmp_path.iterdir()) == []
