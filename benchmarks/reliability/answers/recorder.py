"""Send HTTP requests, record requests and responses, and count the requested routes."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import pairwise
from time import monotonic, sleep
from typing import Any

import httpx

from benchmarks.reliability.answers.normalise import Json, Normaliser

PREFIX = "/api/v1"
TIMEOUT_S = 600.0
"""Of one request. The slowest waits for a transcript of 30 s of speech, on a machine that may be busy with other work."""
POLL_INTERVAL_S = 0.2
HEADERS = (
    *("content-type", "content-disposition", "content-range", "accept-ranges", "cache-control", "location", "retry-after"),
    *("allow", "vary", "access-control-allow-origin", "access-control-allow-methods"),
)
"""The headers that clients rely on; some of the others differ between runs (`date`, `x-request-id`)."""

Files = Iterable[tuple[str, tuple[str, bytes]]]


class Recorder:
    """The exchanges with one server, in order.

    A route is given as in the published schema, with the values of its parameters as keywords. Requests and answers are kept
    normalised; `varying` names the fields of an answer that depend on how far running work is.
    """

    def __init__(self, address: str, normaliser: Normaliser) -> None:
        self.address = address
        self.exchanges: list[dict[str, Json]] = []
        self.statuses: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        """By method and route."""
        self.tools: set[str] = set()
        """MCP tools that answered without an error."""
        self.messages: set[str] = set()
        """Types of WebSocket messages that came."""
        self._http = httpx.Client(base_url=address, timeout=TIMEOUT_S, trust_env=False)
        self._normalised = normaliser

    def keep(self, name: str, request: Json, answer: Json, varying: Collection[str] = ()) -> None:
        """Add an exchange of whatever protocol."""
        normalised = self._normalised.json
        self.exchanges.append({"name": name, "request": normalised(request), "answer": normalised(answer, varying)})

    def call(
        self,
        method: str,
        route: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Files | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        varying: Collection[str] = (),
        **values: object,
    ) -> httpx.Response:
        """Send a request, and record the exchange; routes without a leading slash lie below `PREFIX`."""
        route = route if route.startswith("/") else f"{PREFIX}/{route}"
        sent = None if files is None else list(files)
        answer = self._http.request(
            method,
            route.format_map(values),
            params=params,
            json=json,
            data=form,
            files=sent,
            content=content,
            headers=headers,
        )
        self.statuses[method, route].add(answer.status_code)
        asked = {
            "values": {name: value if isinstance(value, (int, str)) else str(value) for name, value in values.items()},
            "params": params,
            "json": json,
            "form": form,
            "files": None if sent is None else [f"{field}: {file}, {len(data)} bytes" for field, (file, data) in sent],
            "content": None if content is None else content[:80].decode(errors="replace"),
            "headers": headers,
        }
        kept = {name: self._normalised.text(answer.headers[name]) for name in HEADERS if name in answer.headers}
        self.exchanges.append(
            {
                "name": f"{method} {route}",
                "request": self._normalised.json({name: value for name, value in asked.items() if value is not None}),
                "answer": {
                    "status": answer.status_code,
                    "headers": dict(kept),
                    "body": self._normalised.body(answer.content, answer.headers.get("content-type", ""), varying),
                },
            }
        )
        return answer

    def ok(self, method: str, route: str, **how: Any) -> Any:
        """The JSON of an answer that the following requests need; raises where it is an error."""
        return self.call(method, route, **how).raise_for_status().json()

    def events(self, route: str, **values: object) -> None:
        """Read server-sent events to their end. How many come depends on when they are looked at: the last is kept, with what
        all have in common."""
        route = f"{PREFIX}/{route}"
        names, data = set[str](), list[dict[str, Any]]()
        with self._http.stream("GET", route.format_map(values)) as answer:
            self.statuses["GET", route].add(answer.status_code)
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    names.add(value)
                elif field == "data":
                    data.append(json.loads(value))
        self.keep(
            f"EVENTS {route}",
            {"values": {name: str(value) for name, value in values.items()}},
            {
                "status": answer.status_code,
                "content-type": answer.headers["content-type"],
                "names": [*sorted(names)],
                "fields": [*sorted({name for event in data for name in event})],
                "progress falls": any(one["progress"] > other["progress"] for one, other in pairwise(data)),
                "only one": len(data) == 1,
                "last": data[-1],
            },
        )

    def look(self, path: str) -> Any:
        """JSON that is not recorded, for values that the following requests need."""
        return self._http.get(f"{PREFIX}/{path}").raise_for_status().json()

    def until(self, path: str, reached: Callable[[Any], bool]) -> Any:
        """Poll; return the first response for which `reached` is true. Raises TimeoutError."""
        deadline = monotonic() + TIMEOUT_S
        while not reached(found := self.look(path)):
            if monotonic() > deadline:
                raise TimeoutError(f"{path} after {TIMEOUT_S:.0f} s: {found}")
            sleep(POLL_INTERVAL_S)
        return found

    def finished(self, job: int) -> None:
        """Wait for a job."""
        self.until(f"jobs/{job}", lambda found: found["finished_at"] is not None)

    def conversation(self, title: str) -> int:
        """The id of the oldest conversation with this in its title."""
        page = self.look("conversations?limit=1000")["conversations"]
        return min(int(one["id"]) for one in page if title in one["title"])

    def segments(self, conversation: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.look(f"conversations/{conversation}")["segments"]
        return found

    def speaker(self, name: str) -> int:
        """The id of a speaker."""
        return next(int(one["id"]) for one in self.look("speakers") if one["name"] == name)

    def close(self) -> None:
        self._http.close()
