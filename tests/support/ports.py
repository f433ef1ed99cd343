"""Free ports of this machine for servers that are about to start."""

import os
import socket
from collections import deque
from contextlib import suppress
from random import SystemRandom

PORTS = range(20_000, 32_768)
"""Above the ports of Ray's workers (10,002 to 19,999) and below the ephemeral ports (Linux from 32,768 on, others from 49,152),
which a system assigns to connections and to programs that bind to port 0. An ephemeral port that was found free can be taken
before the server starts.
"""
SHARES = 16
"""Into which they are divided among the processes of a run."""

_given: deque[int] = deque(maxlen=100)
"""By this process: their servers may not listen yet."""


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several different free ports."""
    found: list[int] = []
    own = ports_of(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
    for port in SystemRandom().sample(own, len(own)):
        if port in _given:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            _given.extend(found)
            return found
    raise OSError(f"There are no {count} free ports from {PORTS.start} to {PORTS.stop - 1}.")


def ports_of(worker: str) -> range:
    """The share of a process: two of them could find the same port free before the server of either listens there."""
    return PORTS[int(worker.removeprefix("gw")) % SHARES :: SHARES]
