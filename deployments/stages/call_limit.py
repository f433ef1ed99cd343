"""Keep calls in the process that makes them until a replica can begin them soon.

Serve assigns a call to a replica when it is sent, and never again. A recording of an hour makes 120 calls at once: if all were
sent, they would stay in the queues of the replicas that there are, and those that start later would have nothing to do.
"""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from ray.serve._private.common import DeploymentID

from deployments import known_replicas
from deployments.stages.fair_scheduler import FairScheduler


class CallLimit:
    """At most `per_replica` calls of this process at a time for each replica of a deployment. Belongs to one event loop.

    The others wait, round-robin over recordings. The number of replicas is read with each call that begins or ends.
    """

    def __init__(self, deployment: DeploymentID, per_replica: int) -> None:
        self._deployment = deployment
        self._per_replica = per_replica
        self._scheduler = FairScheduler(per_replica)

    @asynccontextmanager
    async def take(self, recording_key: Hashable) -> AsyncIterator[None]:
        """Wait until the call may be sent; it has ended with the block."""
        self._resize()
        async with self._scheduler.take(recording_key=recording_key):
            try:
                yield
            finally:
                self._resize()

    def _resize(self) -> None:
        replicas = known_replicas.count(self._deployment)
        self._scheduler.resize(self._per_replica * max(1, replicas))  # the first call makes the replicas known
