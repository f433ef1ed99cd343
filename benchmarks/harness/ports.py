"""Ports of this machine for servers that are about to start."""

import socket
from contextlib import suppress
from random import SystemRandom

PORTS = range(20_000, 32_768)
"""Above those of Ray's workers (10,002 to 19,999), and below those that a system gives to connections and to who binds to
port 0 (Linux from 32,768 on, others from 49,152): one of these that was found free can be another's before the server starts.
"""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that nobody gets who has not asked for it."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several such, all different."""
    found: list[int] = []
    for port in SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"There are no {count} free ports from {PORTS.start} to {PORTS.stop - 1}.")
