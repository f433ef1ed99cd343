"""Which addresses a URL of a client may lead to."""

from ipaddress import IPv4Address, ip_address

import pytest

from services.public_addresses import is_public, of_this_machine

METADATA = (
    *("169.254.169.254", "169.254.170.2", "169.254.0.23", "192.0.0.192", "168.63.129.16", "100.100.100.200"),
    *("fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe"),
)
"""Where an instance gets its credentials: AWS, ECS, Tencent, Oracle, Azure, Alibaba; AWS, Google, Scaleway, OpenStack."""


@pytest.mark.parametrize("address", METADATA)
def test_metadata_of_clouds(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
        *("192.0.0.9", "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1"),
        *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
        "255.255.255.255",
    ],
)
def test_special_addresses(address: str) -> None:
    inner = f"{int(IPv4Address(address)):08x}"
    low = f"{inner[:4]}:{inner[4:]}"
    assert not is_public(ip_address(address))
    for form in (
        *(f"::ffff:{low}", f"64:ff9b::{low}", f"64:ff9b:1::{low}", f"::{low}", f"::ffff:0:{low}", f"2002:{low}::"),
        *(f"2600::5efe:{low}", f"2600::200:5efe:{low}", f"fe80::5efe:{low}", f"2001:0:{low}::"),
    ):
        assert not is_public(ip_address(form)), form


@pytest.mark.parametrize(
    "address",
    [
        *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fdff::1", "ff02::1", "ff0e::1", "100::1", "100:0:0:1::1", "5f00::1"),
        *("2001::1", "2001:1::1", "2001:2::1", "2001:3::1", "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1"),
        *("2001:db8::1", "2002:808:808::", "2620:4f:8000::1", "3fff::1", "3fff:fff::1", "4000::1", "e000::1"),
    ],
)
def test_special_ipv6_addresses(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1", "126.255.255.255", "128.0.0.1"),
        *("168.63.129.15", "168.63.129.17", "169.253.255.255", "172.15.255.255", "172.32.0.1", "192.0.1.1", "198.17.255.255"),
        *("198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2400:cb00::1", "2001:200::1", "2001:4860::8888"),
        *("::ffff:8.8.8.8", "64:ff9b::808:808", "2600::5efe:808:808"),
    ],
)
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


def test_the_python_library_knows_no_private_network_that_is_missing() -> None:
    """Its lists grow with the registries."""
    for number in range(1, 1 << 32, 1 << 17):
        address = IPv4Address(number)
        if address.is_private or address.is_reserved or address.is_multicast:
            assert not is_public(address), address


def test_the_addresses_of_this_machine_are_known() -> None:
    assert ip_address("127.0.0.1") in of_this_machine()
