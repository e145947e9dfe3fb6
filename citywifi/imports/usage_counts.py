"""Published counts of WiFi sessions by authority and month: takes what is a month's figure, and nothing that is not.

The file has one column for periods of all lengths ("2023-04-01/P1M", "/P3M", "/P1Y"), so adding it up is wrong. Some
authorities file a year's or a quarter's figure spread evenly over its months, or all of it in the last month. None of
these is a month's count. A month that is missing is missing: it never becomes zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from citywifi.imports.errors import ImportFileError
from citywifi.imports.readers import Table, read_table, require_columns, shown
from citywifi.imports.report import Problem, Problems
from citywifi.imports.rows import RowNotUsable, cell
from citywifi.imports.values import ValueNotUsable, whole_number

EXPECTED = "session counts by authority and period (Authority, Period, Count)"
# Earlier editions call the count otherwise.
_COUNT_COLUMNS = ("Count", "Sessions")
_PERIOD = re.compile(r"(\d{4})-(\d{2})-01/P(\d+)([MY])")
_QUARTER = 3
_YEAR = 12


@dataclass(frozen=True, slots=True)
class _Figure:
    line: int
    # Months since the year 0, so that neighbours differ by one.
    month: int
    count: int


@dataclass(frozen=True, slots=True)
class MonthlyCounts:
    """One authority's counts by month, such as {"2023-04": 32075}."""

    by_month: dict[str, int]
    # Months between the first and the last that are not there.
    missing: tuple[str, ...]
    refused: tuple[Problem, ...]


def read_monthly_counts(file: Path, authority: str) -> MonthlyCounts:
    """Read one authority's months. Raises ImportFileError."""
    table = read_table(file, EXPECTED)
    require_columns(table, ("Authority", "Period"), EXPECTED)
    return monthly_counts(table, authority)


def monthly_counts(table: Table, authority: str) -> MonthlyCounts:
    """One authority's months of a table that was read. Raises ImportFileError."""
    column = next((name for name in _COUNT_COLUMNS if name in table.columns), None)
    if column is None:
        raise ImportFileError(f"{table.name} has no column Count; expected {EXPECTED}, found {shown(table.columns)}")
    problems = Problems(rejected=list(table.broken))
    figures: dict[int, _Figure] = {}
    for row in table.rows:
        if row.values["Authority"].strip() != authority:
            continue
        try:
            figure = _Figure(row.line, cell(row, "Period", _single_month), cell(row, column, whole_number))
            if figure.month in figures:
                first = figures[figure.month].line
                raise RowNotUsable("Period", row.values["Period"], f"line {first} has the same month")
        except RowNotUsable as problem:
            problems.reject(row.line, problem.column, problem.value, problem.reason)
            continue
        figures[figure.month] = figure
    ordered = [figures[month] for month in sorted(figures)]
    if (reason := _not_monthly(ordered)) is not None:
        for figure in ordered:
            problems.reject(figure.line, column, str(figure.count), reason)
        ordered = []
    return MonthlyCounts(_by_name(ordered), _missing(ordered), tuple(problems.rejected))


def _single_month(text: str) -> int:
    match = _PERIOD.fullmatch(text.strip())
    if not match or not 1 <= int(match[2]) <= _YEAR:
        raise ValueNotUsable("is not a period such as 2023-04-01/P1M")
    months = int(match[3]) * (_YEAR if match[4] == "Y" else 1)
    if months != 1:
        raise ValueNotUsable(f"is a figure of {months} months, which is no month's count")
    return int(match[1]) * _YEAR + int(match[2]) - 1


def _not_monthly(figures: Sequence[_Figure]) -> str | None:
    """Why figures filed by month are not counts of months, or None if they are."""
    if figures and not any(later.month - earlier.month == 1 for earlier, later in pairwise(figures)):
        return "no neighbouring month is filed, so this may be the figure of a quarter or a year"
    if len(figures) >= _YEAR and _even(figures):
        return "every month has the same figure: it is a year's, spread evenly"
    quarters = _whole_quarters(figures)
    if len(quarters) > 1 and all(_even(quarter) for quarter in quarters):
        return "the months of each quarter have the same figure: it is a quarter's, spread evenly"
    return None


def _even(figures: Sequence[_Figure]) -> bool:
    """The same figure but for the rounding of a division."""
    counts = [figure.count for figure in figures]
    return max(counts) - min(counts) <= 1


def _whole_quarters(figures: Sequence[_Figure]) -> list[list[_Figure]]:
    quarters: dict[int, list[_Figure]] = {}
    for figure in figures:
        quarters.setdefault(figure.month // _QUARTER, []).append(figure)
    return [quarter for quarter in quarters.values() if len(quarter) == _QUARTER]


def _by_name(figures: Sequence[_Figure]) -> dict[str, int]:
    return {_name(figure.month): figure.count for figure in figures}


def _missing(figures: Sequence[_Figure]) -> tuple[str, ...]:
    if not figures:
        return ()
    present = {figure.month for figure in figures}
    return tuple(_name(month) for month in range(figures[0].month, figures[-1].month) if month not in present)


def _name(month: int) -> str:
    return f"{month // _YEAR}-{month % _YEAR + 1:02}"
