"""``make bench``: measure what residents wait for on this machine, and print and save one table.

Each benchmark is a module with ``measure() -> list[Row]``; it can be run alone: ``python -m bench codec``.
"""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.row import Row

BENCHMARKS = ("codec", "radius", "eap", "portal")
RESULTS = Path(__file__).parent / "results" / "bench.json"


def main(names: list[str]) -> int:
    """Run the benchmarks named, or all; exit status 2 for a name that there is not."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"no benchmark is named {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in names or BENCHMARKS:
        print(f"measuring {name} …", file=sys.stderr)
        rows += importlib.import_module(f"bench.{name}").measure()
    table = Table("what", "median", "lowest", "highest", "unit", title="CityWiFi on this machine")
    for row in rows:
        table.add_row(row.what, f"{row.median:,.6g}", f"{row.lowest:,.6g}", f"{row.highest:,.6g}", row.unit)
    Console().print(table)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(f"saved in {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
