"""Who may do what: roles, and the principal that a request acts for."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a principal may do. Each role includes the ones before it."""

    READER = "reader"
    """Read, search and export."""
    WRITER = "writer"
    """Process, stream, identify and correct."""
    ADMIN = "admin"
    """Delete, erase, restore, and change settings, keys and people."""

    def includes(self, other: "Role") -> bool:
        order = list(Role)
        return order.index(self) >= order.index(other)


class Visibility(StrEnum):
    """Who sees a conversation beside its owner and the administrators."""

    PRIVATE = "private"
    SHARED = "shared"
    """The people it is shared with."""
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Principal:
    """What a request acts for: a person, an API key, or a client of this machine that needs neither."""

    name: str
    """As the audit log has it: `person:7`, `key:3` or `local`. Never a person's name."""
    role: Role
    person_id: int | None = None
    """The person who logged in or who owns the key; the owner of new conversations."""
    key_id: int | None = None

    @property
    def sees_everything(self) -> bool:
        return self.role is Role.ADMIN


LOCAL = Principal("local", Role.ADMIN)
"""A client on this machine, where no key or login is required."""

ANONYMOUS = Principal("anonymous", Role.READER)
"""A client that has no credential yet, where it needs none: to log in."""
