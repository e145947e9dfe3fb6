"""`import deprivation`: the Indices of Multiple Deprivation 2025 for England, or the same columns of a city's file."""

from __future__ import annotations

from collections.abc import Mapping
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
from citywifi.imports.values import area_code, whole_number
from foundation.schema import small_areas

EXPECTED = "the Indices of Multiple Deprivation 2025 by small area (lsoa21_code or LSOA21CD, IMD_decile, IMD_rank …)"
# The domains that both editions of the index have, and their columns.
DOMAINS_2019 = {
    "income": "Income",
    "employment": "Employment",
    "education": "Education",
    "health": "Health",
    "crime": "Crime",
    "housing": "Housing_and_Access",
    "environment": "Environment",
}
DOMAINS_2025 = {**DOMAINS_2019, "housing": "Housing_and_Services"}

_IMD_YEAR = 2025
_CODE_COLUMNS = ("lsoa21_code", "LSOA21CD")


async def import_deprivation(job: ImportJob, file: Path) -> Outcome:
    """Take the figures of the council's small areas. Raises ImportFileError, ImportNotReadyError."""
    table = read_table(file, EXPECTED)
    code_column = small_area_column(table, EXPECTED)
    require_columns(table, imd_columns(DOMAINS_2025), EXPECTED)

    def parse(row: Row) -> dict[str, Any]:
        code = cell(row, code_column, area_code)
        if code not in known:
            raise RowElsewhere
        return {"code": code, "edition": 2021, **deprivation_figures(row, _IMD_YEAR, DOMAINS_2025)}

    async with job.database.read() as connection:
        known = await small_areas_of_2021(connection, job.council.id)
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
        await carry_over(connection, job.council.id)
        outcome = reading.outcome("small areas with deprivation", rows_read(table), stored)
        outcome = outcome.with_notices(*missing_areas(known, reading.records, "no deprivation"))
        await record_import(connection, job, "deprivation", table.name, outcome)
    return outcome


def imd_columns(domains: Mapping[str, str]) -> tuple[str, ...]:
    """The columns that the figures are read from."""
    return ("IMD_decile", "IMD_rank", *(f"{column}_decile" for column in domains.values()))


def deprivation_figures(row: Row, year: int, domains: Mapping[str, str]) -> dict[str, Any]:
    """A row's decile, rank and deciles by domain. Raises RowNotUsable."""
    return {
        "imd_year": year,
        "imd_decile": cell(row, "IMD_decile", _decile),
        "imd_rank": cell(row, "IMD_rank", lambda value: whole_number(value, lowest=1)),
        "domain_deciles": {name: cell(row, f"{column}_decile", _decile) for name, column in domains.items()},
    }


def small_area_column(table: Table, expected: str) -> str:
    """The column with codes of 2021. Raises ImportFileError."""
    for column in _CODE_COLUMNS:
        if column in table.columns:
            return column
    raise ImportFileError(
        f"{table.name} has no column {' or '.join(_CODE_COLUMNS)}; expected {expected}, found {shown(table.columns)}"
    )


async def small_areas_of_2021(connection: AsyncConnection, council_id: int) -> frozenset[str]:
    """Codes of the council's small areas. Raises ImportNotReadyError if there are none yet."""
    codes = select(small_areas.c.code).where(small_areas.c.council_id == council_id, small_areas.c.edition == 2021)
    found = frozenset((await connection.execute(codes)).scalars())
    if not found:
        raise ImportNotReadyError(
            "the council has no small areas of 2021 yet; first import the ONS lookup from 2011 to 2021 "
            "with `citywifi import areas FILE`"
        )
    return found


def missing_areas(known: frozenset[str], records: list[dict[str, Any]], what: str) -> list[str]:
    """A sentence on the council's small areas that the file does not have."""
    missing = sorted(known - {record["code"] for record in records})
    if not missing:
        return []
    some = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
    return [f"{len(missing)} of the council's {len(known)} small areas have {what} in this file: {some}"]


def _decile(value: str) -> int:
    return whole_number(value, lowest=1, highest=10)
