"""Answer range requests and conditional requests for audio (RFC 9110, 13 and 14).

Starlette's FileResponse needs a file, and a recording is stored as FLAC and served as WAV. It also knows no `If-None-Match`,
and answers 400 to a unit other than bytes, which RFC 9110 wants ignored.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from api import schemas
from media.content import BytesContent, Content

BYTES = re.compile(r"bytes\s*=\s*([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)
"""One range. Several are answered with the whole, which RFC 9110 allows, as is a header that is not understood."""
OPAQUE = re.compile(r'"[^"]*"')
NOT_MODIFIED, PARTIAL, UNSATISFIABLE = 304, 206, 416


@dataclass(frozen=True, slots=True)
class Sound:
    content: Content
    media_type: str
    filename: str
    etag: str
    """Without quotes; another one for other bytes."""


def responses(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI."""
    content: dict[str, dict[str, str]] = {media_type: {} for media_type in media_types}
    return {
        200: {"content": content, "description": "The whole sound."},
        206: {"content": content, "description": "The part of it that `Range` asks for."},
        304: {"description": "`If-None-Match` names the sound as it is."},
        416: {"model": schemas.Error, "description": "`Range` begins after the end."},
    }


def of_bytes(data: bytes, media_type: str, filename: str) -> Sound:
    return Sound(BytesContent(data), media_type, filename, hashlib.sha256(data).hexdigest()[:32])


def answer(request: Request, sound: Sound) -> Response:
    """The response to a GET or HEAD. Closes the content in the end."""
    content, tag = sound.content, f'"{sound.etag}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Cache-Control": "no-cache, no-store",
        "Content-Disposition": f'inline; filename="{sound.filename}"',
    }
    if is_known(request, tag):
        content.close()
        return Response(status_code=NOT_MODIFIED, headers=headers)
    asked = _range(request, content.size, tag)
    if asked is None:
        status, start, end = 200, 0, content.size
    elif asked.start >= asked.stop:
        content.close()
        headers |= {"Content-Range": f"bytes */{content.size}"}
        raise HTTPException(UNSATISFIABLE, f"The sound has {content.size} bytes: ask for some of these.", headers)
    else:
        status, start, end = PARTIAL, asked.start, asked.stop
        headers |= {"Content-Range": f"bytes {start}-{end - 1}/{content.size}"}
    headers |= {"Content-Length": str(end - start)}
    if request.method == "HEAD":
        content.close()
        return Response(status_code=status, headers=headers, media_type=sound.media_type)
    return StreamingResponse(_read(content, start, end), status, headers, sound.media_type)


def _read(content: Content, start: int, end: int) -> Iterator[bytes]:
    try:
        yield from content.read(start, end)
    finally:
        content.close()


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has what `tag`, in quotes, stands for."""
    header = request.headers.get("if-none-match", "")
    return header.strip() == "*" or tag in OPAQUE.findall(header)


def _range(request: Request, size: int, tag: str) -> range | None:
    """The requested bytes; None for all, an empty range where there are no such bytes."""
    found = BYTES.fullmatch(request.headers.get("range", "").strip())
    if request.method != "GET" or found is None or request.headers.get("if-range", tag) != tag:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1 if last else size, size))
