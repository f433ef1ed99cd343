"""The choice of a replica, with replicas that only have what it depends on."""

from collections import deque
from types import SimpleNamespace
from typing import Any

from ray import cloudpickle
from ray.serve._private.common import DeploymentID

from deployments import known_replicas, routing
from deployments.routing import LeastLoaded

CALLS = {"idle": 0, "busy": 3, "loaded": 2, "loaded and busy": 5}
"""Of each replica."""
MODEL = "large-v3"


async def ranked(model: str) -> list[str]:
    router: Any = LeastLoaded.__new__(LeastLoaded)
    router._given = deque()
    router._replica_queue_len_cache = SimpleNamespace(get=CALLS.__getitem__)
    loaded = {name: {MODEL} if "loaded" in name else set() for name in CALLS}
    replicas = [SimpleNamespace(replica_id=name, multiplexed_model_ids=models) for name, models in loaded.items()]
    request = SimpleNamespace(
        routing_context=SimpleNamespace(should_backoff=False), metadata=SimpleNamespace(multiplexed_model_id=model)
    )
    chosen = await router.choose_replicas(replicas, request)
    assert request.routing_context.should_backoff
    return [replica.replica_id for (replica,) in chosen]


async def test_the_least_loaded_replica_comes_first() -> None:
    assert await ranked("") == ["idle", "loaded", "busy", "loaded and busy"]


async def test_replicas_that_have_loaded_the_model_come_first() -> None:
    assert await ranked(MODEL) == ["loaded", "loaded and busy", "idle", "busy"]
    assert await ranked("small") == ["idle", "loaded", "busy", "loaded and busy"]


def test_serve_can_pickle_the_class_with_its_module() -> None:
    """The variables of the module that its methods use go with it."""
    cloudpickle.register_pickle_by_value(routing)
    try:
        assert cloudpickle.loads(cloudpickle.dumps(LeastLoaded)).__name__ == "LeastLoaded"
    finally:
        cloudpickle.unregister_pickle_by_value(routing)


async def test_a_router_makes_its_replicas_known() -> None:
    deployment = DeploymentID(name="Diarizer", app_name="vivavoce")
    router: Any = LeastLoaded.__new__(LeastLoaded)
    router._deployment_id, router._replicas = deployment, {"a": 1, "b": 2}
    assert known_replicas.count(deployment) == 0
    router.initialize_state()
    assert known_replicas.count(deployment) == 2
    router._replicas.pop("a")
    assert known_replicas.count(deployment) == 1
