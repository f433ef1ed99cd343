"""Requests of commands to a running application."""

from collections.abc import Mapping
from typing import Any

import httpx

from settings import uses_proxy


class RemoteError(RuntimeError):
    """Nothing answers, or the application refuses; the message is a sentence that gives the reason."""


def get(address: str, headers: Mapping[str, str], path: str, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """The answer of the application at `address`. Raises RemoteError."""
    return _request(address, "GET", path, headers, timeout_s, params=params)


def post(address: str, headers: Mapping[str, str], path: str, body: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """The answer of the application at `address`. Raises RemoteError."""
    return _request(address, "POST", path, headers, timeout_s, json=body)


def _request(
    address: str, method: str, path: str, headers: Mapping[str, str], timeout_s: float, **content: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        url = f"{address.rstrip('/')}/api/v1{path}"
        with httpx.Client(headers=headers, timeout=timeout_s, trust_env=uses_proxy(address)) as client:
            answer = client.request(method, url, **content)  # type: ignore[arg-type]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RemoteError(
            f"nothing answers at {address} ({error}): start it with `vivavoce serve`, or say where it is with --url."
        ) from error
    return read(answer, address)


def read(answer: httpx.Response, address: str) -> dict[str, Any]:
    """The object in an answer of the application at `address`. Raises RemoteError where it refuses."""
    try:
        found: Any = answer.json()
        if answer.is_success and isinstance(found, dict):
            return found
        detail = found["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"{address} answered {answer.status_code}, as no Vivavoce does: say where it is with --url."
    raise RemoteError(detail if isinstance(detail, str) else "; ".join(fault["msg"] for fault in detail))
