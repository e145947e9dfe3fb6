"""``make bench``: CityWiFi beside FreeRADIUS, then what else is measured on this machine; prints and saves each table.

``python -m bench radius --quick`` takes two minutes; ``--only PAP`` takes the rows with that in their name. The other
benchmarks are modules with ``measure() -> list[Row]``: ``python -m bench codec``. Only a whole run of ``radius``
writes `bench/results/radius.json`, the chart, and the table in `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.row import Row

COMPARISON = "radius"
BENCHMARKS = ("codec", "eap", "portal", "directory_memory")
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str]) -> int:
    """Run the benchmarks named, or all; exit status 2 for a name that there is not, 1 when something is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = (COMPARISON, *BENCHMARKS)
    parser.add_argument("names", nargs="*", metavar="benchmark", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="one repetition of two seconds a row")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the comparison's rows that contain it")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(names))
    if unknown:
        parser.error(f"no benchmark is named {', '.join(unknown)}; there are: {', '.join(names)}")
    status = 0
    for name in chosen.names or names:
        print(f"measuring {name} …", file=sys.stderr)
        if name == COMPARISON:
            from bench.report import compare_and_report

            status |= compare_and_report(quick=chosen.quick, only=chosen.only)
        else:
            _measure(name)
    return status


def _measure(name: str) -> None:
    rows: list[Row] = importlib.import_module(f"bench.{name}").measure()
    table = Table("what", "median", "lowest", "highest", "unit", title=f"{name} on this machine")
    for row in rows:
        table.add_row(row.what, f"{row.median:,.6g}", f"{row.lowest:,.6g}", f"{row.highest:,.6g}", row.unit)
    Console().print(table)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(f"saved in bench/results/{name}.json")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
