"""The database: engine, transactions, health. The only room that knows which database it is.

SQLite in WAL mode is the embedded default: one file, no server, several processes. PostgreSQL serves a city; it is
chosen by one setting. Statements are SQLAlchemy's and run on both; what differs stands here.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import (
    BigInteger,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Executable,
    Integer,
    Table,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator

from foundation import sqlite_driver
from foundation.database_errors import DatabaseError
from foundation.direct import MOST_CONNECTIONS, PATIENCE_SECONDS, Direct
from foundation.direct_postgres import PostgresDirect
from foundation.direct_sqlite import SqliteDirect
from foundation.sqlite_short import ShortTransactions
from foundation.write_turn import WriteTurn

__all__ = [
    "Database",
    "DatabaseError",
    "DatabaseHealth",
    "Identifier",
    "Statements",
    "UtcDateTime",
    "greatest",
    "least",
]

_Result = TypeVar("_Result")
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}

# SQLite numbers rows by itself only in a column that is exactly INTEGER.
Identifier = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC: aware in Python; on SQLite, which has no zones, kept as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was given; use datetime.now(UTC)")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class least(GenericFunction[Any]):  # noqa: N801  an SQL function keeps its name
    """The smaller of two values that are not null, on both databases."""

    inherit_cache = True


class greatest(GenericFunction[Any]):  # noqa: N801
    """The larger of two values that are not null, on both databases."""

    inherit_cache = True


class greatest_known(GenericFunction[Any]):  # noqa: N801  an SQL function keeps its name
    """The larger of two values, or the one that is not null: what PostgreSQL's ``greatest`` is."""

    name = "greatest"
    identifier = "greatest_known"
    inherit_cache = True


@compiles(least, "sqlite")
def _sqlite_least(element: Any, compiler: Any, **options: Any) -> str:
    return f"min({compiler.process(element.clauses, **options)})"


@compiles(greatest, "sqlite")
def _sqlite_greatest(element: Any, compiler: Any, **options: Any) -> str:
    return f"max({compiler.process(element.clauses, **options)})"


@compiles(greatest_known, "sqlite")
def _sqlite_greatest_known(element: Any, compiler: Any, **options: Any) -> str:
    one, other = (compiler.process(clause, **options) for clause in element.clauses)
    # Its max of two values is null if either is.
    return f"max(coalesce({one}, {other}), coalesce({other}, {one}))"


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """What `citywifi doctor` shows of the database."""

    reachable: bool
    description: str
    round_trip_seconds: float
    # The database's clock minus ours.
    clock_offset_seconds: float


class Statements(Protocol):
    """What a transaction's statements go through, however it was begun: SQLAlchemy's AsyncConnection is one."""

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        """Execute one statement and return its rows."""


