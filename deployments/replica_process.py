"""What the process of every replica needs, beside what it does."""

from deployments.logs import redact_logs
from deployments.loopback import bind_replica
from media import malloc


def prepare() -> None:
    """Keep the replica's port and logs private, and its memory small. Call it on the replica, before anything else."""
    bind_replica()
    redact_logs()
    malloc.bound_arenas()
