"""The report as files: tidy CSV for machines, a page that stands alone for people.

Symbols are those of the Government Statistical Service: ``[c]`` is confidential, ``[x]`` not available.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from monitoring.inclusion.report import MEASURES, CouncilReport, Figure, MeasureName, Missing, Row

COLUMNS: Final = (
    "council_code", "council_name", "period_from", "period_to", "area_kind", "area_code", "area_name",
    *MEASURES, "notes",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA_BEGINNINGS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
MEASURE_NAMES: Final[dict[MeasureName, str]] = {
    "registrations": "Registrations",
    "active_users": "Active users",
    "sessions": "Sessions",
    "hours_online": "Hours online",
    "gigabytes": "Gigabytes",
}
_DECIMALS: Final = {"hours_online": 1, "gigabytes": 2}


def as_csv(report: CouncilReport) -> str:
    """One table: a header line, then one line for each ward, for each decile and for the whole council.

    ``period_to`` is the day after the last one. Lines end as RFC 4180 says.
    """
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(COLUMNS)
    for kind, rows in (("ward", report.wards), ("imd_decile", report.deciles), ("council", (report.total,))):
        for row in rows:
            writer.writerow(
                [
                    _safe(report.council_code), _safe(report.council_name), report.period.first.isoformat(),
                    report.period.end.isoformat(), kind, _safe(row.area.code), _safe(row.area.name),
                    *(_figure(row, name) for name in MEASURES), _notes(report, row),
                ]
            )  # fmt: skip
    return output.getvalue()


def shown(figure: Figure, decimals: int = 0) -> str:
    """A figure for people: thousands separated, or the symbol for what is missing."""
    return figure.value if isinstance(figure, Missing) else f"{figure:,.{decimals}f}"


def decimals_of(measure: str) -> int:
    """How many decimals a measure is shown with."""
    return _DECIMALS.get(measure, 0)


def _figure(row: Row, measure: MeasureName) -> str:
    figure = row.figure(measure)
    return figure.value if isinstance(figure, Missing) else f"{figure:.{decimals_of(measure)}f}"


def _notes(report: CouncilReport, row: Row) -> str:
    notes = []
    if row.is_withheld:
        notes.append(f"[c] confidential: protects counts of fewer than {report.smallest_published_count} people")
    if any(row.figure(name) is Missing.NOT_AVAILABLE for name in MEASURES):
        notes.append("[x] not available: the records are no longer kept")
    return "; ".join(notes)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_BEGINNINGS) else text
