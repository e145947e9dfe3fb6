"""What becomes of a comparison: a table on the screen, a JSON file, a chart, and the table in docs/performance.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import freeradius
from bench.comparison import Row
from bench.generator import GeneratorError

_TEXTS = ("what", "unit")
_FIGURES = ("ours", "range", "other", "range", "ratio", "wanted", "p99 ms", "CPU µs", "PostgreSQL's", "MB", "wrong")


def compare_and_report(results: Path, *, quick: bool, only: str) -> int:
    """Compare, print and save; exit status 1 when something that it needs is missing."""
    missing = freeradius.missing_packages()
    if missing:
        print(f"missing beside CityWiFi; as root: apt-get install {' '.join(missing)}", file=sys.stderr)
        return 1
    from bench.radius import Pace, compare

    try:
        rows = compare(Pace.quick() if quick else Pace.full(), only)
    except GeneratorError as error:
        print(error, file=sys.stderr)
        return 1
    Console(width=200).print(_table(rows))
    is_whole = not quick and not only
    results.mkdir(exist_ok=True)
    file = results / ("radius.json" if is_whole else "radius_part.json")
    file.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    print(f"saved in bench/results/{file.name}")
    return 0


def _table(rows: list[Row]) -> Table:
    table = Table(title="CityWiFi beside FreeRADIUS on this machine, medians")
    for heading in _TEXTS:
        table.add_column(heading)
    for heading in _FIGURES:
        table.add_column(heading, justify="right")
    for row in rows:
        other = "" if row.other_is == "FreeRADIUS" else f" (beside {row.other_is})"
        table.add_row(
            row.name + other,
            row.unit,
            f"{row.ours:,g}",
            _span(row.spread[0]),
            f"{row.other:,g}",
            _span(row.spread[1]),
            f"{row.ratio:.2f}",
            row.wanted and f"{row.wanted} {'✓' if row.is_met else '✗'}",
            *(_pair(pair) for pair in (row.p99_milliseconds, row.cpu_microseconds, row.database_cpu_microseconds)),
            _pair(row.memory_megabytes),
            _pair(row.wrong),
        )
    return table


def _span(spread: tuple[float, float]) -> str:
    return f"{spread[0]:,g} – {spread[1]:,g}"


def _pair(pair: tuple[float | None, float | None]) -> str:
    return " / ".join("–" if figure is None else f"{figure:,g}" for figure in pair)
