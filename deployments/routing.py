"""Route each call to the replica with the fewest calls; for a model that is not every replica's, of those that have loaded it.

Serve's default, power of two choices, picks two replicas at random and takes the less loaded one. A recording sends sixteen
shards, or all batches of its segments, at the same instant; then the same replicas are picked again, and a replica with an
unknown queue length (older than ten seconds) loses against one with a known length, however long. Measured with the default:
four of sixteen diarizers got eighteen of the thirty shards of an hour.
"""

import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from ray.serve.request_router import FIFOMixin, MultiplexMixin, PendingRequest, ReplicaID, RequestRouter, RunningReplica

SEND_TIMEOUT_S = 1.0
"""A call that Serve does not count for its replica after this time was never sent."""


class LeastLoaded(FIFOMixin, MultiplexMixin, RequestRouter):
    """Ranks all replicas by their calls, as far as this caller knows; ties are random.

    Those that have loaded the model of the call come first; the others load it when these are full.
    """

    def initialize_state(self, **_kwargs: Any) -> None:
        from deployments import known_replicas  # where the router works, and not where Serve only unpickles this class

        known_replicas.register(self._deployment_id, self)
        self._given: deque[tuple[float, ReplicaID]] = deque()
        """Calls that Serve does not count yet: time of the choice, and the replica."""

    async def choose_replicas(
        self, candidate_replicas: Sequence[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Each replica is a group of its own, so that Serve tries the next one if the first is full."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True  # without it Serve polls full replicas in a busy loop
        now = time.monotonic()
        while self._given and self._given[0][0] < now - SEND_TIMEOUT_S:
            self._given.popleft()
        given = Counter(replica for _, replica in self._given)

        model = pending_request.metadata.multiplexed_model_id if pending_request is not None else ""

        def rank(replica: RunningReplica) -> tuple[bool, int]:
            calls = (self.replica_queue_len_cache.get(replica.replica_id) or 0) + given[replica.replica_id]
            return bool(model) and model not in replica.multiplexed_model_ids, calls

        ranked = sorted(random.sample(candidate_replicas, len(candidate_replicas)), key=rank)
        for first in ranked[:1]:
            self._given.append((now, first.replica_id))
            if self.replica_queue_len_cache.get(first.replica_id) is None:
                # Otherwise Serve probes the replica first, for at most 0.1 s, and takes another one if a busy machine answers
                # later. The replica reports its queue length, or that it is full, with the call itself.
                self.on_new_queue_len_info(first.replica_id, 0)
        return [[replica] for replica in ranked]

    def on_send_request(self, replica_id: ReplicaID) -> None:
        """Serve counts the call from now on."""
        super().on_send_request(replica_id)
        if found := next((call for call in self._given if call[1] == replica_id), None):
            self._given.remove(found)


ROUTING = {"request_router_class": LeastLoaded}
"""A deployment's `request_router_config`."""
