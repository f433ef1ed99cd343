"""Internals of Ray Serve that `deployments` uses beyond its documentation. A new minor release may change them."""

import dataclasses
import inspect
from contextvars import ContextVar
from importlib.metadata import version

from ray.serve import context
from ray.serve.handle import _DeploymentHandleBase
from ray.serve.request_router import FIFOMixin, PendingRequest, ReplicaID, RequestRouter


def test_the_release_is_the_one_that_was_checked() -> None:
    assert version("ray").startswith("2.60."), "Check deployments/, then move the bound in pyproject.toml and this test."


def test_the_request_context() -> None:
    """deployments/correlation.py reads and replaces it."""
    assert isinstance(context._serve_request_context, ContextVar)
    fields = {field.name for field in dataclasses.fields(context._get_serve_request_context())}
    assert {"request_id", "_internal_request_id", "cancel_on_parent_request_cancel"} <= fields


def test_the_request_router() -> None:
    """deployments/routing.py replaces the choice of a replica."""
    assert list(inspect.signature(RequestRouter.choose_replicas).parameters) == [
        "self",
        "candidate_replicas",
        "pending_request",
    ]
    for name in ("initialize_state", "on_send_request", "on_new_queue_len_info", "replica_queue_len_cache"):
        assert hasattr(RequestRouter, name), name
    assert "routing_context" in {field.name for field in dataclasses.fields(PendingRequest)}
    routing_context = next(field for field in dataclasses.fields(PendingRequest) if field.name == "routing_context")
    assert hasattr(routing_context.default_factory(), "should_backoff")  # type: ignore[operator]
    assert "_fulfill_next_pending_request" in vars(FIFOMixin)
    assert dataclasses.is_dataclass(ReplicaID)


def test_a_handle_names_its_deployment() -> None:
    """deployments/stage_status.py compares it with the names in Serve's status."""
    assert "self.deployment_id" in inspect.getsource(_DeploymentHandleBase.__init__)
