"""Access: people, API keys, sessions, tickets, limits, shares, and the audit log."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, all_or_none

ROLES = ("reader", "writer", "admin")
_ROLE = f"role IN {ROLES}"


class Person(Base):
    """An account. It logs in with a password, with OpenID Connect, or both."""

    __tablename__ = "people"
    __table_args__ = (
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint(_ROLE, name="role"),
        all_or_none("oidc", "oidc_issuer", "oidc_subject"),
        UniqueConstraint("oidc_issuer", "oidc_subject"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    """The name to log in with."""
    role: Mapped[str]
    password_hash: Mapped[str | None]
    oidc_issuer: Mapped[str | None]
    oidc_subject: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class ApiKey(Base):
    """A key for programs. Only its hash is stored; it has 256 random bits, so that a fast hash is enough."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("name <> ''", name="name"), CheckConstraint(_ROLE, name="role"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]
    """The first characters of the key, by which its holder recognises it."""
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the key."""
    role: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LoginSession(Base):
    """A login in a browser, which holds the token in a cookie."""

    __tablename__ = "login_sessions"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of the cookie's token."""
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Ticket(Base):
    """A secret that is valid once and for a short time: to open a WebSocket from a browser, or to make the first account."""

    __tablename__ = "tickets"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of the ticket."""
    purpose: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    key_id: Mapped[int | None] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Usage(Base):
    """What a principal has used of a limited resource in a period. All ingress replicas count in this table."""

    __tablename__ = "usage"

    principal: Mapped[str] = mapped_column(primary_key=True)
    resource: Mapped[str] = mapped_column(primary_key=True)
    period_start: Mapped[datetime] = mapped_column(primary_key=True)
    amount: Mapped[float] = mapped_column(server_default=text("0"))


class ConversationShare(Base):
    """A person who sees a conversation of another owner."""

    __tablename__ = "conversation_shares"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True)


class AuditEntry(Base):
    """Who did what. Entries are only added: a trigger refuses to change or delete them. They hold no texts and no names."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    principal: Mapped[str]
    action: Mapped[str]
    """Such as `speaker.rename`."""
    object: Mapped[str | None]
    """Such as `speaker:12`."""
    request_id: Mapped[str | None]
    address: Mapped[str | None]
    """Of the client."""
    outcome: Mapped[str]
