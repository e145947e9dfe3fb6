"""SQLite from asyncio with one step to the driver's thread for each statement.

aiosqlite hands every call to a thread of the connection: making a cursor, executing, fetching and closing are four
steps there and back for one statement, and each costs more than SQLite's own work on it. Our statements' results are
small and always read to their end, so a statement is executed, read and closed in one step.

A transaction that writes holds the lock that all processes wait for. Waiting for it and committing are done in the
thread, but its statements on the spot: each turn of the event loop in between would make everybody wait. What touches
no disk (beginning to read, giving up) is done on the spot, too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import aiosqlite

BEGIN_READING = "BEGIN"
BEGIN_WRITING = "BEGIN IMMEDIATE"
BUSY_MILLISECONDS = 15_000
WAIT = f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}"
NO_WAIT = "PRAGMA busy_timeout = 0"
_READ_AT_ONCE = 64


def configure(connection: Any, _record: object = None) -> None:
    """What every connection to a file of ours has; also a listener of SQLAlchemy's event ``connect``."""
    # We send BEGIN ourselves, because the driver's own would come late and never be immediate.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(WAIT)
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL: a committed transaction survives the loss of power, not only of the process.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # What is deleted is overwritten, not only let go: a resident who has everything deleted means the file, too.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


class OneStepCursor:
    """The part of a DB-API cursor that SQLAlchemy's asyncio adapter uses; the rows are there when execute returns."""

    def __init__(self, connection: OneStepConnection) -> None:
        self._connection = connection
        self._rows: Sequence[Any] = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> OneStepCursor:
        return self

    async def execute(self, statement: str, parameters: Any = ()) -> None:
        """Execute, read every row, close."""
        if statement == BEGIN_READING:
            self._connection.begin_reading()
        elif statement == BEGIN_WRITING:
            await self._connection.begin_writing()
        else:
            await self._step(lambda connection: connection.execute(statement, parameters))

    async def executemany(self, statement: str, parameters: Iterable[Any]) -> None:
        """Execute with each of several sets of parameters."""
        await self._step(lambda connection: connection.executemany(statement, parameters))

    async def fetchall(self) -> Sequence[Any]:
        """The rows that were read."""
        return self._rows

    async def close(self) -> None:
        """Let go of the rows."""
        self._rows = ()

    async def _step(self, execute: Callable[[sqlite3.Connection], sqlite3.Cursor]) -> None:
        def step() -> None:
            # Nobody else touches the cursor until this is done, in whichever thread.
            cursor = execute(self._connection._conn)
            self._rows = cursor.fetchall() if cursor.description else ()
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
            cursor.close()

        if self._connection.is_writing:
            step()
        else:
            await self._connection._execute(step)  # type: ignore[no-untyped-call]  # aiosqlite's way into its thread


class OneStepConnection(aiosqlite.Connection):
    """A connection whose cursors take one step for each statement, and none while it holds the write lock.

    It begins transactions when it is told to, never by itself.
    """

    is_writing = False

    def cursor(self) -> OneStepCursor:  # type: ignore[override]  # used by SQLAlchemy's adapter only
        """A cursor; making it takes no step."""
        return OneStepCursor(self)

    def begin_reading(self) -> None:
        """Costs nothing: SQLite touches the file with the first statement."""
        self._conn.execute(BEGIN_READING).close()

    async def begin_writing(self) -> None:
        """Take the write lock at once if it is free, else wait for it in the thread."""
        try:
            self._conn.execute(NO_WAIT).close()
            self._conn.execute(BEGIN_WRITING).close()
        except sqlite3.OperationalError:
            self._conn.execute(WAIT).close()
            await self._execute(lambda: self._conn.execute(BEGIN_WRITING).close())  # type: ignore[no-untyped-call]
        else:
            self._conn.execute(WAIT).close()
        self.is_writing = True

    async def commit(self) -> None:
        """In the thread, because it waits for the disk."""
        self.is_writing = False
        await super().commit()

    async def rollback(self) -> None:
        """On the spot: nothing is written."""
        self.is_writing = False
        self._conn.rollback()


async def connect(file: str) -> OneStepConnection:
    """Open a database file, or ``:memory:``. Raises sqlite3.OperationalError."""

    def open_file() -> sqlite3.Connection:
        # We send BEGIN ourselves, because the driver's own would come late and never be immediate.
        return sqlite3.connect(file, check_same_thread=False, isolation_level=None)

    connection = OneStepConnection(open_file, _READ_AT_ONCE)
    # A process must be able to end while a connection is open, as SQLAlchemy arranges for its own.
    connection._thread.daemon = True
    await connection
    return connection
