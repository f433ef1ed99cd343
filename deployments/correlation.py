"""The request's id in the logs of all replicas, also for work that outlives its request.

Serve takes the id from the header `X-Request-ID`, or makes one, answers with it, and hands it from replica to replica.
"""

from contextvars import Context, ContextVar
from dataclasses import replace
from typing import Any

from ray.serve import context


def detached() -> Context:
    """A context for work that goes on when the client of this request hangs up; its logs bear the request's id still.

    When a request is cancelled, Ray cancels what was begun within its context, and Serve all calls that bear its internal id.
    """
    # Serve has no other way to a request's id, and its manual names this one.
    variable: ContextVar[Any] = context._serve_request_context
    request = context._get_serve_request_context()
    work = Context()
    work.run(variable.set, replace(request, _internal_request_id="", cancel_on_parent_request_cancel=False))
    return work
