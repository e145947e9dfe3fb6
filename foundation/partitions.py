"""The months of PostgreSQL's large tables: one partition for each, made ahead and dropped when their time is over.

``accounting_sessions`` and ``authentications`` are partitioned by range of a moment, one partition a month of UTC, and
there is no partition for the rest: with one, a month could not be taken away without a lock that stops everybody
(https://www.postgresql.org/docs/current/ddl-partitioning.html section 5.12.2.2). So a month must be there before its
first row: services make months ahead when they start and once an hour, and who writes a row of any other month (a
record that comes late, a session that began long ago) calls :func:`ensure_months`.

A month is taken away as a whole when all of its rows are past their time (:func:`drop_past_months`).

On SQLite both are plain tables, and everything here does nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import Column, Connection, Table, column, exists, func, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.database_errors import DatabaseUnavailableError
from foundation.schema import accounting_sessions, authentications

MONTHS_AHEAD: Final = 3
# Who waits for a lock on a table makes those wait who come later; so nobody waits long, and asks again.
LOCK_TIMEOUT_MILLISECONDS: Final = 2000
# Room in each page for a new version of each of its rows, which then needs no new entry in any index (HOT): sessions
# that began together are updated together.
_SESSIONS_FILLFACTOR: Final = 50
_NAME: Final = re.compile(r"_(?P<year>\d{4})_(?P<month>\d{2})\Z")
# Advisory locks: one process at a time makes months, or drops them. The digits mean nothing.
_LOCK: Final = 7_203_941_155_062
_LOCK_OF_DROPPING: Final = 7_203_941_155_063
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A month of UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        """The month that an aware moment lies in."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @property
    def begin(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    def later(self, months: int) -> Month:
        """The month so many months afterwards."""
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1)


@dataclass(frozen=True, slots=True)
class PartitionedTable:
    """A table with a partition for each month."""

    table: Table
    fillfactor: int

    def partition(self, month: Month) -> str:
        """The name of a month's partition, such as ``authentications_2026_11``."""
        return f"{self.table.name}_{month.year:04}_{month.month:02}"

    def month(self, partition: str) -> Month | None:
        """The month of a partition by its name; None where it is none of this table's."""
        found = _NAME.search(partition)
        if found is None or partition[: found.start()] != self.table.name:
            return None
        return Month(int(found["year"]), int(found["month"]))


# By ``anchored_at`` the first, by ``at`` the second.
PARTITIONED: Final = (
    PartitionedTable(accounting_sessions, _SESSIONS_FILLFACTOR),
    PartitionedTable(authentications, 100),
)
_known: WeakKeyDictionary[Database, set[Month]] = WeakKeyDictionary()


def is_partition(name: str | None) -> bool:
    """Whether a table's name is a month's partition, which the schema does not list."""
    return name is not None and any(partitioned.month(name) for partitioned in PARTITIONED)


async def ensure_months(database: Database, moments: Iterable[datetime]) -> None:
    """See to it that rows of these moments can be stored; costs nothing for months that this process knows.

    Raises DatabaseUnavailableError when the database is away or somebody keeps the tables locked.
    """
    if database.is_sqlite:
        return
    known = _known.setdefault(database, set())
    missing = {Month.of(moment) for moment in moments} - known
    if not missing:
        return
    try:
        async with database.write() as connection:
            await connection.run_sync(create_months, missing)
    except (DBAPIError, OSError, TimeoutError) as error:
        raise DatabaseUnavailableError(f"a month's partitions could not be made ({_kind(error)})") from None
    known |= missing


async def make_months_ahead(database: Database, now: datetime) -> None:
    """See to it that this month and the next ones are there."""
    forget_months(database)
    this_month = Month.of(now)
    await ensure_months(database, [this_month.later(number).begin for number in range(MONTHS_AHEAD + 1)])


def forget_months(database: Database) -> None:
    """Look again: another process dropped a month whose time was over, and now a row of it came."""
    _known.pop(database, None)


