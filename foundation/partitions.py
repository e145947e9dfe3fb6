"""The months of PostgreSQL's large tables: one partition for each, made ahead and dropped when their time is over.

``accounting_sessions`` and ``authentications`` are partitioned by range of a moment, one partition a month of UTC, and
there is no partition for the rest: with one, a month could not be taken away without a lock that stops everybody
(https://www.postgresql.org/docs/current/ddl-partitioning.html section 5.12.2.2). So a month must be there before its
first row: services make months ahead when they start and once an hour, and who writes a row of any other month (a
record that comes late, a session that began long ago) calls :func:`ensure_months`.

On SQLite both are plain tables, and everything here does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Connection, Table, text

from foundation.database import Database
from foundation.schema import accounting_sessions, authentications

MONTHS_AHEAD: Final = 3
# Who waits for a lock on a table makes those wait who come later; so nobody waits long, and asks again.
LOCK_TIMEOUT_MILLISECONDS: Final = 2000
# Room in each page for new versions of its rows, which then need no new entry in any index (HOT).
_SESSIONS_FILLFACTOR: Final = 70
_NAME: Final = re.compile(r"_(?P<year>\d{4})_(?P<month>\d{2})\Z")
# Of pg_advisory_xact_lock: one process at a time makes months. The digits mean nothing.
_LOCK: Final = 7_203_941_155_062


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
    # Decides which month a row belongs to.
    moment: Column[datetime]
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


PARTITIONED: Final = (
    PartitionedTable(accounting_sessions, accounting_sessions.c.anchored_at, _SESSIONS_FILLFACTOR),
    PartitionedTable(authentications, authentications.c.at, 100),
)
_known: WeakKeyDictionary[Database, set[Month]] = WeakKeyDictionary()


def is_partition(name: str | None) -> bool:
    """Whether a table's name is a month's partition, which the schema does not list."""
    return name is not None and any(partitioned.month(name) for partitioned in PARTITIONED)


async def ensure_months(database: Database, moments: Iterable[datetime]) -> None:
    """See to it that rows of these moments can be stored; costs nothing for months that this process knows.

    Raises DBAPIError when the database is away or somebody keeps the tables locked.
    """
    if database.is_sqlite:
        return
    known = _known.setdefault(database, set())
    missing = {Month.of(moment) for moment in moments} - known
    if not missing:
        return
    async with database.write() as connection:
        await connection.run_sync(create_months, missing)
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
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    for partitioned in PARTITIONED:
        if only not in {"", partitioned.table.name}:
            continue
        present = _attached(connection, partitioned)
        for month in sorted(months):
            if partitioned.partition(month) not in present:
                _create(connection, partitioned, month)


def _attached(connection: Connection, partitioned: PartitionedTable) -> set[str]:
    rows = connection.execute(_PARTITIONS, {"parent": partitioned.table.name})
    return {row.relname for row in rows}


def _create(connection: Connection, partitioned: PartitionedTable, month: Month) -> None:
    parent, partition = partitioned.table.name, partitioned.partition(month)
    connection.execute(
        text(
            f"CREATE TABLE IF NOT EXISTS {partition} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
            f" WITH (fillfactor = {partitioned.fillfactor})"
        )
    )
    begin, end = (f"'{moment.isoformat()}'" for moment in (month.begin, month.later(1).begin))
    connection.execute(text(f"ALTER TABLE {parent} ATTACH PARTITION {partition} FOR VALUES FROM ({begin}) TO ({end})"))


_PARTITIONS: Final = text(
    "SELECT relname, inhdetachpending FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
    " WHERE inhparent = to_regclass(:parent)"
)
