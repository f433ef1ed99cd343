"""The request's id in the logs of all replicas, also for work that outlives its request.

Serve takes the id from the header `X-Request-ID`, or makes one, answers with it, and hands it from replica to replica.
"""

from contextvars import Context, ContextVar
from dataclasses import replace
from typing import Any

from ray.serve import context


def request_id() -> str:
    """Of the request that is being answered; empty where none is."""
    return str(context._get_serve_request_context().request_id)


def detached(id_: str = "") -> Context:
    """A context for work that belongs to no client's connection; its logs bear the id.

    What is begun within a request's own context ends with it: when a client hangs up, Ray and Serve cancel it.
    """
    # Serve has no other way to a request's id, and its manual names this one.
    variable: ContextVar[Any] = context._serve_request_context
    request = replace(context._get_serve_request_context(), request_id=id_, _internal_request_id="")
    work = Context()
    work.run(variable.set, replace(request, cancel_on_parent_request_cancel=False))
    return work
