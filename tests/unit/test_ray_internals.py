"""Internals of Ray Serve that `deployments` uses beyond its documentation. A new minor release may change them."""

import dataclasses
import inspect
from contextvars import ContextVar
from importlib.metadata import version

import pytest
from ray._private import ray_constants, services
from ray._private.authentication import authentication_constants
from ray.serve import context
from ray.serve._private import replica
from ray.serve.handle import _DeploymentHandleBase
from ray.serve.request_router import FIFOMixin, MultiplexMixin, PendingRequest, ReplicaID, RequestRouter, RunningReplica

from deployments.ray_environment import LOOPBACK_NODE
from vivavoce.sign_in import COOKIE


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
    assert "_get_pending_request_matching_multiplexed_model_id" in vars(MultiplexMixin)  # called by FIFOMixin
    assert isinstance(RunningReplica.multiplexed_model_ids, property)


def test_a_handle_names_its_deployment() -> None:
    """deployments/stage_status.py compares it with the names in Serve's status."""
    assert "self.deployment_id" in inspect.getsource(_DeploymentHandleBase.__init__)


def test_a_replica_binds_its_port_by_a_function_that_can_be_replaced() -> None:
    """deployments/loopback.py replaces it, after the constructor of the deployment and before this call."""
    assert 'self._internal_grpc_port = add_port_to_grpc_server(self._server, "[::]:0")' in inspect.getsource(replica)


def test_the_loopback_address_is_a_nodes_own_only_without_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """deployments/ray_environment.py sets the variable."""
    assert ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR == LOOPBACK_NODE
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
    assert services.resolve_ip_for_localhost("127.0.0.1") in ("127.0.0.1", "::1")


def test_the_cookie_of_the_dashboard() -> None:
    assert authentication_constants.AUTHENTICATION_TOKEN_COOKIE_NAME == COOKIE
