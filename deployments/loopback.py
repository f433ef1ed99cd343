"""Keep the ports of a replica on this machine where the rest of Ray is on this machine, too."""

from typing import Any

import ray
from ray._common import network_utils
from ray._common.tls_utils import add_port_to_grpc_server
from ray.serve._private import replica


def bind_replica() -> None:
    """Bind the port for calls from other replicas to the loopback address if this node has no other; call it on the replica.

    Serve binds it to all interfaces after the deployment's own constructor has run, and has no setting for the address.
    """
    node = ray.util.get_node_ip_address()
    if not network_utils.is_localhost(node):  # type: ignore[attr-defined]
        return

    def add_port(server: Any, _address: str) -> int:
        return int(add_port_to_grpc_server(server, network_utils.build_address(node, 0)))  # type: ignore[attr-defined]

    replica.add_port_to_grpc_server = add_port  # type: ignore[attr-defined]
