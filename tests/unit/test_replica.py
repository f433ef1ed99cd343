"""Replicas with failing models, tested without a cluster."""

import asyncio
import inspect
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray import serve

from deployments.metrics import Call, StageMetrics, reason
from deployments.stages.diarizer import Diarizer
from deployments.stages.embedder import SpeakerEmbedder
from deployments.stages.emotion import EmotionRecognizer
from deployments.stages.fair_scheduler import FairScheduler
from deployments.stages.replica import MAX_CONSECUTIVE_FAILURES, Replica
from deployments.stages.transcriber import Transcriber
from deployments.stages.workload import Workload
from engines.weights.resolver import Resolved, WeightsError
from engines.whisper.transcription import Window
from pipeline.decoding import Decoding
from pipeline.faults import DeviceError, StageError
from pipeline.types import NO_HINT, SAMPLE_RATE, Diarization, Observation, Span, SpeakerHint, Utterance, Word
from settings import Settings
from tests.support.serve_log import serve_log

IT = Call("it", "It")


def replica(cls: type[Replica] = Replica) -> Any:
    """A replica without weights, which take seconds to load and are not needed here."""
    made = cls.__new__(cls)
    made.device, made.settings, made._failures = "cpu", Settings(), 0
    made.weights, made._inference_thread = Resolved("whisper-base", Path("/nowhere")), ThreadPoolExecutor(1)
    made.metrics, made._scheduler, made._cpu_threads = RecordedMetrics(), FairScheduler(), ThreadPoolExecutor(2)
    made.workload = Workload()
    return made


class RecordedMetrics(StageMetrics):
    """Metrics that record their calls in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []
        self.waited: list[float] = []
        self.reasons: list[str] = []

    def done(self, call: Call, wait: float, inference: float) -> None:
        assert inference >= 0
        self.calls.append((call.name, call.audio))
        self.waited.append(wait)

    def failed(self, call: Call, error: Exception) -> None:
        self.reasons.append(f"{call.name}: {reason(error)}")


def fails(message: str = "out of memory") -> Callable[[], None]:
    def function() -> None:
        raise ValueError(message)

    return function


async def test_a_failure_names_the_stage_the_input_and_the_reason() -> None:
    with pytest.raises(StageError, match=r"^Diarizing 12 s failed with whisper-base on cpu: out of memory$"):
        await replica().run(Call("observe", "Diarizing 12 s"), fails())


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("too short"), StageError), (RuntimeError("CUDA error"), DeviceError), (OSError(), DeviceError)],
)
async def test_a_failure_says_whether_it_would_recur(error: Exception, kind: type[StageError]) -> None:
    def function() -> None:
        raise error

    with pytest.raises(StageError) as raised:
        await replica().run(IT, function)
    assert type(raised.value) is kind


async def test_failures_in_a_row_make_a_replica_unhealthy() -> None:
    stage = replica()
    for _ in range(MAX_CONSECUTIVE_FAILURES):
        stage.check_health()
        with pytest.raises(StageError):
            await stage.run(IT, fails())
    with pytest.raises(RuntimeError, match=f"{MAX_CONSECUTIVE_FAILURES} calls in a row failed"):
        stage.check_health()


async def test_a_success_between_failures_keeps_it_healthy() -> None:
    stage = replica()
    for _ in range(MAX_CONSECUTIVE_FAILURES):
        with pytest.raises(StageError):
            await stage.run(IT, fails())
        assert await stage.run(IT, lambda: 7) == 7
    stage.check_health()


async def test_a_running_model_does_not_block_the_event_loop() -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    thinking = asyncio.create_task(
        replica().run(IT, lambda: asyncio.run_coroutine_threadsafe(release.wait(), loop).result(600))
    )
    await asyncio.sleep(0)
    release.set()
    assert await thinking


@pytest.mark.parametrize(("device", "order"), [("cuda", ["beside", "model"]), ("cpu", ["model", "beside"])])
async def test_work_without_a_gpu_does_not_wait_for_the_model_on_one(device: str, order: list[str]) -> None:
    stage, release, done = replica(), threading.Event(), []
    stage.device = device

    def model() -> None:
        release.wait(600.0 if device == "cuda" else 0.2)
        done.append("model")

    def run_on_cpu() -> None:
        done.append("beside")
        release.set()

    await asyncio.gather(stage.run(IT, model), stage.run_on_cpu(IT, run_on_cpu))
    assert done == order
    assert len(stage.metrics.calls) == 2


async def test_a_failure_outside_of_the_model_is_reported_likewise() -> None:
    stage = replica()
    stage.device = "cuda"
    with pytest.raises(StageError, match=r"^Finding speech failed with whisper-base on cuda: out of memory$"):
        await stage.run_on_cpu(Call("find_speech", "Finding speech"), fails())
    assert stage._failures == 1


class FailingEngine:
    """An engine that fails on windows that begin at 13 s."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def transcribe(self, windows: Sequence[Window]) -> list[list[Utterance]]:
        self.batches.append(len(windows))
        if any(window.span.start == 13 for window in windows):
            raise ValueError("unlucky")
        return [
            [Utterance((Word(f" {w.span.start:.0f}{w.decoding.hotwords}", w.span.start, w.span.end, 1.0),), -0.1, "en")]
            for w in windows
        ]


