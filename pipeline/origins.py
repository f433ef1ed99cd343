"""Hosts and origins of web pages, as browsers send them in the headers `Host` and `Origin`."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Self

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65_535
MAX_CHARACTERS = 300
"""A host name has at most 253."""

_AUTHORITY = re.compile(r"(?:([a-z0-9_.-]+)|\[([0-9a-f:.]+)\])(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


@dataclass(frozen=True)
class Authority:
    """A host and a port. `host` is a name in small letters, or an IP address in its shortest form without brackets."""

    host: str
    port: int | None
    is_address: bool

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse `host`, `host:port` or `[address]:port`; None for everything else, also with a user or a path.

        A final dot is dropped: it makes the same name absolute.
        """
        parts = _AUTHORITY.fullmatch(text.lower()) if len(text) <= MAX_CHARACTERS and text.isascii() else None
        if parts is None:
            return None
        name, ipv6, digits = parts.groups()
        port = None if digits is None else int(digits)
        if port is not None and port > MAX_PORT:
            return None
        try:
            if ipv6 is not None:
                return cls(str(IPv6Address(ipv6)), port, True)
            name = name.removesuffix(".")
            labels = name.split(".")
            if _NUMBER.fullmatch(labels[-1]):  # only an address ends so: https://url.spec.whatwg.org/#ends-in-a-number-checker
                return cls(str(IPv4Address(name)), port, True)
        except ValueError:
            return None
        return cls(name, port, False) if all(map(_LABEL.fullmatch, labels)) else None


@dataclass(frozen=True)
class Origin:
    """The scheme, host and port of a web page."""

    scheme: str
    authority: Authority

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse `scheme://host:port`; None for everything else, such as `null` or a URL with a path."""
        scheme, separator, rest = text.partition("://")
        scheme = scheme.lower()
        authority = Authority.parse(rest) if separator and scheme.isascii() and _SCHEME.fullmatch(scheme) else None
        if authority is None:
            return None
        if authority.port == DEFAULT_PORTS.get(scheme):
            authority = Authority(authority.host, None, authority.is_address)
        return cls(scheme, authority)

    def is_served_by(self, host: Authority) -> bool:
        """Whether a page of this origin came from the server at `host`, by HTTP or, through a proxy, by HTTPS."""
        default = DEFAULT_PORTS.get(self.scheme)
        return (
            default is not None
            and self.authority.host == host.host
            and (self.authority.port or default) == (host.port or default)
        )

    def __str__(self) -> str:
        """As browsers write it."""
        host, port = self.authority.host, self.authority.port
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}{'' if port is None else f':{port}'}"
