"""Replace the values of a response that differ between runs of the same program.

| in an answer | becomes |
|---|---|
| a moment, such as `2026-01-31T12:00:00.5` | `<time>`, with its offset where it has one |
| a segment's `start_time` and `end_time` within its conversation | `<start + 7.004 s>` |
| `20260131_120000`, also with microseconds and a suffix, in file names | `<stamp>` |
| a UUID | `<uuid 1>`, numbered by first occurrence |
| 32 hexadecimal digits: the generated name of a recording | `<key 1>`, likewise |
| the addresses of the server and of the recorder's own file server | `<server>`, `<files>` |
| a number | rounded to 6 digits; the comparison allows `TOLERANCE` |
| fields that the caller names, such as the progress of running work | `<varies>` |
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | float | bool | None"

DIGITS = 6
TIME = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
STAMP = re.compile(r"(?<!\d)\d{8}_\d{6}(?:_\d{6})?(?:_[0-9a-f]{8})?(?![0-9a-f])")
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
KEY = re.compile(r"\b[0-9a-f]{32}\b")
VARIES = "<varies>"


class Normaliser:
    """Numbers the values that it replaces, hence one instance for each recording."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._numbers: dict[str, dict[str, int]] = {"uuid": {}, "key": {}}

    def text(self, text: str) -> str:
        for address, name in self._addresses.items():
            text = text.replace(address, name)
        text = TIME.sub(lambda found: f"<time{found[1].replace('T', '')}{found[2] or ''}>", text)
        text = STAMP.sub("<stamp>", text)
        return KEY.sub(self._numbered("key"), UUID.sub(self._numbered("uuid"), text))

    def json(self, value: Json, varying: Collection[str] = (), start: datetime | None = None) -> Json:
        """The value with everything replaced; `start` is when the conversation began of which it is a part."""
        if isinstance(value, float):
            return round(value, DIGITS) + 0.0  # -0.0 becomes 0.0
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item, varying, start) for item in value]
        if not isinstance(value, Mapping):
            return value
        found: dict[str, Json] = {}
        outer, start = start, _start_of_conversation(value) or start
        since = {"start_time": outer, "end_time": start}
        for name, item in value.items():
            if name in varying:
                found[self.text(name)] = VARIES
            elif (origin := since.get(name)) is not None and isinstance(item, str):
                found[name] = f"<start + {(datetime.fromisoformat(item) - origin).total_seconds():.3f} s>"
            else:
                found[self.text(name)] = self.json(item, varying, start)
        return found

    def body(self, content: bytes, media_type: str, varying: Collection[str] = ()) -> Json:
        """The content of a response: JSON, lines of a text, the members of a ZIP archive, or size and hash of other bytes."""
        kind = media_type.partition(";")[0]
        if not content:
            return None
        if kind == "application/json" or kind.endswith("+json"):
            return self.json(json.loads(content), varying)
        if kind == "application/zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return {self.text(name): self.body(archive.read(name), "application/json") for name in archive.namelist()}
        if kind.startswith("text/") or kind == "application/x-subrip":
            return [*self.text(content.decode()).splitlines(keepends=True)]
        return {"bytes": len(content), "sha256": sha256(content).hexdigest()}

    def _numbered(self, kind: str) -> Callable[[re.Match[str]], str]:
        numbers = self._numbers[kind]
        return lambda found: f"<{kind} {numbers.setdefault(found[0], len(numbers) + 1)}>"


def _start_of_conversation(value: Mapping[str, Any]) -> datetime | None:
    is_conversation = isinstance(value.get("start_time"), str) and "duration" in value and "start_offset" not in value
    return datetime.fromisoformat(value["start_time"]) if is_conversation else None
