"""`import population`: how many people live in each small area of 2021."""

from __future__ import annotations

from pathlib import Path

from citywifi.imports.report import Outcome
from citywifi.imports.rows import cell
from citywifi.imports.small_area_figures import SmallAreaFigures, import_small_area_figures
from citywifi.imports.store import ImportJob
from citywifi.imports.values import whole_number

POPULATION = SmallAreaFigures(
    kind="population",
    expected="population by small area (LSOA21CD, population)",
    columns=("population",),
    read=lambda row: {"population": cell(row, "population", whole_number)},
)


async def import_population(job: ImportJob, file: Path) -> Outcome:
    """Take the population of the council's small areas. Raises ImportFileError, ImportNotReadyError."""
    return await import_small_area_figures(job, file, POPULATION)