@pytest.fixture
def transcriber() -> Any:
    made = replica(Transcriber)
    made.engine = FailingEngine()
    made._admission = FairScheduler(2)
    return made


def window(start: int) -> Window:
    return Window(np.zeros(20 * SAMPLE_RATE, np.float32), Span(start, start + 1.0), "en")


async def batched(transcriber: Any, starts: Sequence[int]) -> list[Any]:
    """The results of one batch, without the batching of Serve, which needs a replica."""
    unbatched: Any = Transcriber._batched
    answers: list[Any] = await unbatched.__wrapped__(transcriber, [window(start) for start in starts])
    return answers


async def test_windows_of_a_batch_share_a_pass_and_get_their_own_answers(transcriber: Any) -> None:
    answers = await batched(transcriber, [3, 1, 2])
    assert transcriber.metrics.calls == [("transcribe", 3.0)]
    assert [answer[0].words[0].text for answer in answers] == [" 3", " 1", " 2"]
    assert transcriber.engine.batches == [3]


async def test_windows_of_a_batch_keep_their_own_hot_words(transcriber: Any) -> None:
    unbatched: Any = Transcriber._batched
    windows = [
        replace(window(start), decoding=Decoding(hotwords=words)) for start, words in ((1, " Ann"), (2, ""), (3, " Bob"))
    ]
    answers = await unbatched.__wrapped__(transcriber, windows)
    assert [answer[0].words[0].text for answer in answers] == [" 1 Ann", " 2", " 3 Bob"]
    assert transcriber.engine.batches == [3]


