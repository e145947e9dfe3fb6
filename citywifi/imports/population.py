"""`import population`: how many people live in each small area of 2021."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from citywifi.imports.deprivation import missing_areas, small_area_column, small_areas_of_2021
from citywifi.imports.editions import carry_over
from citywifi.imports.readers import Row, read_table, require_columns
from citywifi.imports.report import Outcome
from citywifi.imports.rows import RowElsewhere, cell, read_rows, rows_read
from citywifi.imports.store import ImportJob, record_import, store, transaction
from citywifi.imports.values import area_code, whole_number
from foundation.schema import small_areas

EXPECTED = "population by small area (LSOA21CD, population)"


async def import_population(job: ImportJob, file: Path) -> Outcome:
    """Take the population of the council's small areas. Raises ImportFileError, ImportNotReadyError."""
    table = read_table(file, EXPECTED)
    code_column = small_area_column(table, EXPECTED)
    require_columns(table, ("population",), EXPECTED)

    def parse(row: Row) -> dict[str, Any]:
        code = cell(row, code_column, area_code)
        if code not in known:
            raise RowElsewhere
        return {"code": code, "edition": 2021, "population": cell(row, "population", whole_number)}

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
        # The mean deprivation of areas that were split is weighted by population.
        await carry_over(connection, job.council.id)
        outcome = reading.outcome("small areas with population", rows_read(table), stored)
        outcome = outcome.with_notices(*missing_areas(known, reading.records, "no population"))
        await record_import(connection, job, "population", table.name, outcome)
    return outcome
