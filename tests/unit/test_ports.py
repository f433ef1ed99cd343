"""Ports that the tests find free are given once."""

from tests.support import ports


def test_no_port_is_given_twice_before_a_server_listens_there() -> None:
    found = [*ports.free_ports(20), *(ports.free_port() for _ in range(20))]
    assert len(set(found)) == 40


def test_processes_of_a_run_share_no_port() -> None:
    shares = [set(ports.ports_of(f"gw{number}")) for number in range(4)]
    assert len(set.union(*shares)) == sum(map(len, shares)) > 2000
