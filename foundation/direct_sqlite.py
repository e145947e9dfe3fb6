"""``foundation.direct`` on SQLite: compiled statements executed by sqlite3 where they are asked for.

As in ``foundation.sqlite_short``, statements run in the event loop's own thread, which costs less than handing them to
another one; only what may wait, which is taking the write lock when it is not free and committing, is done in a
thread. A connection on which anything went wrong but a refused row is closed and opened anew.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from itertools import repeat
from typing import Any

from sqlalchemy import Boolean, ColumnElement, DateTime, Executable, Select, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine

from foundation import sqlite_driver
from foundation.direct import (
    AFTER_AN_ERROR,
    BulkInsert,
    DatabaseUnavailableError,
    Direct,
    OnConflict,
    Parameters,
    Row,
    RowsRefusedError,
    Statement,
)
from foundation.moments import moments_as_text
from foundation.sqlite_driver import BEGIN_WRITING

# A reader meets a lock only while a file is recovered after a crash; meanwhile the event loop stands still.
_MOST_MILLISECONDS_TO_READ = 500

Converter = Callable[[Any], Any]


def moment_from_text(text: str | None) -> datetime | None:
    """The moment that is stored so."""
    return None if text is None else datetime.fromisoformat(text + "+00:00")


def _truth(number: int | None) -> bool | None:
    return None if number is None else bool(number)


def _stored(value: Any, type_: TypeEngine[Any]) -> Any:
    return moments_as_text([value])[0] if _is_moment(type_) else value


def _to_give(type_: TypeEngine[Any]) -> Converter | None:
    if _is_moment(type_):
        return moment_from_text
    return _truth if isinstance(type_, Boolean) else None


def _is_moment(type_: TypeEngine[Any]) -> bool:
    return isinstance(type_.impl_instance if isinstance(type_, TypeDecorator) else type_, DateTime)


class _Shape:
    """A statement's text for certain numbers of values, and where its values come from."""

    __slots__ = ("_expanded", "_names", "text")

    def __init__(self, compiled: SQLCompiler, complete: Mapping[str, Any]) -> None:
        state = compiled.construct_expanded_state(complete)
        self.text = state.statement
        self._names = tuple(state.positiontup or ())
        self._expanded = dict(state.parameter_expansion)

    def values(self, complete: dict[str, Any]) -> list[Any]:
        for name, places in self._expanded.items():
            complete.update(zip(places, complete[name], strict=True))
        return [complete[name] for name in self._names]


class _Compiled:
    __slots__ = ("_compiled", "_expanding", "_moments", "_shapes", "_to_give", "parameters", "writes")

    def __init__(self, compiled: SQLCompiler, result_types: Sequence[TypeEngine[Any]], *, writes: bool) -> None:
        self._compiled = compiled
        self.writes = writes
        self.parameters = Parameters(compiled)
        self._expanding = tuple(name for name, bind in compiled.binds.items() if bind.expanding)
        self._moments = [name for name, bind in compiled.binds.items() if _is_moment(bind.type)]
        self._to_give = [(place, give) for place, type_ in enumerate(result_types) if (give := _to_give(type_))]
        self._shapes: dict[tuple[int, ...], _Shape] = {}

    def text_and_values(self, given: Mapping[str, Any]) -> tuple[str, list[Any]]:
        complete = self.parameters.complete(given)
        for name in self._moments:
            value = complete[name]
            complete[name] = moments_as_text(value) if name in self._expanding else moments_as_text([value])[0]
        for name in self._expanding:
            complete[name] = padded(complete[name])
        sizes = tuple(len(complete[name]) for name in self._expanding)
        shape = self._shapes.get(sizes)
        if shape is None:
            shape = self._shapes[sizes] = _Shape(self._compiled, complete)
        return shape.text, shape.values(complete)

    def rows(self, found: list[Row]) -> list[Row]:
        if not self._to_give or not found:
            return found
        columns: list[Sequence[Any]] = list(zip(*found, strict=True))
        for place, give in self._to_give:
            columns[place] = [give(value) for value in columns[place]]
        return list(zip(*columns, strict=True))


