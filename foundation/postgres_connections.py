"""A few asyncpg connections, made when they are needed, kept, and made anew when they are lost.

A connection on which anything went wrong but a refused row is given up: after a time-out or a cancelled task nobody
knows what the server is still doing on it. The idle ones are given up with it, because what broke one has usually
broken all; so a caller sees one error, not one for each connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from prometheus_client import Counter, Gauge
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import URL

from foundation.database_errors import DatabaseUnavailableError, RowsRefusedError

# SQLAlchemy's own options in an address; asyncpg does not know them.
_NOT_OF_THE_DRIVER = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")
_MOST_SECONDS_TO_CONNECT = 5.0
# All that is asked here is found by an index. A plan that was made while a table was empty, as each month's is at
# first, would read all of it until PostgreSQL next counts its rows. Said as a statement, because a pooler in between
# refuses options that it does not know.
_PREFER_INDEXES = "SET enable_seqscan = off"
# Data exception, integrity constraint violation, cardinality violation, WITH CHECK OPTION violation
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_FAULT_OF_ROWS = frozenset({"21", "22", "23", "44"})
# Connection, authorisation, catalogue, resources, operator intervention, system: these messages carry no values.
_TELLABLE = frozenset({"08", "28", "3D", "53", "57", "58"})
# TimeoutError is an OSError.
_DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

connections = Gauge(
    "citywifi_database_direct_connections",
    "Connections to PostgreSQL that are kept beside the pool.",
    multiprocess_mode="livesum",
)
connections_limit = Gauge(
    "citywifi_database_direct_connections_limit",
    "How many connections to PostgreSQL may be kept beside the pool.",
    multiprocess_mode="livesum",
)
connections_lost = Counter(
    "citywifi_database_direct_connections_lost_total",
    "Connections beside the pool that were given up because of an error, a time-out or a cancelled task.",
)


class PostgresConnection:
    """One connection, with what it has prepared. All methods raise DatabaseUnavailableError and RowsRefusedError."""

    __slots__ = ("_prepared", "driver")

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self._prepared: dict[str, Any] = {}

    async def fetch(self, text: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        """The rows of a statement."""
        try:
            rows: list[Sequence[Any]] = await (await self._prepare(text)).fetch(*values)
        except _DRIVER_ERRORS as error:
            raise _explained(error) from None
        return rows

    async def execute_many(self, text: str, values: Sequence[Sequence[Any]]) -> None:
        """A statement with each of several lists of values."""
        try:
            await (await self._prepare(text)).executemany(values)
        except _DRIVER_ERRORS as error:
            raise _explained(error) from None

    async def execute(self, text: str) -> str:
        """One or more statements without values; what the server says was done by the last."""
        try:
            return str(await self.driver.execute(text))
        except _DRIVER_ERRORS as error:
            raise _explained(error) from None

    async def _prepare(self, text: str) -> Any:
        statement = self._prepared.get(text)
        if statement is None:
            # Without a name the server would parse and plan it anew each time, which costs more than running it.
            name = f"citywifi_{len(self._prepared)}"
            statement = self._prepared[text] = await self.driver.prepare(text, name=name)
        return statement


class PostgresConnections:
    """At most ``most`` at once; connecting and each statement take at most ``patience_seconds``."""

    def __init__(self, url: URL, *, most: int, patience_seconds: float) -> None:
        dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
        _arguments, options = dialect.create_connect_args(url)  # type: ignore[no-untyped-call]  # likewise
        self._options = {name: value for name, value in options.items() if name not in _NOT_OF_THE_DRIVER}
        self._description = url.render_as_string(hide_password=True)
        self._patience_seconds = patience_seconds
        self._most = most
        self._places = asyncio.Semaphore(most)
        self._idle: list[PostgresConnection] = []
        self._is_closed = False
        connections_limit.inc(most)

    async def take(self) -> PostgresConnection:
        """A connection of one's own until it is given back. Raises DatabaseUnavailableError."""
        if self._places.locked():
            await self._wait_for_place()
        else:
            await self._places.acquire()
        while self._idle:
            connection = self._idle.pop()
            if not connection.driver.is_closed():
                return connection
            self._give_up([connection])
        try:
            connection = PostgresConnection(await self._open())
        except BaseException:
            self._places.release()
            raise
        connections.inc()
        return connection

    def give_back(self, connection: PostgresConnection) -> None:
        """After everything went well."""
        self._places.release()
        if self._is_closed:
            self._give_up([connection])
        else:
            self._idle.append(connection)

    def give_back_after(self, connection: PostgresConnection, error: BaseException) -> None:
        """After an error: kept only when what the server does on it is known."""
        if isinstance(error, DatabaseUnavailableError):
            self._places.release()
            self._give_up([connection, *self._idle])
        elif isinstance(error, Exception) and not connection.driver.is_in_transaction():
            self.give_back(connection)
        else:
            self._places.release()
            self._give_up([connection])

    @asynccontextmanager
    async def listening(
        self, channel: str, tell: Callable[[str], None]
    ) -> AsyncIterator[Callable[[], Coroutine[Any, Any, str]]]:
        """Have ``tell`` called with what NOTIFY sends to a channel, on one more connection.

        The block gets a function that makes a round trip: when it returns, all that was sent before has been told.
        Both raise DatabaseUnavailableError.
        """
        connection = PostgresConnection(await self._open())
        try:
            try:
                await connection.driver.add_listener(channel, lambda _driver, _process, _channel, told: tell(told))
            except _DRIVER_ERRORS as error:
                raise _explained(error) from None
            yield lambda: connection.execute("SELECT 1")
        finally:
            connection.driver.terminate()

    async def close(self) -> None:
        """Close those that nobody has; the others when they are given back."""
        self._is_closed = True
        connections_limit.dec(self._most)
        while self._idle:
            connection = self._idle.pop()
            connections.dec()
            try:
                await connection.driver.close(timeout=self._patience_seconds)
            except _DRIVER_ERRORS:
                connection.driver.terminate()

    async def _wait_for_place(self) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise DatabaseUnavailableError(f"all {self._most} connections to {self._description} are busy") from None

    async def _open(self) -> Any:
        seconds = min(_MOST_SECONDS_TO_CONNECT, self._patience_seconds)
        patience = self._patience_seconds
        try:
            driver = await asyncpg.connect(
                **self._options, timeout=seconds, command_timeout=patience, statement_cache_size=0
            )
            try:
                await driver.execute(_PREFER_INDEXES)
            except BaseException:
                driver.terminate()
                raise
        except _DRIVER_ERRORS as error:
            raise _explained(error) from None
        return driver

    def _give_up(self, lost: Sequence[PostgresConnection]) -> None:
        self._idle = [connection for connection in self._idle if connection not in lost]
        for connection in lost:
            connection.driver.terminate()
            connections.dec()
            connections_lost.inc()


def _explained(error: Exception) -> DatabaseUnavailableError | RowsRefusedError:
    """The error that says whose fault it was. The driver's messages show values, so few are told."""
    if isinstance(error, TimeoutError):
        return DatabaseUnavailableError("PostgreSQL did not answer in time")
    if not isinstance(error, asyncpg.PostgresError):
        return DatabaseUnavailableError(f"PostgreSQL cannot be reached: {error}")
    state: str = error.sqlstate or "unknown"
    if state[:2] in _FAULT_OF_ROWS:
        named = [part for part in (error.table_name, error.column_name, error.constraint_name) if part]
        return RowsRefusedError(f"PostgreSQL refused the rows: {type(error).__name__} {' '.join(named)}".rstrip())
    explanation = f": {error.args[0]}" if state[:2] in _TELLABLE and error.args else ""
    return DatabaseUnavailableError(f"PostgreSQL failed with {type(error).__name__} ({state}){explanation}")
