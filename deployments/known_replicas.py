"""How many replicas of each deployment this process knows.

Serve pickles the class of a router with the variables of its module, so that routers cannot be registered in a variable of that
module; it does not pickle this one.
"""

from collections.abc import Mapping
from typing import Any, Protocol
from weakref import WeakValueDictionary

from ray.serve._private.common import DeploymentID


class Router(Protocol):
    @property
    def curr_replicas(self) -> Mapping[Any, Any]: ...


_ROUTERS: WeakValueDictionary[DeploymentID, Router] = WeakValueDictionary()
"""The router of this process for each deployment that it calls."""


def register(deployment: DeploymentID, router: Router) -> None:
    _ROUTERS[deployment] = router


def count(deployment: DeploymentID) -> int:
    """Without the replicas that a call found dead; 0 where this process has not called the deployment."""
    router = _ROUTERS.get(deployment)
    return len(router.curr_replicas) if router is not None else 0
