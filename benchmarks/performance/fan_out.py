"""How the pipeline divides one recording among replicas, without Ray: `python -m benchmarks.performance.fan_out`.

The stages sleep as those of `benchmarks.performance.scaling` do, in one process and with the same times
(`tests.support.cluster.sleeping`). Time is simulated: the clock goes forward to the next sleep that ends, so the load of the
machine changes nothing, and an hour takes seconds. So the table shows what the order of the calls allows. `scaling` adds Serve,
Ray's transport, and the processes; the last column is the processor time of the pipeline itself, which the clock leaves out.
"""

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import numpy as np
import typer

from benchmarks.harness.command import run
from deployments.stages.transcriber import BATCH_WAIT_S, GPU_BATCH_SIZE
from pipeline.decoding import PLAIN, Decoding
from pipeline.process import Options, process
from pipeline.stages import Stages
from pipeline.types import Diarization, Emotion, Observation, Span, SpeakerHint, Turn, Utterance, Voiceprint
from tests.support.cluster.sleeping import CLUSTER, EMBED, EMOTION, OBSERVE, PASS_S, WINDOW_PASS_S, WINDOW_S, words_of
from vivavoce.printing import table

VECTOR = np.ones(4, np.float32)
TURN_S = 10.0
REPLICAS = (1, 4, 16, 32, 64)
EMBEDDED_S = 60.0
"""Seconds of a voice that are embedded at most."""


class _Clock(selectors.SelectSelector):
    """Does not wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("All tasks wait for each other.")
        self.now += timeout
        return super().select(0)


class SimulatedTime(asyncio.SelectorEventLoop):
    """An event loop in which sleeping takes no time."""

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


class Pool:
    """Replicas with one call at a time; a call goes to the one with the fewest."""

    def __init__(self, count: int) -> None:
        self.turns = [asyncio.Lock() for _ in range(count)]
        self.calls = [0] * count

    async def work(self, seconds: float) -> None:
        replica = self.calls.index(min(self.calls))
        self.calls[replica] += 1
        try:
            async with self.turns[replica]:
                await asyncio.sleep(seconds)
        finally:
            self.calls[replica] -= 1


class Transcribers(Pool):
    """What waits on a replica forms the next batch."""

    def __init__(self, count: int, seconds: float) -> None:
        super().__init__(count)
        self.seconds = seconds
        self.waiting: list[list[asyncio.Future[None]]] = [[] for _ in range(count)]

    async def find_speech(self, audio: str) -> Sequence[Span]:
        return [Span(start, start + WINDOW_S) for start in np.arange(0.0, self.seconds, WINDOW_S).tolist()]

    async def hotwords_read(self, decoding: Decoding) -> Sequence[str]:
        return []

    async def detect_language(self, audio: str, window: Span, decoding: Decoding = PLAIN) -> str:
        await self.work(WINDOW_PASS_S)
        return "en"

    async def transcribe(
        self, audio: str, window: Span, language: str | None, decoding: Decoding = PLAIN
    ) -> Sequence[Utterance]:
        replica = self.calls.index(min(self.calls))
        self.calls[replica] += 1
        done = asyncio.get_running_loop().create_future()
        self.waiting[replica].append(done)
        await asyncio.sleep(BATCH_WAIT_S)
        async with self.turns[replica]:
            if not done.done():
                batch = self.waiting[replica][:GPU_BATCH_SIZE]
                del self.waiting[replica][:GPU_BATCH_SIZE]
                await asyncio.sleep(PASS_S + WINDOW_PASS_S * len(batch))
                for one in batch:
                    one.set_result(None)
        self.calls[replica] -= 1
        return [Utterance(tuple(words_of(window)), -0.2, "en")]


class Diarizers(Pool):
    def __init__(self, count: int, seconds: float, clustering: float) -> None:
        super().__init__(count)
        self.seconds = seconds
        self.clustering = clustering

    async def observe(self, audio: str, shard: Span, progress: Callable[[float], Awaitable[None]]) -> Observation:
        await self.work(shard.duration * OBSERVE)
        return Observation(np.ones((1, 1, 1), np.uint8), np.ones((1, 1, 4), np.float32))

    async def cluster(self, observations: Sequence[Observation], hint: SpeakerHint) -> Diarization:
        await self.work(self.clustering)
        turns = tuple(Turn(TURN_S * i, TURN_S * (i + 1), "AB"[i % 2]) for i in range(round(self.seconds / TURN_S)))
        return Diarization(turns, turns, {label: Voiceprint(VECTOR, "simulated") for label in "AB"})


class Embedders(Pool):
    async def embed(self, audio: str, spans: Sequence[Span], known: Voiceprint | None = None) -> Voiceprint:
        if known is not None:
            return known
        await self.work(min(EMBEDDED_S, sum(span.duration for span in spans)) * EMBED)
        return Voiceprint(VECTOR, "simulated")

    async def embed_each(self, audio: str, spans: Sequence[Span]) -> Sequence[Voiceprint | None]:
        await self.work(sum(span.duration for span in spans) * EMBED)
        return [Voiceprint(VECTOR, "simulated") for _ in spans]


class EmotionRecognizers(Pool):
    async def recognize(self, audio: str, spans: Sequence[Span]) -> Sequence[Emotion]:
        await self.work(sum(span.duration for span in spans) * EMOTION)
        return [Emotion("neutral", 0.5, {}, VECTOR, "simulated") for _ in spans]


def one_recording(replicas: int, seconds: float, clustering: float) -> float:
    """Simulated seconds that it takes with so many replicas of every stage."""
    with asyncio.Runner(loop_factory=SimulatedTime) as runner:
        return runner.run(_one_recording(replicas, seconds, clustering))


async def _one_recording(replicas: int, seconds: float, clustering: float) -> float:

    async def ignore(_stage: str, _fraction: float) -> None: ...

    transcribers, diarizers = Transcribers(replicas, seconds), Diarizers(replicas, seconds, clustering)
    stages = Stages(transcribers, diarizers, Embedders(replicas), EmotionRecognizers(replicas))
    await process("a reference", seconds, stages, Options(filter_hallucinations=False), ignore)
    return asyncio.get_running_loop().time()


def main(
    minutes: Annotated[float, typer.Option(help="Length of the recording.")] = 60.0,
    clustering: Annotated[float, typer.Option(help="Seconds that clustering takes for each of audio.")] = CLUSTER,
) -> None:
    seconds, rows, alone = 60 * minutes, [], 0.0
    for count in REPLICAS:
        began = time.process_time()
        took = one_recording(count, seconds, clustering * seconds)
        processor = time.process_time() - began
        alone = alone or took
        ideal = alone / count
        rows.append((f"{count}", f"{took:.2f} s", f"{ideal:.2f} s", f"{ideal / took:.0%}", f"{processor:.2f} s"))
    print(table(("of every stage", f"{minutes:.0f} minutes", "ideal", "of ideal", "pipeline"), rows))


if __name__ == "__main__":
    run(main)
