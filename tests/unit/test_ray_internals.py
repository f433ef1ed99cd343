"""Internals of Ray Serve that `deployments` uses beyond its documentation. A new minor release may change them."""

import dataclasses
import inspect
from contextvars import ContextVar
from functools import cached_property
from importlib.metadata import version

import pytest
from ray._private import ray_constants, services, state
from ray._private.authentication import authentication_constants
from ray.serve import context, metrics
from ray.serve._private import autoscaling_state, constants, replica
from ray.serve.config import AutoscalingContext
from ray.serve.handle import _DeploymentHandleBase
from ray.serve.request_router import FIFOMixin, MultiplexMixin, PendingRequest, ReplicaID, RequestRouter, RunningReplica
from ray.serve.schema import ServeApplicationSchema

from deployments.ray_environment import LOOPBACK_NODE
from vivavoce.access.sign_in import COOKIE


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
    for name in ("initialize_state", "on_send_request", "on_new_queue_len_info", "replica_queue_len_cache", "curr_replicas"):
        assert hasattr(RequestRouter, name), name
    assert "self._deployment_id = deployment_id" in inspect.getsource(RequestRouter.__init__)
    assert "self._replicas.pop(replica_id" in inspect.getsource(RequestRouter.on_replica_actor_died)
    assert "routing_context" in {field.name for field in dataclasses.fields(PendingRequest)}
    routing_context = next(field for field in dataclasses.fields(PendingRequest) if field.name == "routing_context")
    assert hasattr(routing_context.default_factory(), "should_backoff")  # type: ignore[operator]
    assert "_fulfill_next_pending_request" in vars(FIFOMixin)
    assert dataclasses.is_dataclass(ReplicaID)
    assert "_get_pending_request_matching_multiplexed_model_id" in vars(MultiplexMixin)  # called by FIFOMixin
    assert isinstance(RunningReplica.multiplexed_model_ids, property)


def test_a_handle_names_its_deployment() -> None:
    """deployments/stage_status.py compares its name with Serve's status; deployments/known_replicas.py knows routers by it."""
    assert "self.deployment_id" in inspect.getsource(_DeploymentHandleBase.__init__)


def test_a_counter_can_be_exported_before_its_first_increment() -> None:
    """deployments/metrics.py does so; test_cluster.py reads the result."""
    assert list(inspect.signature(metrics.Counter._record).parameters) == ["self", "value", "tags"]


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


def test_a_policy_for_all_deployments_gets_what_replicas_report() -> None:
    """deployments/scaling/policy.py is one, in the configuration of a cluster."""
    assert "autoscaling_policy" in ServeApplicationSchema.model_fields
    assert "_apply_app_level_autoscaling_config" in inspect.getsource(autoscaling_state.ApplicationAutoscalingState.register)
    assert '"record_autoscaling_stats"' in inspect.getsource(replica.UserCallableWrapper)
    assert isinstance(AutoscalingContext.raw_metrics, cached_property)
    assert "metrics_interval_s" in inspect.getsource(replica.ReplicaMetricsManager.start_metrics_pusher)
    assert callable(state.available_resources_per_node)
    assert callable(state.state.get_draining_nodes)


def test_replicas_are_packed_where_the_environment_of_the_controller_says_so() -> None:
    """docs/operations.md and deploy/ name the variable."""
    assert '"RAY_SERVE_USE_PACK_SCHEDULING_STRATEGY"' in inspect.getsource(constants)
