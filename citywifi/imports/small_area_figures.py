"""What imports of deprivation and population share: figures for the small areas of 2021 that the council has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from citywifi.imports.editions import carry_over
from citywifi.imports.errors import ImportFileError, ImportNotReadyError
from citywifi.imports.readers import Row, Table, read_table, require_columns, shown
from citywifi.imports.report import Outcome
from citywifi.imports.rows import RowElsewhere, cell, read_rows, rows_read
from citywifi.imports.store import ImportJob, record_import, store, transaction
from citywifi.imports.values import area_code
from foundation.schema import small_areas

_CODE_COLUMNS = ("lsoa21_code", "LSOA21CD")


@dataclass(frozen=True, slots=True)
class SmallAreaFigures:
    """One kind of figures by small area."""

    # As in `citywifi import KIND`.
    kind: str
    # Completes "expected …".
    expected: str
    columns: tuple[str, ...]
    # The columns of small_areas that a row gives. Raises RowNotUsable.
    read: Callable[[Row], dict[str, Any]]


async def import_small_area_figures(job: ImportJob, file: Path, figures: SmallAreaFigures) -> Outcome:
    """Take the figures of the council's small areas; other councils' are counted, not taken.

    Raises ImportFileError, ImportNotReadyError.
    """
    table = read_table(file, figures.expected)
    code_column = _code_column(table, figures.expected)
    require_columns(table, figures.columns, figures.expected)

    def parse(row: Row) -> dict[str, Any]:
        code = cell(row, code_column, area_code)
        if code not in known:
            raise RowElsewhere
        return {"code": code, "edition": 2021, **figures.read(row)}

    async with job.database.read() as connection:
        known = await _small_areas_of_2021(connection, job.council.id)
    reading = read_rows(table, ("code",), parse, job.progress)
    async with transaction(job) as connection:
        stored = await store(
            connection,
            small_areas,
            ("edition", "code"),
            reading.records,
            among=small_areas.c.council_id == job.council.id,
            on_insert={"council_id": job.council.id},
            progress=job.progress,
        )
        # The mean deprivation of areas that were split is weighted by population, so either import changes it.
        await carry_over(connection, job.council.id)
        outcome = reading.outcome(f"small areas with {figures.kind}", rows_read(table), stored)
        outcome = outcome.with_notices(*_missing_areas(known, reading.records, figures.kind))
        await record_import(connection, job, figures.kind, table.name, outcome)
    return outcome


def _code_column(table: Table, expected: str) -> str:
    for column in _CODE_COLUMNS:
        if column in table.columns:
            return column
    raise ImportFileError(
        f"{table.name} has no column {' or '.join(_CODE_COLUMNS)}; expected {expected}, found {shown(table.columns)}"
    )


async def _small_areas_of_2021(connection: AsyncConnection, council_id: int) -> frozenset[str]:
    codes = select(small_areas.c.code).where(small_areas.c.council_id == council_id, small_areas.c.edition == 2021)
    found = frozenset((await connection.execute(codes)).scalars())
    if not found:
        raise ImportNotReadyError(
            "the council has no small areas of 2021 yet; first import the ONS lookup from 2011 to 2021 "
            "with `citywifi import areas FILE`"
        )
    return found


def _missing_areas(known: frozenset[str], records: list[dict[str, Any]], kind: str) -> list[str]:
    """A sentence on the council's small areas that the file does not have."""
    missing = sorted(known - {record["code"] for record in records})
    if not missing:
        return []
    some = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
    return [f"{len(missing)} of the council's {len(known)} small areas have no {kind} in this file: {some}"]
