"""``foundation.direct`` on PostgreSQL: compiled statements on a few asyncpg connections of its own.

A connection on which anything went wrong but a refused row is given up and made anew for the next statement: after a
time-out or a cancelled task nobody knows what the server is still doing on it. The idle ones are given up with it,
because what broke one has usually broken all; so a caller sees one error, not one for each connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import asyncpg
from sqlalchemy import BindParameter, ClauseElement, ColumnElement, Dialect, Executable, Table, column, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import URL
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from foundation.array_literals import writer_of
from foundation.direct import (
    Among,
    BulkInsert,
    DatabaseUnavailableError,
    Direct,
    OnConflict,
    Parameters,
    Row,
    RowsRefusedError,
    Statement,
    array_parameter,
    connections,
    connections_limit,
    connections_lost,
)

_Result = TypeVar("_Result")

# SQLAlchemy's own options in an address; asyncpg does not know them.
_NOT_OF_THE_DRIVER = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback")
_MOST_SECONDS_TO_CONNECT = 5.0
# Data exception, integrity constraint violation, cardinality violation, WITH CHECK OPTION violation
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_FAULT_OF_ROWS = frozenset({"21", "22", "23", "44"})
# Connection, authorisation, catalogue, resources, operator intervention, system: these messages carry no values.
_TELLABLE = frozenset({"08", "28", "3D", "53", "57", "58"})
_LOCKS = "SELECT pg_advisory_xact_lock(key) FROM unnest('{{{}}}'::bigint[]) AS key"


class _Compiled:
    __slots__ = ("_writers", "names", "parameters", "text")

    def __init__(self, compiled: SQLCompiler, arrays: Mapping[str, TypeEngine[Any]]) -> None:
        """``arrays`` are the parameters that are one, with the type of their elements."""
        self.text = str(compiled)
        self.names = tuple(compiled.positiontup or ())
        self.parameters = Parameters(compiled)
        self._writers = {name: writer_of(element) for name, element in arrays.items()}

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        complete = self.parameters.complete(given)
        for name, write in self._writers.items():
            complete[name] = write(complete[name])
        return [complete[name] for name in self.names]


class _CompiledInsert:
    """Columns are parameters of their own, and behind them may come fixed values."""

    __slots__ = ("_order", "_writers", "text")

    def __init__(self, compiled: _Compiled, types: Mapping[str, TypeEngine[Any]]) -> None:
        self.text = compiled.text
        names, constants = list(types), compiled.parameters.constants
        self._order = [(names.index(name), None) if name in types else (-1, constants[name]) for name in compiled.names]
        self._writers = [writer_of(element) for element in types.values()]

    def values(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        columns = [write(values) for write, values in zip(self._writers, zip(*rows, strict=True), strict=True)]
        return [constant if place < 0 else columns[place] for place, constant in self._order]


class _Link:
    """A connection with what it has prepared."""

    __slots__ = ("_prepared", "driver")

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self._prepared: dict[str, Any] = {}

    async def prepared(self, text: str) -> Any:
        statement = self._prepared.get(text)
        if statement is None:
            statement = self._prepared[text] = await self.driver.prepare(text)
        return statement

    async def fetch(self, compiled: _Compiled, parameters: Mapping[str, Any]) -> list[Row]:
        statement = await self.prepared(compiled.text)
        rows: list[Row] = await statement.fetch(*compiled.values(parameters))
        return rows

    async def insert(self, compiled: _CompiledInsert, rows: Sequence[Sequence[Any]]) -> None:
        statement = await self.prepared(compiled.text)
        await statement.fetch(*compiled.values(rows))


class PostgresTransaction:
    """See ``foundation.direct.Transaction``. BEGIN goes with the first statement, where that saves a round trip."""

    __slots__ = ("_begun", "_link")

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._begun = False

    async def fetch(self, statement: Statement[_Compiled], /, **parameters: Any) -> list[Row]:
        await self._begin()
        return await _mapped(self._link.fetch(statement.compiled, parameters))

    async def execute_many(self, statement: Statement[_Compiled], parameters: Sequence[Mapping[str, Any]]) -> None:
        if not parameters:
            return
        await self._begin()
        compiled = statement.compiled
        prepared = await _mapped(self._link.prepared(compiled.text))
        await _mapped(prepared.executemany([compiled.values(given) for given in parameters]))

    async def insert(self, bulk: BulkInsert[_CompiledInsert], rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        await self._begin()
        await _mapped(self._link.insert(bulk.compiled, rows))

    async def lock(self, keys: Iterable[int]) -> None:
        # Everybody takes them in the same order. As numbers in the text: so they need no round trip but BEGIN's.
        in_order = ",".join(str(int(key)) for key in sorted(set(keys)))
        if in_order:
            begin = "" if self._begun else "BEGIN; "
            self._begun = True
            await _mapped(self._link.driver.execute(begin + _LOCKS.format(in_order)))

    async def commit(self) -> None:
        if self._begun:
            await _mapped(self._link.driver.execute("COMMIT"))

    async def rollback(self) -> None:
        if self._begun:
            await _mapped(self._link.driver.execute("ROLLBACK"))

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await _mapped(self._link.driver.execute("BEGIN"))


class PostgresDirect(Direct):
    """See ``foundation.direct.Direct``; at most ``most_connections`` at once, each statement within its patience."""

    def __init__(self, url: URL, *, most_connections: int, patience_seconds: float) -> None:
        self._dialect: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
        _arguments, options = self._dialect.create_connect_args(url)  # type: ignore[no-untyped-call]  # likewise
        self._options = {name: value for name, value in options.items() if name not in _NOT_OF_THE_DRIVER}
        self._description = url.render_as_string(hide_password=True)
        self._patience_seconds = patience_seconds
        self._places = asyncio.Semaphore(most_connections)
        self._most_connections = most_connections
        self._idle: list[_Link] = []
        self._is_closed = False
        connections_limit.inc(most_connections)

    def statement(self, statement: Executable) -> Statement[_Compiled]:
        among = (element for element in visitors.iterate(cast(ClauseElement, statement)) if isinstance(element, Among))
        arrays = {element.parameter: element.column.type for element in among}
        return Statement(_Compiled(self._compile(statement), arrays))

    def bulk_insert(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        computed: Mapping[str, ColumnElement[Any]] | None = None,
        parameters: Sequence[str] = (),
        on_conflict: OnConflict | None = None,
    ) -> BulkInsert[_CompiledInsert]:
        expressions = dict(computed or {})
        types = {name: table.c[name].type for name in columns} | _types_of_parameters(expressions, parameters)
        arrays = [array_parameter(name, type_) for name, type_ in types.items()]
        row = func.unnest(*arrays).table_valued(*(column(name, type_) for name, type_ in types.items()))
        given = row.render_derived(name="given")

        def own_value(element: Any, **_options: Any) -> Any:
            is_parameter = isinstance(element, BindParameter) and element.key in types
            return given.c[element.key] if is_parameter else None

        values: list[Any] = [given.c[name] for name in columns]
        values += [visitors.replacement_traverse(expression, {}, own_value) for expression in expressions.values()]
        insert = postgresql.insert(table).from_select([*columns, *expressions], select(*values), include_defaults=False)
        compiled = _Compiled(self._compile(insert if on_conflict is None else on_conflict(insert)), {})
        compiled.parameters.require(types)
        return BulkInsert(_CompiledInsert(compiled, types))

    async def fetch(self, statement: Statement[_Compiled], /, **parameters: Any) -> list[Row]:
        async with self._taken() as link:
            return await _mapped(link.fetch(statement.compiled, parameters))

    async def insert(self, bulk: BulkInsert[_CompiledInsert], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            async with self._taken() as link:
                await _mapped(link.insert(bulk.compiled, rows))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[PostgresTransaction]:
        async with self._taken() as link:
            transaction = PostgresTransaction(link)
            try:
                yield transaction
            except Exception as error:
                if not isinstance(error, DatabaseUnavailableError):
                    await transaction.rollback()
                raise
            await transaction.commit()

    @asynccontextmanager
    async def listening(
        self, channel: str, tell: Callable[[str], None]
    ) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:
        """Have ``tell`` called with what NOTIFY sends to a channel, on a connection beside those of the budget.

        The block gets a function that makes a round trip: when it returns, all that was sent before has been told.
        Both raise DatabaseUnavailableError.
        """
        driver = await _mapped(self._open())
        try:
            await _mapped(driver.add_listener(channel, lambda _driver, _process, _channel, payload: tell(payload)))

            async def round_trip() -> None:
                await _mapped(driver.execute("SELECT 1"))

            yield round_trip
        finally:
            driver.terminate()

    async def close(self) -> None:
        self._is_closed = True
        connections_limit.dec(self._most_connections)
        while self._idle:
            await self._close(self._idle.pop())

    def _compile(self, statement: Executable) -> SQLCompiler:
        compiled = statement.compile(dialect=self._dialect)  # type: ignore[attr-defined]  # all of them have it
        assert isinstance(compiled, SQLCompiler)
        return compiled

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[_Link]:
        """A connection of its own; given up when the block raises what leaves its state unknown."""
        await self._wait_for_place()
        try:
            link = self._idle_link() or await self._connect()
            try:
                yield link
            except BaseException as error:
                if isinstance(error, DatabaseUnavailableError):
                    self._give_up([link, *self._idle])
                elif isinstance(error, Exception) and not link.driver.is_in_transaction():
                    await self._give_back(link)
                else:
                    self._give_up([link])
                raise
            await self._give_back(link)
        finally:
            self._places.release()

    async def _wait_for_place(self) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise DatabaseUnavailableError(
                f"all {self._most_connections} connections to {self._description} are busy"
            ) from None

    def _idle_link(self) -> _Link | None:
        while self._idle:
            link = self._idle.pop()
            if not link.driver.is_closed():
                return link
            self._give_up([link])
        return None

    async def _connect(self) -> _Link:
        link = _Link(await _mapped(self._open()))
        connections.inc()
        return link

    async def _open(self) -> Any:
        seconds = min(_MOST_SECONDS_TO_CONNECT, self._patience_seconds)
        return await asyncpg.connect(
            **self._options, timeout=seconds, command_timeout=self._patience_seconds, statement_cache_size=0
        )

    async def _give_back(self, link: _Link) -> None:
        if self._is_closed:
            await self._close(link)
        else:
            self._idle.append(link)

    def _give_up(self, links: Sequence[_Link]) -> None:
        self._idle = [link for link in self._idle if link not in links]
        for link in links:
            link.driver.terminate()
            connections.dec()
            connections_lost.inc()

    async def _close(self, link: _Link) -> None:
        connections.dec()
        try:
            await link.driver.close(timeout=self._patience_seconds)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            link.driver.terminate()


def _types_of_parameters(expressions: Mapping[str, ColumnElement[Any]], parameters: Sequence[str]) -> dict[str, Any]:
    found = {
        element.key: element.type
        for expression in expressions.values()
        for element in visitors.iterate(expression)
        if isinstance(element, BindParameter)
    }
    return {name: found[name] for name in parameters}


async def _mapped(work: Awaitable[_Result]) -> _Result:
    """The result, or the error that says whose fault it was. The driver's messages show values, so few are told."""
    try:
        return await work
    except asyncpg.PostgresError as error:
        raise _of_the_server(error) from None
    except TimeoutError:
        raise DatabaseUnavailableError("PostgreSQL did not answer in time") from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise DatabaseUnavailableError(f"PostgreSQL cannot be reached: {error}") from None


def _of_the_server(error: asyncpg.PostgresError) -> DatabaseUnavailableError | RowsRefusedError:
    state: str = error.sqlstate or "unknown"
    if state[:2] in _FAULT_OF_ROWS:
        named = [part for part in (error.table_name, error.column_name, error.constraint_name) if part]
        return RowsRefusedError(f"PostgreSQL refused the rows: {type(error).__name__} {' '.join(named)}".rstrip())
    explanation = f": {error.args[0]}" if state[:2] in _TELLABLE and error.args else ""
    return DatabaseUnavailableError(f"PostgreSQL failed with {type(error).__name__} ({state}){explanation}")
