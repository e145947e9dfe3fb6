"""`import deprivation`: the Indices of Multiple Deprivation 2025 for England, or the same columns of a city's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from citywifi.imports.readers import Row
from citywifi.imports.report import Outcome
from citywifi.imports.rows import cell
from citywifi.imports.small_area_figures import SmallAreaFigures, import_small_area_figures
from citywifi.imports.store import ImportJob
from citywifi.imports.values import whole_number

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


async def import_deprivation(job: ImportJob, file: Path) -> Outcome:
    """Take the figures of the council's small areas. Raises ImportFileError, ImportNotReadyError."""
    return await import_small_area_figures(job, file, DEPRIVATION)


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


def _decile(value: str) -> int:
    return whole_number(value, lowest=1, highest=10)


DEPRIVATION = SmallAreaFigures(
    kind="deprivation",
    expected="the Indices of Multiple Deprivation 2025 by small area (lsoa21_code or LSOA21CD, IMD_decile, IMD_rank …)",
    columns=imd_columns(DOMAINS_2025),
    read=lambda row: deprivation_figures(row, _IMD_YEAR, DOMAINS_2025),
)
