"""Bring rows into a table in batches: insert what is new, update what changed, leave the rest alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.imports.errors import ImportNotReadyError
from citywifi.imports.report import Outcome, Progress, no_progress
from foundation.database import Database
from foundation.schema import audit_events, councils

_ROWS_A_BATCH = 1000
_LONGEST_SUBJECT = 200

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Council:
    """The council that an import is for."""

    id: int
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class ImportJob:
    """Where an import writes to."""

    database: Database
    council: Council
    progress: Progress = no_progress
    # Do everything, tell what would happen, and write nothing.
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the records that were handed to `store`."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(self.inserted + other.inserted, self.updated + other.updated, self.unchanged + other.unchanged)


class _NothingIsWritten(Exception):  # noqa: N818  ends a dry run's transaction; never leaves this file
    pass


async def find_council(database: Database, code: str | None) -> Council:
    """The council with this code, or the only one. Raises ImportNotReadyError."""
    async with database.read() as connection:
        rows = (await connection.execute(select(councils.c.id, councils.c.code, councils.c.name))).all()
    found = [Council(row.id, row.code, row.name) for row in rows if code in (None, row.code)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted(f"{row.code} {row.name}" for row in rows))
    if not rows:
        raise ImportNotReadyError("there is no council yet; add one with `citywifi council add CODE NAME`")
    if code is not None:
        raise ImportNotReadyError(f"there is no council {code}; there is {known}")
    raise ImportNotReadyError(f"there are several councils; say which one with --council CODE: {known}")


@asynccontextmanager
async def transaction(job: ImportJob) -> AsyncIterator[AsyncConnection]:
    """One transaction for the whole import; imports of the same council wait for each other."""
    try:
        async with job.database.write() as connection:
            # On PostgreSQL this lock lets sessions of the council be written meanwhile (FOR NO KEY UPDATE).
            lock = select(councils.c.id).where(councils.c.id == job.council.id).with_for_update(key_share=True)
            await connection.execute(lock)
            yield connection
            if job.dry_run:
                raise _NothingIsWritten
    except _NothingIsWritten:
        pass


async def store(
    connection: AsyncConnection,
    table: Table,
    key: Sequence[str],
    records: Sequence[Record],
    *,
    among: ColumnElement[bool],
    on_insert: Record,
    on_update: Record | None = None,
    progress: Progress = no_progress,
) -> Stored:
    """Insert or update ``records``, which all have the same columns and different keys.

    ``among`` limits the table's rows that they are compared with. ``on_insert`` completes new rows and ``on_update``
    changed ones; neither counts as a change.
    """
    if not records:
        return Stored()
    columns = list(records[0])
    existing = await connection.execute(select(table.c.id, *(table.c[name] for name in columns)).where(among))
    known = {tuple(row._mapping[name] for name in key): row._mapping for row in existing}
    new, changed = [], []
    for record in records:
        row = known.get(tuple(record[name] for name in key))
        if row is None:
            new.append({**record, **on_insert})
        elif any(row[name] != record[name] for name in columns):
            changed.append({**record, **(on_update or {}), "row_id": row["id"]})
    await _in_batches(connection, table.insert(), new, progress)
    await _in_batches(connection, update(table).where(table.c.id == bindparam("row_id")), changed, progress)
    return Stored(len(new), len(changed), len(records) - len(new) - len(changed))


async def _in_batches(
    connection: AsyncConnection, statement: Any, rows: Sequence[dict[str, Any]], progress: Progress
) -> None:
    for start in range(0, len(rows), _ROWS_A_BATCH):
        await connection.execute(statement, list(rows[start : start + _ROWS_A_BATCH]))
        progress("storing", min(start + _ROWS_A_BATCH, len(rows)), len(rows))
        # The progress bar is drawn between batches.
        await asyncio.sleep(0)


async def record_import(
    connection: AsyncConnection, job: ImportJob, kind: str, file_name: str, outcome: Outcome
) -> None:
    """Write the audit's row of an import."""
    await connection.execute(
        audit_events.insert().values(
            council_id=job.council.id,
            at=datetime.now(UTC),
            actor="command line",
            action=f"import {kind}",
            subject=file_name[:_LONGEST_SUBJECT],
            detail={"rows": outcome.subject, **outcome.counts()},
        )
    )
