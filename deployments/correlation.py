"""The request id in the logs of all replicas, also for work that outlives its request.

Serve reads the id from the header `X-Request-ID`, or generates one, returns it, and passes it from replica to replica.
"""

from contextvars import Context, ContextVar
from dataclasses import replace
from typing import Any

from ray.serve import context


def request_id() -> str:
    """The id of the current request; empty outside of a request."""
    return str(context._get_serve_request_context().request_id)


def detached(id_: str = "") -> Context:
    """A context for work that no client's connection owns; its logs carry the id.

    Ray and Serve cancel tasks that were started in a request's own context when the client disconnects.
    """
    # Serve's manual documents this variable as the way to set the request id.
    variable: ContextVar[Any] = context._serve_request_context
    request = replace(context._get_serve_request_context(), request_id=id_, _internal_request_id="")
    work = Context()
    work.run(variable.set, replace(request, cancel_on_parent_request_cancel=False))
    return work
