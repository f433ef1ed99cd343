"""Record the responses of a program to a fixed set of requests, and compare two recordings.

python -m benchmarks.reliability.answers record FILE [--program PATH | --url URL] [--data DIRECTORY]
python -m benchmarks.reliability.answers compare BEFORE AFTER [--without-prose]

`record` starts `vivavoce serve` with an empty archive, later again with other settings, and sends a fixed list of requests:
every route of /openapi.json with input that is right and wrong, live conversations over the WebSocket, every MCP tool, resource
and prompt. It fails where a route, a tool or a type of message was left out. With `--url` it takes a running server, which must
have an empty archive and the settings `scene.SETTINGS`, and does not start it again. It takes about four minutes.

`normalise` lists the values that differ between runs and are replaced, `live` the parts of a live conversation that are not
recorded, and `compare.TOLERANCE` the allowed difference of numbers. The statuses 500, 503 and 507, failures of the server, are
not provoked. Measured times, logs and the order of fields in JSON are not compared.

`compare` prints a unified diff of each exchange that differs, and exits with 1 where there is one. With `--without-prose` the
published schemas are compared without descriptions, titles, and names of components.
"""

import argparse
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness.application import open_directory
from benchmarks.reliability.answers import agent, ending, live, people, probes, program, recordings
from benchmarks.reliability.answers.compare import differences
from benchmarks.reliability.answers.normalise import Normaliser
from benchmarks.reliability.answers.recorder import Recorder
from benchmarks.reliability.answers.scene import SETTINGS, Scene, load
from tests.support.ports import free_port

ACTS = (
    *(recordings.empty_archive, recordings.voice_settings, people.enroll, recordings.process, people.state),
    *(recordings.conversations, recordings.evaluation, people.identify, people.speakers, people.emotions, people.profiles),
    *(recordings.jobs, people.state, live.live, agent.agent, probes.probes, ending.deletions),
)
UNDOCUMENTED = (500, 502, 503, 507)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    record_ = commands.add_parser("record", help="record answers")
    record_.add_argument("file", type=Path)
    record_.add_argument("--program", type=Path, default=Path(sys.executable).with_name("vivavoce"), help="what to start")
    record_.add_argument("--url", help="a server that runs")
    record_.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder of recordings")
    compare = commands.add_parser("compare", help="compare two recordings")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.add_argument("--without-prose", action="store_true", help="leave descriptions and names out of published schemas")
    asked = parser.parse_args()
    if asked.command == "record":
        sys.exit(record(asked.file, asked.program, asked.url, load(asked.data)))
    found = False
    for line in differences(asked.before, asked.after, without_prose=asked.without_prose):
        print(line)
        found = True
    sys.exit(found)


def record(file: Path, path: Path, url: str | None, files: dict[str, bytes]) -> int:
    """Write the file; returns the exit status: 1 where something was left out."""
    with ExitStack() as stack:
        directory, server = stack.enter_context(open_directory()), stack.enter_context(program.FileServer(files))
        port = free_port()
        address = (url or f"http://127.0.0.1:{port}").rstrip("/")
        normaliser = Normaliser({server.host: "<files>", address.partition("://")[2]: "<server>"})
        recorder = Recorder(address, normaliser)
        stack.callback(recorder.close)
        stack.callback(lambda: file.write_text(json.dumps(recorder.exchanges, indent=1, ensure_ascii=False) + "\n"))
        scene = Scene(recorder, files, server, path.absolute())
        with ExitStack() as running:
            if url is None:
                running.enter_context(program.running(path, directory, port, SETTINGS))
            for act in ACTS:
                start = time.monotonic()
                act(scene)
                print(f"{act.__module__.rpartition('.')[2]}.{act.__name__}: {time.monotonic() - start:.1f} s", file=sys.stderr)
        if url is None:
            with program.running(path, directory, port, {"CPU_THREADS": SETTINGS["CPU_THREADS"]}):
                ending.restart(scene, directory / "data")
    return report(recorder)


def report(recorder: Recorder) -> int:
    """Print the requests that were sent, and the routes, tools and message types that were left out."""
    answers = {exchange["name"]: exchange["answer"] for exchange in recorder.exchanges}
    schema, tools = answers["GET /openapi.json"], answers["MCP tools/list"]
    assert isinstance(schema, dict)
    assert isinstance(tools, dict)
    operations = {
        (method.upper(), route): {int(status) for status in operation["responses"]}
        for route, methods in schema["body"]["paths"].items()
        for method, operation in methods.items()
    }
    missed = [f"{method} {route}" for method, route in operations if min(recorder.statuses[method, route], default=500) >= 400]
    missed += [f"MCP tool {tool['name']}" for tool in tools["tools"] if tool["name"] not in recorder.tools]
    missed += [f"WebSocket message {kind}" for kind in sorted(live.TYPES - recorder.messages)]
    for asked, statuses in operations.items():
        if unseen := sorted(statuses - recorder.statuses[asked] - set(UNDOCUMENTED)):
            print(f"{' '.join(asked)}: documented, but not seen: {', '.join(map(str, unseen))}", file=sys.stderr)
    print(
        f"{len(recorder.exchanges)} exchanges, {len(operations)} routes, {len(recorder.tools)} tools, "
        f"{len(recorder.messages)} types of messages"
    )
    for one in missed:
        print(f"left out, or never answered without an error: {one}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    main()