def create_months(connection: Connection, months: Iterable[Month], *, only: str = "") -> None:
    """Make what is missing of them, on PostgreSQL, in the transaction of the connection.

    The partition is made by itself and attached then, because CREATE TABLE … PARTITION OF would lock out everybody who
    reads or writes the table, and ATTACH PARTITION only those who change its shape.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}"))
    for partitioned in PARTITIONED:
        if only not in {"", partitioned.table.name}:
            continue
        attached = _attached(connection, partitioned)
        for month in sorted(months):
            name = partitioned.partition(month)
            if attached.get(name):
                # It was to go, and half did, when a row of it came.
                connection.execute(text(f"ALTER TABLE {partitioned.table.name} DETACH PARTITION {name} FINALIZE"))
            if attached.get(name) is not False:
                _create(connection, partitioned, month)


async def drop_past_months(
    database: Database, clock: Column[datetime], cutoff: datetime, before: Callable[[], Awaitable[None]]
) -> int:
    """Drop the months of the clock's table of whose rows none has a clock at or after the cutoff; how many rows.

    A month is detached first, without a lock that readers or writers of the table would wait for, and dropped then;
    ``before`` is done before each. What an earlier run left half done is finished. Where somebody keeps the locks that
    it needs, the rest is left for the next run.
    """
    partitioned = next((each for each in PARTITIONED if each.table is clock.table), None)
    if database.is_sqlite or partitioned is None:
        return 0
    dropped = 0
    try:
        async with _alone(database) as connection:
            if connection is not None:
                await _detach_past(connection, partitioned, clock, cutoff, before)
                for name in await connection.run_sync(_detached, partitioned):
                    dropped += await _drop(database, partitioned, name, clock, cutoff)
    except (DBAPIError, OSError, TimeoutError) as error:
        logger.info("a month is dropped later", table=partitioned.table.name, problem=_kind(error))
    return dropped


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[AsyncConnection | None]:
    """A connection outside transactions, if no other process drops months now; else None."""
    async with database.autocommit() as connection:
        lock = {"lock": _LOCK_OF_DROPPING}
        is_ours = (await connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), lock)).scalar_one()
        if not is_ours:
            yield None
            return
        try:
            await connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}"))
            yield connection
        except BaseException:
            # Lock and setting end with their session. A statement could fail here, and its error hide a cancellation.
            await connection.invalidate()
            raise
        await connection.execute(text("RESET lock_timeout"))
        await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)


async def _detach_past(
    connection: AsyncConnection,
    partitioned: PartitionedTable,
    clock: Column[datetime],
    cutoff: datetime,
    before: Callable[[], Awaitable[None]],
) -> None:
    parent = partitioned.table.name
    for name, is_half_detached in sorted((await connection.run_sync(_attached, partitioned)).items()):
        month = partitioned.month(name)
        if is_half_detached:
            await connection.execute(text(f"ALTER TABLE {parent} DETACH PARTITION {name} FINALIZE"))
        elif (
            month and month.later(1).begin <= cutoff and not await connection.run_sync(_has_since, name, clock, cutoff)
        ):
            await before()
            await connection.execute(text(f"ALTER TABLE {parent} DETACH PARTITION {name} CONCURRENTLY"))


async def _drop(
    database: Database, partitioned: PartitionedTable, name: str, clock: Column[datetime], cutoff: datetime
) -> int:
    """Drop a detached month, unless a row came between the look at it and its detaching: then it is attached again."""
    month = partitioned.month(name)
    assert month is not None

    def drop(connection: Connection) -> int:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}"))
        if name in _attached(connection, partitioned):
            return 0
        if _has_since(connection, name, clock, cutoff):
            _create(connection, partitioned, month)
            return 0
        rows: int = connection.execute(select(func.count()).select_from(table(name))).scalar_one()
        connection.execute(text(f"DROP TABLE {name}"))
        return rows

    async with database.write() as connection:
        return await connection.run_sync(drop)


def _has_since(connection: Connection, name: str, clock: Column[datetime], cutoff: datetime) -> bool:
    question = select(exists().select_from(table(name)).where(column(clock.name, clock.type) >= cutoff))
    return bool(connection.execute(question).scalar_one())


def _attached(connection: Connection, partitioned: PartitionedTable) -> dict[str, bool]:
    """The partitions by name, and whether their detaching was begun: then no row can be seen or written any more."""
    rows = connection.execute(_PARTITIONS, {"parent": partitioned.table.name})
    return {row.relname: row.inhdetachpending for row in rows}


def _detached(connection: Connection, partitioned: PartitionedTable) -> list[str]:
    rows = connection.execute(_TABLES_BESIDE, {"parent": partitioned.table.name}).scalars()
    return sorted(name for name in rows if partitioned.month(name))


def _create(connection: Connection, partitioned: PartitionedTable, month: Month) -> None:
    parent, partition = partitioned.table.name, partitioned.partition(month)
    connection.execute(
        text(
            # It exists where the month was detached and not dropped yet.
            f"CREATE TABLE IF NOT EXISTS {partition} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
            f" WITH (fillfactor = {partitioned.fillfactor})"
        )
    )
    begin, end = (f"'{moment.isoformat()}'" for moment in (month.begin, month.later(1).begin))
    connection.execute(text(f"ALTER TABLE {parent} ATTACH PARTITION {partition} FOR VALUES FROM ({begin}) TO ({end})"))


def _kind(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return type(getattr(original, "__cause__", None) or original).__name__


_PARTITIONS: Final = text(
    "SELECT relname, inhdetachpending FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
    " WHERE inhparent = to_regclass(:parent)"
)
# Plain tables where the parent is.
_TABLES_BESIDE: Final = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
    " AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass(:parent))"
)
