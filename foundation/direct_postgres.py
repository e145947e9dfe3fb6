"""``foundation.direct`` on PostgreSQL: compiled statements on a few asyncpg connections of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, cast

from sqlalchemy import BindParameter, ClauseElement, ColumnElement, Dialect, Executable, Table, column, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import URL
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from foundation.array_literals import writer_of
from foundation.direct import (
    AFTER_AN_ERROR,
    Among,
    BulkInsert,
    DatabaseUnavailableError,
    Direct,
    OnConflict,
    Parameters,
    Row,
    Statement,
    Transaction,
    array_parameter,
)
from foundation.postgres_connections import PostgresConnection, PostgresConnections

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


class PostgresTransaction:
    """See ``foundation.direct.Transaction``. BEGIN goes with the first statement, where that saves a round trip."""

    __slots__ = ("_begun", "_connection")

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection
        self._begun = False

    async def fetch(self, statement: Statement[_Compiled], /, **parameters: Any) -> list[Row]:
        await self._begin()
        return await self._connection.fetch(statement.compiled.text, statement.compiled.values(parameters))

    async def execute_many(self, statement: Statement[_Compiled], parameters: Sequence[Mapping[str, Any]]) -> None:
        if parameters:
            await self._begin()
            compiled = statement.compiled
            await self._connection.execute_many(compiled.text, [compiled.values(given) for given in parameters])

    async def insert(self, bulk: BulkInsert[_CompiledInsert], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            await self._begin()
            await self._connection.fetch(bulk.compiled.text, bulk.compiled.values(rows))

    async def lock(self, keys: Iterable[int]) -> None:
        # Everybody takes them in the same order. As numbers in the text: so they need no round trip but BEGIN's.
        in_order = ",".join(str(int(key)) for key in sorted(set(keys)))
        if in_order:
            begin = "" if self._begun else "BEGIN; "
            self._begun = True
            await self._connection.execute(begin + _LOCKS.format(in_order))

    async def commit(self) -> None:
        # The server rolls back, and says only that, what a statement failed in.
        if self._begun and await self._connection.execute("COMMIT") != "COMMIT":
            raise DatabaseUnavailableError(AFTER_AN_ERROR)

    async def rollback(self) -> None:
        if self._begun:
            await self._connection.execute("ROLLBACK")

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._connection.execute("BEGIN")


class _Writing:
    """The context of a transaction, on a connection of its own."""

    __slots__ = ("_connection", "_connections", "_transaction")

    def __init__(self, connections: PostgresConnections) -> None:
        self._connections = connections

    async def __aenter__(self) -> PostgresTransaction:
        self._connection = await self._connections.take()
        self._transaction = PostgresTransaction(self._connection)
        return self._transaction

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._transaction.commit()
            elif isinstance(error, Exception) and not isinstance(error, DatabaseUnavailableError):
                await self._transaction.rollback()
        except BaseException as failure:
            self._connections.give_back_after(self._connection, failure)
            raise
        if error is None:
            self._connections.give_back(self._connection)
        else:
            self._connections.give_back_after(self._connection, error)


class PostgresDirect(Direct):
    """See ``foundation.direct.Direct``; at most ``most_connections`` at once, each statement within its patience."""

    def __init__(self, url: URL, *, most_connections: int, patience_seconds: float) -> None:
        self._dialect: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
        self._connections = PostgresConnections(url, most=most_connections, patience_seconds=patience_seconds)

    def statement(self, statement: Executable) -> Statement[_Compiled]:
        among = (element for element in visitors.iterate(cast(ClauseElement, statement)) if isinstance(element, Among))
        arrays = {element.parameter: element.element_type for element in among}
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
        return await self._fetch(statement.compiled.text, statement.compiled.values(parameters))

    async def insert(self, bulk: BulkInsert[_CompiledInsert], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            await self._fetch(bulk.compiled.text, bulk.compiled.values(rows))

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        return _Writing(self._connections)

    def listening(
        self, channel: str, tell: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Callable[[], Coroutine[Any, Any, str]]]:
        """See ``PostgresConnections.listening``; it is beside the budget."""
        return self._connections.listening(channel, tell)

    async def close(self) -> None:
        await self._connections.close()

    async def _fetch(self, text: str, values: Sequence[Any]) -> list[Row]:
        connection = await self._connections.take()
        try:
            rows = await connection.fetch(text, values)
        except BaseException as error:
            self._connections.give_back_after(connection, error)
            raise
        self._connections.give_back(connection)
        return rows

    def _compile(self, statement: Executable) -> SQLCompiler:
        compiled = statement.compile(dialect=self._dialect)  # type: ignore[attr-defined]  # all of them have it
        assert isinstance(compiled, SQLCompiler)
        return compiled


def _types_of_parameters(expressions: Mapping[str, ColumnElement[Any]], parameters: Sequence[str]) -> dict[str, Any]:
    found = {
        element.key: element.type
        for expression in expressions.values()
        for element in visitors.iterate(expression)
        if isinstance(element, BindParameter)
    }
    return {name: found[name] for name in parameters}
