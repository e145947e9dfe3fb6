"""Short transactions on SQLite, done where they are asked for.

Finding a few rows by an index takes SQLite less time than handing the statement to a thread and back. So statements
are executed in the event loop's own thread; what may wait for others or for the disk, which is taking the write lock
when it is not free and committing, is done in a thread. Connections are kept open from one transaction to the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import OperationalError

from foundation.sqlite_driver import NO_WAIT, WAIT

_Result = TypeVar("_Result")


class StatementsOnTheSpot:
    """A transaction's statements; awaiting one never gives way to another task."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, statement: Executable, parameters: Any = None, /) -> CursorResult[*tuple[Any, ...]]:
        """Execute; the result is to be read before the transaction ends."""
        return self._connection.execute(statement, parameters)


class ShortTransactions:
    """Connections of an engine for short transactions; ``close`` it at the end, and dispose of the engine then.

    The engine must make as many connections as are asked for: waiting for one would stop the event loop.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: dict[bool, list[Connection]] = {False: [], True: []}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-short")

    @contextmanager
    def reading(self) -> Iterator[StatementsOnTheSpot]:
        """A transaction that sees one consistent state and writes nothing."""
        connection = self._take(writes=False)
        try:
            connection.begin()
            yield StatementsOnTheSpot(connection)
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle[False].append(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[StatementsOnTheSpot]:
        """A transaction that is committed when the block ends and rolled back when it raises."""
        connection = self._take(writes=True)
        try:
            await self._begin_writing(connection)
            yield StatementsOnTheSpot(connection)
            await self._in_thread(connection.commit)
        except BaseException:
            connection.close()
            raise
        self._idle[True].append(connection)

    async def close(self) -> None:
        """Close every connection that nobody uses."""
        await asyncio.to_thread(self._thread.shutdown)
        for connections in self._idle.values():
            while connections:
                connections.pop().close()

    def _take(self, *, writes: bool) -> Connection:
        if self._idle[writes]:
            return self._idle[writes].pop()
        return self._engine.connect().execution_options(citywifi_writes=writes)

    async def _begin_writing(self, connection: Connection) -> None:
        """Take the write lock at once if it is free, else wait for it in the thread."""
        driver: Any = connection.connection.driver_connection
        driver.execute(NO_WAIT).close()
        try:
            connection.begin()
        except OperationalError:
            driver.execute(WAIT).close()
            await self._in_thread(connection.begin)
        else:
            driver.execute(WAIT).close()

    async def _in_thread(self, step: Callable[[], _Result]) -> None:
        """A step that was begun is waited for, even by a task that is cancelled: the connection is the thread's."""
        done = asyncio.get_running_loop().run_in_executor(self._thread, step)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            raise
