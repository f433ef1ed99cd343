"""The audio store in S3, with the packages of the extra `cluster` and a server of this machine."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import numpy as np
import pytest
import s3fs
from fsspec.registry import _registry

from media import recording
from media.content import FileContent, WavContent
from media.encoding import wav_bytes
from pipeline.types import SAMPLE_RATE, Span
from storage.audio import DERIVED, READ_BYTES, AudioStore
from storage.audio_errors import AudioStoreError
from tests.support.aws import aws, create_bucket
from tests.support.ports import free_port

BUCKET = "recordings"
CONTENT = np.random.default_rng(17).bytes(5 * READ_BYTES)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with aws() as address:
        create_bucket(BUCKET)
        yield address


@pytest.fixture
def store(s3: str) -> AudioStore:
    return AudioStore(f"s3://{BUCKET}/of/a/cluster")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my talk.flac"
    path.write_bytes(CONTENT)
    return path


def kept() -> set[str]:
    return {entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())}


async def test_a_recording_and_its_forms_are_kept_read_and_deleted(store: AudioStore, file: Path) -> None:
    key = await store.put(file, ".flac")
    for suffix in DERIVED:
        assert not await store.exists(store.derived(key, suffix))
        await store.put_derived(file, key, suffix)
    assert kept() == {f"of/a/cluster/{key}"} | {f"of/a/cluster/{store.derived(key, suffix)}" for suffix in DERIVED}
    async with store.local_path(key) as path:
        assert path.read_bytes() == CONTENT
    await store.delete(key)
    await store.delete(key)
    assert kept() == set()
    with pytest.raises(FileNotFoundError, match="no longer in the audio store"):
        async with store.local_path(key):
            pass
    with pytest.raises(FileNotFoundError):
        await store.open(key)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each part that is fetched."""
    sizes: list[int] = []
    fetch = s3fs.core._fetch_range  # every read of a file goes through it

    def counted(*args: object, **options: object) -> bytes:
        data: bytes = fetch(*args, **options)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(s3fs.core, "_fetch_range", counted)
    return sizes


async def test_a_part_is_read_without_the_rest(store: AudioStore, file: Path, fetched: list[int]) -> None:
    key = await store.put(file, ".mp3")
    content = FileContent(await store.open(key))
    assert content.size == len(CONTENT)
    start = len(CONTENT) // 2
    read = await asyncio.to_thread(lambda: b"".join(content.read(start, start + 1000)))
    assert read == CONTENT[start : start + 1000]
    assert 1000 <= sum(fetched) <= READ_BYTES + 1000
    content.close()


async def test_a_segment_is_read_without_the_rest(store: AudioStore, tmp_path: Path, fetched: list[int]) -> None:
    sound = (0.3 * np.random.default_rng(4).standard_normal(SAMPLE_RATE * 900)).astype(np.float32)
    path = tmp_path / "long.flac"
    await asyncio.to_thread(recording.write, path, sound)
    with await store.open(await store.put(path, ".flac")) as file:
        found = await asyncio.to_thread(recording.read, file, Span(800, 805))
    assert np.array_equal(found, recording.read(path, Span(800, 805)))
    assert sum(fetched) < path.stat().st_size / 2


async def test_a_flac_is_served_as_wav_from_any_place(store: AudioStore, tmp_path: Path) -> None:
    sound = (0.3 * np.random.default_rng(3).standard_normal(SAMPLE_RATE * 100)).astype(np.float32)
    await asyncio.to_thread(recording.write, tmp_path / "kept.flac", sound)
    key = await store.put(tmp_path / "kept.flac", ".flac")
    content = await asyncio.to_thread(WavContent, await store.open(key))
    whole = wav_bytes(recording.read(tmp_path / "kept.flac"))
    for start, end in ((0, 100), (1_500_001, 1_500_077), (len(whole) - 9, len(whole))):
        assert await asyncio.to_thread(lambda part: b"".join(content.read(*part)), (start, end)) == whole[start:end]
    content.close()


async def test_a_bucket_that_is_missing_is_said(s3: str, file: Path) -> None:
    with pytest.raises(AudioStoreError, match="create the bucket that AUDIO_URL names, or correct AUDIO_URL"):
        await AudioStore("s3://another/prefix").put(file, ".flac")


@pytest.fixture
def anew() -> Iterator[None]:
    """Stores that are opened in the test read the environment, and no test after it uses them."""
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


KEY = "0" * 32 + ".flac"


async def check_refusals(file: Path, message: str) -> None:
    store = AudioStore(f"s3://{BUCKET}/x")
    for call in (store.put(file, ".flac"), store.exists(KEY), store.open(KEY), store.delete(KEY)):
        with pytest.raises(AudioStoreError, match=message):
            await call


@pytest.mark.usefixtures("s3", "anew")
async def test_a_server_that_does_not_answer_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    await check_refusals(file, "check AUDIO_URL, AWS_ENDPOINT_URL and the network")


def check_keys(address: str, after: str) -> None:
    """Have the server look at the keys of requests after so many."""
    httpx.post(f"{address}/moto-api/reset-auth", content=after, timeout=120).raise_for_status()


@pytest.mark.usefixtures("anew")
async def test_credentials_without_rights_are_said(s3: str, file: Path) -> None:
    """The server knows no key of that name once it looks at them."""
    check_keys(s3, "0")
    try:
        await check_refusals(file, "the machine's role, list, read, write and delete there")
    finally:
        check_keys(s3, "inf")


@pytest.mark.usefixtures("s3", "anew")
async def test_missing_credentials_are_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    await check_refusals(file, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role")


def test_without_its_package_the_store_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(_registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ValueError, match=r"pip install 'vivavoce\[cluster\]'"):
        AudioStore("s3://recordings/prefix")
