"""Statements straight to the driver, for the few paths where SQLAlchemy's cost of a call would show.

SQLAlchemy owns the schema and the statements; here they are compiled once, and each call hands values to asyncpg or
sqlite3. A call of its own costs SQLAlchemy more than the database's work on a batch of rows, so this is for what each
RADIUS request waits for; everything else uses ``Database.read`` and ``Database.write``.

Values are the same on both databases: aware datetimes, bytes, int, str, bool, float, None. A result column that is
computed keeps the type that SQLAlchemy knows of it; where it knows none (of ``greatest``, for one), SQLite's own value
comes back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Boolean, ColumnElement, Executable, String, Table, Text, any_, bindparam, cast, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from foundation.database_errors import DatabaseError, DatabaseUnavailableError, RowsRefusedError

__all__ = [
    "BulkInsert",
    "DatabaseError",
    "DatabaseUnavailableError",
    "Direct",
    "RowsRefusedError",
    "Statement",
    "Transaction",
    "among",
]

MOST_CONNECTIONS = 4
PATIENCE_SECONDS = 20.0

AFTER_AN_ERROR = "a statement of the transaction failed, so that nothing of it was committed"

Row = Sequence[Any]
"""Values in the order of the statement's columns: a tuple of SQLite's, a record of asyncpg's."""
OnConflict = Callable[[postgresql.Insert], postgresql.Insert]
Compiled = TypeVar("Compiled")


class Statement(Generic[Compiled]):
    """A compiled statement; make it once by ``Direct.statement``, for its own database only."""

    __slots__ = ("compiled",)

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled


class BulkInsert(Generic[Compiled]):
    """A compiled INSERT of many rows; make it once by ``Direct.bulk_insert``, for its own database only."""

    __slots__ = ("compiled",)

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled


class Transaction(Protocol):
    """One transaction's statements. All raise DatabaseUnavailableError and RowsRefusedError."""

    async def fetch(self, statement: Statement[Any], /, **parameters: Any) -> list[Row]:
        """The statement's rows; also of ``UPDATE … RETURNING``."""

    async def execute_many(self, statement: Statement[Any], parameters: Sequence[Mapping[str, Any]]) -> None:
        """One statement with each of several sets of parameters, in order, in few round trips."""

    async def insert(self, bulk: BulkInsert[Any], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, whose values stand in the order of the columns and then of the parameters.

        On PostgreSQL one statement does it, so that two rows with the same key are refused by ON CONFLICT DO UPDATE.
        """

    async def lock(self, keys: Iterable[int]) -> None:
        """Keep others that lock a key of these (signed, 64 bits) waiting until the transaction's end.

        On SQLite nothing: there is one writer at a time.
        """


class Direct(ABC):
    """One database, past SQLAlchemy's engine; ``Database.direct`` makes it."""

    @abstractmethod
    def statement(self, statement: Executable) -> Statement[Any]:
        """Compile a statement. Its parameters are ``bindparam("name")`` and those of ``among``."""

    @abstractmethod
    def bulk_insert(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        computed: Mapping[str, ColumnElement[Any]] | None = None,
        parameters: Sequence[str] = (),
        on_conflict: OnConflict | None = None,
    ) -> BulkInsert[Any]:
        """Compile an INSERT of many rows.

        ``computed`` gives further columns by expressions, in which ``bindparam(name)`` of a name in ``parameters``
        stands for the row's own value. ``on_conflict`` adds that clause, by the methods of both databases' INSERT.
        """

    @abstractmethod
    async def fetch(self, statement: Statement[Any], /, **parameters: Any) -> list[Row]:
        """The rows of one statement in a transaction of its own. Raises as ``Transaction``."""

    @abstractmethod
    async def insert(self, bulk: BulkInsert[Any], rows: Sequence[Sequence[Any]]) -> None:
        """As ``Transaction.insert``, in a transaction of its own: committed when this returns."""

    @abstractmethod
    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that is committed when the block ends and rolled back when it raises.

        Also the beginning and the end raise DatabaseUnavailableError; so does the end of a block in which a statement
        failed and that went on nevertheless: nothing of it is committed.
        """

    @abstractmethod
    async def close(self) -> None:
        """Give back every connection."""


class Among(FunctionElement[bool]):
    """See ``among``."""

    name = "among"
    inherit_cache = False
    type: TypeEngine[bool] = Boolean()

    def __init__(self, column: ColumnElement[Any], parameter: str) -> None:
        self.parameter = parameter
        super().__init__(column)

    @property
    def element_type(self) -> TypeEngine[Any]:
        """The type of each value in the list: the column's."""
        (column,) = self.clauses
        return column.type

    def self_group(self, against: Any = None) -> Any:
        """As it is: SQLAlchemy would append ``= 1`` on SQLite, which keeps an index from being used."""
        return self


def among(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """Whether the column's value is one of those in the list that is given as the parameter.

    One array on PostgreSQL, so that the statement is the same for any number of values; on SQLite a list whose size
    ``Direct`` rounds up.
    """
    return Among(column, parameter)


def array_parameter(name: str, element: TypeEngine[Any]) -> ColumnElement[Any]:
    """PostgreSQL's array of a column's values, given as ``foundation.array_literals`` writes it.

    Text has no length there, so that none is cut off.
    """
    array = postgresql.ARRAY(Text() if isinstance(element, String) else element)
    return cast(bindparam(name, type_=Text()), array)


@compiles(Among, "postgresql")
def _any_of_array(element: Among, compiler: Any, **options: Any) -> str:
    (column,) = element.clauses
    array = array_parameter(element.parameter, element.element_type)
    # Selected, it is read once; where no index serves, the text would be read anew for every row.
    once = cast(select(array).scalar_subquery(), array.type)
    return str(compiler.process(column == any_(once), **options))


@compiles(Among, "sqlite")
def _in_list(element: Among, compiler: Any, **options: Any) -> str:
    (column,) = element.clauses
    values = bindparam(element.parameter, expanding=True, type_=element.element_type)
    return str(compiler.process(column.in_(values), **options))


class Parameters:
    """The parameters of a compiled statement: those that are given with each call, and those with a fixed value."""

    __slots__ = ("_constants", "_required")

    def __init__(self, compiled: SQLCompiler) -> None:
        if compiled.insert_prefetch or compiled.update_prefetch:
            raise DatabaseError("a column's default is made in Python; give its value in the statement")
        self._required = frozenset(name for name, bind in compiled.binds.items() if bind.required)
        self._constants = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}

    @property
    def constants(self) -> Mapping[str, Any]:
        """The fixed values by name."""
        return self._constants

    def require(self, names: Iterable[str]) -> None:
        """Raise TypeError unless these are the names of what must be given."""
        if wrong := self._required ^ set(names):
            raise TypeError(f"parameters of the statement that are missing or too many: {', '.join(sorted(wrong))}")

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What was given and the fixed values. Raises TypeError as ``require``."""
        if given.keys() != self._required:
            self.require(given)
        return {**self._constants, **given}
