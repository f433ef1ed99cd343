"""Which IP addresses belong to the public internet.

Python's `is_global` is not used: it differs between versions, and it counts anycast addresses of the local network as global.
The networks are those of IANA's registries of 2026 (iana-ipv4-special-registry, iana-ipv6-special-registry), including the ones
that are routed globally: relays and name servers hold no recordings. A NAT64 prefix of an operator's own cannot be recognised.
"""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import psutil

Address = IPv4Address | IPv6Address

SPECIAL_V4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a provider's customers; Alibaba's metadata are at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata are at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "168.63.129.16/32",  # Azure's wire server, which gives secrets to virtual machines
    )
]
UNICAST = IPv6Network("2000::/3")
"""The IPv6 addresses that IANA allocates. The others are special: local, or with an IPv4 address in them."""
SPECIAL_V6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments; Teredo tunnels: these addresses contain an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 tunnels: these addresses contain an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
MAPPED, NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")
"""Another form of the IPv4 address in the last 32 bits."""
ISATAP_MASK, ISATAP = 0xFDFF_FFFF << 32, 0x0000_5EFE << 32
"""The first half of the interface identifier of a tunnel to the IPv4 address in the second half (RFC 5214, 6.1)."""


def is_public(address: Address) -> bool:
    """Whether the address, and an IPv4 address within it, belong to the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in SPECIAL_V4)
    inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in MAPPED or address in NAT64:
        return is_public(inner)
    if int(address) & ISATAP_MASK == ISATAP and not is_public(inner):
        return False
    return address in UNICAST and not any(address in network for network in SPECIAL_V6)


def of_this_machine() -> set[Address]:
    """The addresses of this machine's interfaces: a public one also leads to ports that a firewall closes to others."""
    found = (entry.address.partition("%")[0] for entries in psutil.net_if_addrs().values() for entry in entries)
    return {address for text in found if (address := _parsed(text)) is not None}


def _parsed(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:  # the hardware address of an interface
        return None
