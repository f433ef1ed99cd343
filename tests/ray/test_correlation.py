"""Work that continues after its request has ended, on a real Serve."""

from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.program import Program

pytestmark = pytest.mark.ray

RUN = """
import asyncio, sys, time
from contextvars import copy_context
from pathlib import Path
import httpx, ray
from ray import serve
from deployments.correlation import detached, request_id

directory = Path(sys.argv[2])

@serve.deployment
class Stage:
    async def work(self, name):
        (directory / f"{name} begun").touch()
        await asyncio.sleep(5)
        (directory / name).write_text(serve.context._get_serve_request_context().request_id)

@serve.deployment
class Front:
    def __init__(self, stage):
        self.stage = stage

    async def __call__(self, request):
        async def work(name):
            await self.stage.work.remote(name)

        self.tasks = [
            asyncio.create_task(work("detached"), context=detached(request_id())),
            asyncio.create_task(work("attached"), context=copy_context()),
        ]
        await asyncio.sleep(60)

async def until(names):
    deadline = time.monotonic() + 60
    while not names <= {file.name for file in directory.iterdir()} and time.monotonic() < deadline:
        await asyncio.sleep(0.1)

async def hang_up():
    async with httpx.AsyncClient(timeout=90) as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{sys.argv[1]}/", headers={"X-Request-ID": "mine"}))
        await until({"detached begun", "attached begun"})
        request.cancel()
    await until({"detached begun", "attached begun", "detached"})
    await asyncio.sleep(2)  # the other call began as early, and would be done by now

ray.init(address="local", num_cpus=2, include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False,
         logging_level="ERROR")
try:
    serve.start(proxy_location="HeadOnly", http_options={"port": int(sys.argv[1])})
    serve.run(Front.bind(Stage.bind()))
    asyncio.run(hang_up())
finally:
    serve.shutdown()
    ray.shutdown()
"""


def test_detached_work_goes_on_when_the_client_hangs_up_and_keeps_its_requests_id(open_directory: Path) -> None:
    written = open_directory / "written"
    written.mkdir()
    with Program(["python", "-W", "ignore", "-c", RUN, str(free_port()), written], open_directory) as program:
        assert program.process.wait(120) == 0, program.stderr[-3000:]
        found = {file.name: file.read_text() for file in written.iterdir()}
        assert found == {"detached begun": "", "attached begun": "", "detached": "mine"}
        assert program.left() == []
