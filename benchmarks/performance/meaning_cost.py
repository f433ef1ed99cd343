"""The CPU time that embedding the segments of a recording takes, beside that of processing it.

    python -m benchmarks.performance.meaning_cost FILE

Both run in this process with the default models, on the segments that processing finds, in batches as the application
embeds them. CPU seconds of all threads, without those of loading the models.
"""

import asyncio
import time
from pathlib import Path

from benchmarks.harness.command import run
from engines import in_process
from media.decoding import decode
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE
from services.search.indexer import BATCH
from settings import Settings


async def _ignore(_stage: str, _fraction: float) -> None: ...


async def measure(path: Path) -> None:
    settings = Settings()
    stages, embedder = in_process.load(settings), in_process.load_text_embedder(settings)
    await embedder.embed_passages(["."])
    start = time.process_time()
    samples = decode(path, max_duration=settings.max_duration_hours * 3600)
    transcript = await process(samples, len(samples) / SAMPLE_RATE, stages, Options(), _ignore)
    processed = time.process_time() - start
    texts = [segment.text for segment in transcript.segments if segment.text.strip()]
    start = time.process_time()
    for first in range(0, len(texts), BATCH):
        await embedder.embed_passages(texts[first : first + BATCH])
    embedded = time.process_time() - start
    print(
        f"{path.name}: {len(samples) / SAMPLE_RATE:.0f} s, {len(texts)} segments; processing {processed:.1f} s of CPU time, "
        f"embedding {embedded:.2f} s: {embedded / processed:.1%}"
    )


def main(file: Path) -> None:
    asyncio.run(measure(file))


if __name__ == "__main__":
    run(main)
