"""Free ports of this machine for servers that are about to start."""

import socket
from contextlib import suppress
from random import SystemRandom

PORTS = range(20_000, 32_768)
"""Above the ports of Ray's workers (10,002 to 19,999) and below the ephemeral ports (Linux from 32,768 on, others from 49,152),
which a system assigns to connections and to programs that bind to port 0. An ephemeral port that was found free can be taken
before the server starts.
"""


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Several different free ports."""
    found: list[int] = []
    for port in SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"There are no {count} free ports from {PORTS.start} to {PORTS.stop - 1}.")