class _CompiledInsert:
    __slots__ = ("_moments", "_order", "text")

    def __init__(self, compiled: SQLCompiler, names: Sequence[str]) -> None:
        self.text = str(compiled)
        own = Parameters(compiled)
        own.require(names)
        constants = own.constants
        types = [compiled.binds[name].type for name in names]
        places = {name: place for place, name in enumerate(names)}
        self._order = [
            (places[name], None) if name in places else (-1, _stored(constants[name], compiled.binds[name].type))
            for name in compiled.positiontup or ()
        ]
        self._moments = [place for place, type_ in enumerate(types) if _is_moment(type_)]

    def rows(self, rows: Sequence[Sequence[Any]]) -> Iterable[Row]:
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place in self._moments:
            columns[place] = moments_as_text(columns[place])
        # Not strict: a fixed value is repeated for as long as there are rows.
        return zip(
            *(repeat(constant) if place < 0 else columns[place] for place, constant in self._order), strict=False
        )


class SqliteTransaction:
    """See ``foundation.direct.Transaction``. Nothing in it gives way to another task."""

    __slots__ = ("_connection", "has_failed")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.has_failed = False

    async def fetch(self, statement: Statement[_Compiled], /, **parameters: Any) -> list[Row]:
        with self._noticed():
            return _fetch(self._connection, statement.compiled, parameters)

    async def execute_many(self, statement: Statement[_Compiled], parameters: Sequence[Mapping[str, Any]]) -> None:
        with self._noticed():
            for given in parameters:
                _fetch(self._connection, statement.compiled, given)

    async def insert(self, bulk: BulkInsert[_CompiledInsert], rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        with self._noticed(), _mapped():
            self._connection.executemany(bulk.compiled.text, bulk.compiled.rows(rows)).close()

    async def lock(self, keys: Iterable[int]) -> None:
        """One writer at a time: everything is locked."""

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        """SQLite would commit what was done before an error; PostgreSQL would not."""
        try:
            yield
        except BaseException:
            self.has_failed = True
            raise


class SqliteDirect(Direct):
    """See ``foundation.direct.Direct``. ``turn`` makes the context in which this process is the one that writes."""

    def __init__(
        self, file: str, turn: Callable[[], AbstractAsyncContextManager[None]], *, patience_seconds: float
    ) -> None:
        self._file = file
        self._turn = turn
        self._patience_seconds = patience_seconds
        self._dialect = sqlite.dialect()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-direct")
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None

    def statement(self, statement: Executable) -> Statement[_Compiled]:
        compiled = self._compile(statement)
        # What INSERT, UPDATE and DELETE return; a text has none.
        columns = getattr(statement, "exported_columns", ())
        types = [column.type for column in columns]
        return Statement(_Compiled(compiled, types, writes=not isinstance(statement, Select)))

    def bulk_insert(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        computed: Mapping[str, ColumnElement[Any]] | None = None,
        parameters: Sequence[str] = (),
        on_conflict: OnConflict | None = None,
    ) -> BulkInsert[_CompiledInsert]:
        values = {name: bindparam(name, type_=table.c[name].type) for name in columns}
        insert: postgresql.Insert = sqlite.insert(table).values(**values, **(computed or {}))  # type: ignore[assignment]  # as Database.insert
        compiled = self._compile(insert if on_conflict is None else on_conflict(insert))
        return BulkInsert(_CompiledInsert(compiled, [*columns, *parameters]))

    async def fetch(self, statement: Statement[_Compiled], /, **parameters: Any) -> list[Row]:
        if statement.compiled.writes:
            async with self.writing() as transaction:
                return await transaction.fetch(statement, **parameters)
        if self._reader is None:
            self._reader = self._open(_MOST_MILLISECONDS_TO_READ)
        try:
            return _fetch(self._reader, statement.compiled, parameters)
        except DatabaseUnavailableError:
            self._reader.close()
            self._reader = None
            raise

    async def insert(self, bulk: BulkInsert[_CompiledInsert], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            async with self.writing() as transaction:
                await transaction.insert(bulk, rows)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[SqliteTransaction]:
        async with self._turn_taken():
            if self._writer is None:
                self._writer = self._open(0)
            connection = self._writer
            try:
                await self._begin(connection)
                transaction = SqliteTransaction(connection)
                yield transaction
                if transaction.has_failed:
                    raise DatabaseUnavailableError(AFTER_AN_ERROR)
                await self._in_thread(connection.commit)
            except BaseException as error:
                if isinstance(error, DatabaseUnavailableError):
                    connection.close()
                    self._writer = None
                else:
                    connection.rollback()
                raise

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.close()
        self._reader = self._writer = None

    def _compile(self, statement: Executable) -> SQLCompiler:
        compiled = statement.compile(dialect=self._dialect)  # type: ignore[attr-defined]  # all of them have it
        assert isinstance(compiled, SQLCompiler)
        return compiled

    def _open(self, milliseconds: int) -> sqlite3.Connection:
        with _mapped():
            # We send BEGIN ourselves, because the driver's own would come late and never be immediate.
            connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
            try:
                sqlite_driver.configure(connection)
                connection.execute(f"PRAGMA busy_timeout = {milliseconds}").close()
            except BaseException:
                connection.close()
                raise
        return connection

    @asynccontextmanager
    async def _turn_taken(self) -> AsyncIterator[None]:
        turn = self._turn()
        try:
            async with asyncio.timeout(self._patience_seconds):
                await turn.__aenter__()
        except TimeoutError:
            raise DatabaseUnavailableError("others write to the database for too long") from None
        try:
            yield
        finally:
            await turn.__aexit__(None, None, None)

    async def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock at once if it is free, else wait for it in the thread."""
        try:
            connection.execute(BEGIN_WRITING).close()
        except sqlite3.OperationalError:
            await self._in_thread(lambda: self._wait_for_lock(connection))

    def _wait_for_lock(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {int(self._patience_seconds * 1000)}").close()
        connection.execute(BEGIN_WRITING).close()
        connection.execute("PRAGMA busy_timeout = 0").close()

    async def _in_thread(self, step: Callable[[], None]) -> None:
        """A step that was begun is waited for, even by a task that is cancelled: the connection is the thread's."""
        done = asyncio.get_running_loop().run_in_executor(self._thread, step)
        with _mapped():
            try:
                await asyncio.shield(done)
            except asyncio.CancelledError:
                await asyncio.wait([done])
                raise


def padded(values: Sequence[Any]) -> Sequence[Any]:
    """As many values as the next power of two, the last one repeated: a text and a plan for ten sizes, not for all."""
    wanted = 1 << max(len(values) - 1, 0).bit_length()
    return [*values, *[values[-1]] * (wanted - len(values))] if values else values


def _fetch(connection: sqlite3.Connection, compiled: _Compiled, given: Mapping[str, Any]) -> list[Row]:
    text, values = compiled.text_and_values(given)
    with _mapped():
        cursor = connection.execute(text, values)
        found = cursor.fetchall()
        cursor.close()
    return compiled.rows(found)


@contextmanager
def _mapped() -> Iterator[None]:
    """Errors of the driver become those that say whose fault it was; SQLite's messages show no values."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError) as error:
        raise RowsRefusedError(f"SQLite refused the rows: {error}") from None
    except (OverflowError, UnicodeError):
        raise RowsRefusedError("a value does not fit SQLite's types") from None
    except sqlite3.Error as error:
        raise DatabaseUnavailableError(f"SQLite failed: {error}") from None