class Database:
    """One database; make one per process and close it at the end."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        direct_connections: int = MOST_CONNECTIONS,
        direct_patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._url = _async_url(url)
        self.description = self._url.render_as_string(hide_password=True)
        if self.is_sqlite and self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = _make_engine(self._url, pool_size)
        self._threads = _SqliteThreads(self._url) if self.is_sqlite else None
        self._turn = _write_turn(self._url)
        self._direct_connections = direct_connections
        self._direct_patience_seconds = direct_patience_seconds

    @cached_property
    def direct(self) -> Direct:
        """Statements straight to the driver, where SQLAlchemy's cost of a call would show."""
        patience = self._direct_patience_seconds
        if self.is_sqlite:
            return SqliteDirect(self._url.database or ":memory:", self._turn_to_write, patience_seconds=patience)
        return PostgresDirect(self._url, most_connections=self._direct_connections, patience_seconds=patience)

    @property
    def is_sqlite(self) -> bool:
        """One process at a time writes; the others wait for it."""
        return self._url.get_backend_name() == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one consistent state and writes nothing."""
        async with self._engine.connect() as connection:
            if not self.is_sqlite:
                # PostgreSQL's default gives each statement a state of its own.
                await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
            await connection.rollback()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed when the block ends and rolled back when it raises.

        On SQLite the write lock is taken at once: a transaction that starts by reading and then writes would
        otherwise fail when another process wrote in between.
        """
        async with self._turn_to_write(), self._engine.connect() as connection:
            await connection.execution_options(citywifi_writes=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def short_read(self) -> AsyncIterator[Statements]:
        """As ``read``, for statements that each find a few rows by an index, where their cost counts.

        On SQLite they are executed on the spot, so a long one would keep every other task waiting.
        """
        if self._threads is None:
            async with self.read() as connection:
                yield connection
        else:
            with self._threads.short.reading() as statements:
                yield statements

    @asynccontextmanager
    async def short_write(self) -> AsyncIterator[Statements]:
        """As ``write``, where the statements' cost counts; see ``short_read``."""
        if self._threads is None:
            async with self.write() as connection:
                yield connection
        else:
            async with self._turn_to_write(), self._threads.short.writing() as statements:
                yield statements

    @asynccontextmanager
    async def write_schema(self) -> AsyncIterator[AsyncConnection]:
        """As ``write``, for migrations. Raises DatabaseError, and changes nothing, when references would break.

        SQLite changes a column by building the table anew; with references in force, dropping the old table would
        delete the rows that refer to it (https://sqlite.org/lang_altertable.html, section 7).
        """
        if not self.is_sqlite:
            async with self.write() as connection:
                yield connection
            return
        async with self._turn_to_write(), self._engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.execute("PRAGMA foreign_keys = OFF")
            try:
                await connection.execution_options(citywifi_writes=True)
                async with connection.begin():
                    yield connection
                    if (await connection.execute(text("PRAGMA foreign_key_check"))).first() is not None:
                        raise DatabaseError("rows refer to rows that are not there; restore the database from a backup")
            finally:
                await driver.execute("PRAGMA foreign_keys = ON")

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[AsyncConnection]:
        """Each statement is a transaction of its own: for those of PostgreSQL that must stand in none."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    def _turn_to_write(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._turn is None else self._turn.taken_by_task()

    async def run(self, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        """Do all of ``work`` in one transaction, for paths where each step's way to the database would count.

        On SQLite it runs in a thread of its own (one for writes, so that this process's writes queue up instead of
        polling for the lock), on PostgreSQL on a connection of the pool. ``work`` touches nothing but its connection.
        """
        if self._threads is not None:
            return await self._threads.run(work, writes=writes)
        async with self.write() if writes else self.read() as connection:
            return await connection.run_sync(work)

    def insert(self, table: Table) -> postgresql.Insert:
        """An INSERT that knows ``on_conflict_do_update`` and ``on_conflict_do_nothing``.

        Both databases' constructs have the same methods; PostgreSQL's stands for both in the type.
        """
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)  # type: ignore[return-value]

    async def health(self) -> DatabaseHealth:
        """Ask the database for its time; never raises."""
        started = time.perf_counter()
        question = (
            "SELECT (julianday('now') - 2440587.5) * 86400" if self.is_sqlite else "SELECT extract(epoch FROM now())"
        )
        try:
            async with asyncio.timeout(5), self.read() as connection:
                database_time = float((await connection.execute(text(question))).scalar_one())
        except (DBAPIError, OSError, TimeoutError):
            return DatabaseHealth(False, self.description, time.perf_counter() - started, 0.0)
        round_trip = time.perf_counter() - started
        return DatabaseHealth(True, self.description, round_trip, database_time - time.time())

    async def truncate_log(self) -> None:
        """SQLite: write the log of changes into the database and empty it, unless others read just now."""
        if self.is_sqlite:
            async with self._engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                assert driver is not None
                await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Give back every connection."""
        if "direct" in self.__dict__:
            await self.direct.close()
        await self._engine.dispose()
        if self._threads is not None:
            await self._threads.close()
        if self._turn is not None:
            self._turn.close()


class _SqliteThreads:
    """A thread that reads and a thread that writes, each with its own connection, and short transactions besides."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True, pool_size=1, max_overflow=-1)
        event.listen(self._engine, "connect", sqlite_driver.configure)
        event.listen(self._engine, "begin", _begin_sqlite_directly)
        self.short = ShortTransactions(self._engine)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="sqlite-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-write")
        self._connections: dict[bool, Connection] = {}
        self._turn = _write_turn(url)

    async def run(self, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        executor = self._writer if writes else self._reader
        return await asyncio.get_running_loop().run_in_executor(executor, self._transact, work, writes)

    async def close(self) -> None:
        for executor in (self._reader, self._writer):
            await asyncio.to_thread(executor.shutdown)
        await self.short.close()
        for connection in self._connections.values():
            connection.close()
        self._engine.dispose()
        if self._turn is not None:
            self._turn.close()

    def _transact(self, work: Callable[[Connection], _Result], writes: bool) -> _Result:
        turn = self._turn.taken_by_thread() if writes and self._turn is not None else nullcontext()
        with turn, self._connection(writes).begin() as transaction:
            return work(transaction.connection)

    def _connection(self, writes: bool) -> Connection:
        """The thread's own, kept open from one transaction to the next."""
        connection = self._connections.get(writes)
        if connection is None:
            connection = self._engine.connect().execution_options(citywifi_writes=writes)
            self._connections[writes] = connection
        return connection


def _write_turn(url: URL) -> WriteTurn | None:
    """The queue of a database file's writers; there is none for a database in memory. Raises DatabaseError."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    try:
        return WriteTurn(Path(url.database))
    except OSError as error:
        raise DatabaseError(f"the folder of {url.database} cannot be written to: {error.strerror}") from None


def _async_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(
            "the database address is not understood; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        ) from None
    driver = _DRIVERS.get(parsed.get_backend_name())
    if driver is None:
        raise DatabaseError(f"{parsed.get_backend_name()} is not supported; use sqlite or postgresql")
    return parsed.set(drivername=driver)


def _make_engine(url: URL, pool_size: int) -> AsyncEngine:
    # The values of a statement that failed are personal data; an exception's text must not carry them.
    common: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "hide_parameters": True}
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_pre_ping=True, **common)
    engine = create_async_engine(url, async_creator=lambda: sqlite_driver.connect(url.database or ":memory:"), **common)
    event.listen(engine.sync_engine, "connect", sqlite_driver.configure)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("citywifi_writes", False)
    connection.exec_driver_sql(sqlite_driver.BEGIN_WRITING if writes else sqlite_driver.BEGIN_READING)


def _begin_sqlite_directly(connection: Connection) -> None:
    """As ``_begin_sqlite``, past what SQLAlchemy does for every statement."""
    writes = connection.get_execution_options().get("citywifi_writes", False)
    statement = sqlite_driver.BEGIN_WRITING if writes else sqlite_driver.BEGIN_READING
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(statement).close()
    except sqlite3.OperationalError as error:
        raise OperationalError(statement, None, error, hide_parameters=True) from error
