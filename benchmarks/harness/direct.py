"""The same pipeline and engines in one process, without Ray, HTTP or a database: the baseline of the graph.

python -m benchmarks.direct FILE TIMES prints the seconds of each run.
"""

import asyncio
import sys
import time
from pathlib import Path

from engines import in_process
from media.decoding import decode
from pipeline.process import Options, process
from pipeline.types import SAMPLE_RATE
from settings import Settings


async def _ignore(_stage: str, _fraction: float) -> None: ...


def main(path: Path, times: int) -> None:
    settings = Settings()
    stages = in_process.load(settings)
    for _ in range(times):
        start = time.perf_counter()
        samples = decode(path, max_duration=settings.max_duration_hours * 3600)
        asyncio.run(process(samples, len(samples) / SAMPLE_RATE, stages, Options(), _ignore))
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
