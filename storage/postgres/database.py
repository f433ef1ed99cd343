"""The connection to PostgreSQL, its errors, and the migrations of its schema."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json
from sqlalchemy import URL, AdaptedConnection, Connection, Dialect, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from storage.postgres import compatibility, vectors

if TYPE_CHECKING:
    from alembic.config import Config

logger = logging.getLogger("ray.serve")
T = TypeVar("T")

RETRY_DELAY_S = 0.5
"""Delay between two attempts to reach a database that is down."""
POOL_SIZE = 5
"""Connections of a process, with as many more for a moment. The embedded server accepts 100 of all processes."""
MIGRATION_LOCK = 0x76697661  # "viva"; the key of an advisory lock
EXAMPLE = "postgresql+asyncpg://user:password@host:5432/name"


class DatabaseError(RuntimeError):
    """The database cannot be used; the message contains the remedy."""


class DatabaseAwayError(DatabaseError):
    """No connection can be opened."""


FAILURES: tuple[type[Exception], ...] = (DatabaseAwayError, SQLAlchemyError)
"""All errors of the database that a session may raise; `is_away`, `is_full` and `is_conflict` classify them."""


def parse_url(url: str) -> URL:
    """A PostgreSQL URL, in any of its usual forms, as a URL for asyncpg.

    Raises DatabaseError. Its message never contains the URL: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError(
            f"DATABASE_URL is not a URL: write {EXAMPLE}, or leave it out to use the embedded PostgreSQL."
        ) from None
    if parsed.get_backend_name() not in ("postgres", "postgresql"):
        raise DatabaseError(
            f"DATABASE_URL names {parsed.get_backend_name()}, but Vivavoce keeps its data in PostgreSQL: write {EXAMPLE}, "
            "or leave it out to use the embedded PostgreSQL."
        )
    # Hosted databases put options of libpq into their URLs. asyncpg calls the first of these `ssl` and lacks the second.
    query = {"ssl" if key == "sslmode" else key: value for key, value in parsed.query.items() if key != "channel_binding"}
    return parsed.set(drivername="postgresql+asyncpg", query=query)


class Database:
    """A bounded pool of connections. Belongs to the event loop that first uses it."""

    def __init__(self, url: str, pool_size: int = POOL_SIZE) -> None:
        self.engine = create_async_engine(
            parse_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,  # texts of errors go to logs
            # Most of the JSON is words of long conversations. The standard library takes more than twice as long to decode it.
            json_deserializer=from_json,
        )
        event.listen(self.engine.sync_engine, "do_connect", _connect)
        event.listen(self.engine.sync_engine, "connect", _register_vectors)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def separate(self, pool_size: int) -> "Database":
        """Connections to the same database that do not wait for those of this pool."""
        return Database(self.engine.url.render_as_string(hide_password=False), pool_size)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back where it raises."""
        async with self._sessions.begin() as session:
            yield session

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is a transaction. Its end closes it: its locks and settings go with it."""
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                await connection.invalidate()

    async def persist(self, work: Callable[[AsyncSession], Awaitable[T]], timeout_s: float) -> T:
        """Run `work` in one transaction, and repeat it while the database is down or after a deadlock, up to `timeout_s`."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                async with self.session() as session:
                    return await work(session)
            except Exception as error:
                if not (is_away(error) or is_deadlock(error)) or time.monotonic() > end:
                    raise
            await asyncio.sleep(RETRY_DELAY_S)

    async def ping(self) -> None:
        """Raise an error where the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        await self.engine.dispose()


def is_away(error: BaseException) -> bool:
    """Whether the error says that the database does not answer for now, so that the same statement may succeed later."""
    if isinstance(error, DatabaseAwayError | PoolTimeoutError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return _sqlstate(error).startswith(("08", "57P"))  # connection exceptions, and a server that starts or stops


def is_full(error: BaseException) -> bool:
    """Whether the error says that the database's disk is full."""
    return _sqlstate(error) == "53100"


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction at the same moment prevented this one.

    It deleted a row to which this one refers, or each of the two waited for the other.
    """
    return is_deadlock(error) or _sqlstate(error) == "23503"


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL ended the transaction because it and another one waited for each other."""
    return _sqlstate(error) == "40P01"


def _sqlstate(error: BaseException) -> str:
    """PostgreSQL's error code (its manual, appendix A); empty where the error is not from the database."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(original, "sqlstate", None) or "")


def _connect(dialect: Dialect, _record: object, args: list[Any], options: dict[str, Any]) -> Any:
    try:
        return dialect.connect(*args, **options)
    except OSError as error:  # callers could not distinguish it from an error of a file
        raise DatabaseAwayError("The database does not answer.") from error


def _register_vectors(connection: AdaptedConnection, _: object) -> None:
    connection.run_async(vectors.register)


def unpooled(url: str) -> AsyncEngine:
    """An engine for a single connection."""
    return create_async_engine(parse_url(url), poolclass=NullPool, hide_parameters=True)


async def migrate(url: str) -> None:
    """Migrate the database to the newest schema; several processes may do so at once.

    The schema of a newer program stays as it is where this one can use it, too. Raises DatabaseError.
    """
    from alembic.util import CommandError  # not at the top: its import takes long, and few processes migrate

    engine = unpooled(url)
    where = f"PostgreSQL ({engine.url.host or engine.url.query.get('host', 'localhost')}, database {engine.url.database})"
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            await connection.run_sync(_ensure_pgvector)
            await connection.run_sync(_upgrade)
    except CommandError as error:
        raise DatabaseError(f"{where} was written by a newer Vivavoce: update this one ({error}).") from error
    except OSError as error:
        raise DatabaseError(f"{where} cannot be reached: start it, or correct DATABASE_URL ({error}).") from error
    except DBAPIError as error:
        raise DatabaseError(f"{where} refuses: {str(error.orig).split(': ', 1)[-1]}.") from error
    finally:
        await engine.dispose()


def _ensure_pgvector(connection: Connection) -> None:
    if connection.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")):
        return
    if not connection.scalar(text("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")):
        raise DatabaseError(
            "This PostgreSQL has no pgvector: install it (Debian: postgresql-<version>-pgvector), use an image that has it "
            "(pgvector/pgvector), or leave out DATABASE_URL to use the embedded PostgreSQL."
        )
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION vector"))
    except DBAPIError as error:
        raise DatabaseError(
            "Vivavoce may not enable pgvector here: run CREATE EXTENSION vector in its database as superuser."
        ) from error


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    if compatibility.serves(connection, scripts):
        logger.warning("The database was migrated by a newer Vivavoce, which this one can use until it is updated.")
        return
    command.upgrade(config, "head")
    compatibility.record(connection, scripts)


def alembic_config(connection: Connection) -> "Config":
    """Alembic's configuration without a file: the scripts are beside this module, also in an installed wheel."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # Alembic interpolates `%` in option values.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("recursive_version_locations", "true")
    return config