async def test_calls_that_arrive_during_a_batch_form_the_next_one(transcriber: Any) -> None:
    """Serve would batch the calls of a short time over and over, since the windows of a recording come one by one."""
    at_work, through, admitted = threading.Event(), threading.Event(), 0
    hear = transcriber.engine.transcribe

    def slowly(windows: Sequence[Window]) -> list[list[Utterance]]:
        at_work.set()
        through.wait()
        return list(hear(windows))

    async def come() -> None:
        nonlocal admitted
        async with transcriber._admission.take():
            admitted += 1

    transcriber.engine.transcribe = slowly
    batch = asyncio.create_task(batched(transcriber, [1]))
    await asyncio.to_thread(at_work.wait)
    coming = [asyncio.create_task(come()) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert admitted == 0
    through.set()
    await batch
    await asyncio.gather(*coming)
    assert admitted == 2


async def test_a_bad_window_fails_alone(transcriber: Any) -> None:
    first, bad, last = await batched(transcriber, [12, 13, 14])
    assert [answer[0].words[0].text for answer in (first, last)] == [" 12", " 14"]
    assert isinstance(bad, StageError)
    assert "13.0 to 14.0 s" in str(bad)
    assert "unlucky" in str(bad)
    assert transcriber.metrics.calls == [("transcribe", 1.0)] * 2
    assert transcriber.metrics.reasons == ["transcribe: input"] * 2  # the batch, and the window that made it fail
    transcriber.check_health()


async def test_a_bad_window_that_is_alone_is_not_tried_again(transcriber: Any) -> None:
    (bad,) = await batched(transcriber, [13])
    assert isinstance(bad, StageError)
    assert transcriber.engine.batches == [1]


async def test_a_model_that_a_request_names_transcribes_and_is_named(transcriber: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve, which keeps the models, needs a replica."""
    other = FailingEngine()

    async def load(_: Transcriber, name: str) -> FailingEngine:
        if name == "missing":
            raise WeightsError("missing cannot be had: there is no network.")
        return other

    monkeypatch.setattr(Transcriber, "_other", load)
    monkeypatch.setattr(serve, "get_multiplexed_model_id", lambda: "large-v3")
    _, bad = await batched(transcriber, [12, 13])
    assert str(bad) == "Transcribing 13.0 to 14.0 s failed with large-v3 on cpu: unlucky"
    assert (other.batches, transcriber.engine.batches) == ([2, 1, 1], [])
    monkeypatch.setattr(serve, "get_multiplexed_model_id", lambda: "missing")
    for _ in range(MAX_CONSECUTIVE_FAILURES):
        answers = await batched(transcriber, [1, 2])
        assert len(answers) == 2
        assert {str(one) for one in answers} == {"missing cannot be loaded on cpu: missing cannot be had: there is no network."}
    transcriber.check_health()  # it has the others


async def test_wait_and_inference_are_measured_separately() -> None:
    stage = replica()
    await asyncio.gather(*(stage.run(IT, time.sleep, 0.1) for _ in range(3)))
    first, second, third = stage.metrics.waited
    assert first < second < third


@pytest.mark.parametrize("stage", [Transcriber, Diarizer, SpeakerEmbedder, EmotionRecognizer])
def test_a_stage_names_its_calls(stage: type[Replica]) -> None:
    """The counters of their failures exist before the first failure."""
    assert set(stage.CALLS) == set(re.findall(r'Call\("(\w+)"', inspect.getsource(sys.modules[stage.__module__])))


async def test_a_replica_logs_its_model_its_first_call_and_failures() -> None:
    stage = replica()
    stage._begun = time.monotonic()
    with serve_log() as lines:
        stage.log_loaded()
        for _ in range(3):
            await stage.run(Call("observe", "Diarizing 12 s"), lambda: None)
        with pytest.raises(StageError):
            await stage.run(Call("observe", "Diarizing 13 s"), fails())
    assert [re.sub(r"\d+\.\d+ s", "… s", line) for line in lines] == [
        "whisper-base is loaded on cpu after … s",
        "First call: Diarizing 12 s took … s, after a wait of … s",
        "Diarizing 13 s failed with whisper-base on cpu after … s (out_of_memory): out of memory",
    ]


async def test_a_failure_of_unknown_reason_is_logged_with_its_traceback() -> None:
    def function() -> None:
        raise KeyError("segments")

    with serve_log() as lines, pytest.raises(StageError):
        await replica().run(IT, function)
    (line,) = lines
    assert "(other)" in line
    assert "Traceback" in line


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (MemoryError(), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out_of_memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"), "out_of_memory"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "device"),
        (RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED"), "device"),
        (ValueError("too short"), "input"),
        (KeyError("x" * 1000), "other"),
    ],
)
def test_a_reason_is_one_of_a_few_words(error: Exception, word: str) -> None:
    assert reason(error) == word


class SlowDiarization:
    """An engine that blocks each observation until the event `let_go` is set."""

    def __init__(self) -> None:
        self.started, self.let_go = threading.Event(), threading.Event()

    def observe(self, audio: Any, shard: Span, progress: Callable[[float], None]) -> Observation:
        self.started.set()
        assert self.let_go.wait(600)
        return Observation(np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1, 1), np.float32))

    def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        return Diarization((), ())


async def test_the_clustering_of_an_urgent_sample_does_not_wait_for_a_shard_of_a_recording() -> None:
    stage = replica(Diarizer)
    stage.engine, stage._clustering = SlowDiarization(), threading.Lock()

    async def observe() -> list[Any]:
        return [found async for found in stage.observe(np.zeros(1, np.float32), Span(0.0, 120.0))]

    recording = asyncio.create_task(observe())
    await asyncio.to_thread(stage.engine.started.wait, 600)
    try:
        async with asyncio.timeout(600):
            assert await stage.cluster([], NO_HINT, urgent=True) == Diarization((), ())
        assert not recording.done()
    finally:
        stage.engine.let_go.set()
    assert len(await recording) == 1
