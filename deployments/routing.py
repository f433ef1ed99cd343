"""Which replica of a stage is asked: the one that has least to do.

Serve's own rule takes two replicas by chance and of these the one with less to do. A recording sends sixteen shards, or all
batches of its lines, in one instant; then two by chance are often the same as a moment ago, and one that was not asked for ten
seconds loses against one whose calls are known, however many they are. Four of sixteen diarizers got eighteen of the thirty
shards of an hour.
"""

import random
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from ray.serve.request_router import FIFOMixin, PendingRequest, ReplicaID, RequestRouter, RunningReplica

MOMENT = 1.0
"""Seconds after which a call that Serve does not count for the replica it was given to was never sent."""


class LeastLoaded(FIFOMixin, RequestRouter):
    """All replicas in the order of the calls they have, as far as this caller knows; of equals any."""

    def initialize_state(self, **_kwargs: Any) -> None:
        self._given: deque[tuple[float, ReplicaID]] = deque()
        """Calls that Serve does not count yet: when a replica was chosen for each, and which."""

    async def choose_replicas(
        self, candidate_replicas: Sequence[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """One after the other, for the first may have no room."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True  # where none has any: without it Serve asks without a pause
        now = time.monotonic()
        while self._given and self._given[0][0] < now - MOMENT:
            self._given.popleft()
        given = Counter(replica for _, replica in self._given)

        def load(replica: RunningReplica) -> int:
            return (self.replica_queue_len_cache.get(replica.replica_id) or 0) + given[replica.replica_id]

        ranked = sorted(random.sample(candidate_replicas, len(candidate_replicas)), key=load)
        for first in ranked[:1]:
            self._given.append((now, first.replica_id))
            if self.replica_queue_len_cache.get(first.replica_id) is None:
                # Without this, Serve asks it first, for at most 0.1 s, and takes another where a busy machine answers later. It
                # says with the call what it has, and that it has no room.
                self.on_new_queue_len_info(first.replica_id, 0)
        return [[replica] for replica in ranked]

    def on_send_request(self, replica_id: ReplicaID) -> None:
        """From here on Serve counts it."""
        super().on_send_request(replica_id)
        if found := next((call for call in self._given if call[1] == replica_id), None):
            self._given.remove(found)


ROUTING = {"request_router_class": LeastLoaded}
"""A deployment's `request_router_config`."""
