"""Tables in the last lines of a test run: what was tried with what, and why the rest was not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Final

import pytest

_TRIED: Final = "cell"
_NOT_APPLICABLE: Final = "cell that does not apply"
_OUTCOMES: Final = {"passed": "ok", "failed": "FAILED", "error": "FAILED", "skipped": "skipped"}


def note_cell(node: pytest.Item, table: str, row: str, column: str) -> None:
    """This test tries the cell; its outcome is the cell's."""
    node.user_properties.append((_TRIED, "\t".join((table, row, column))))


def note_no_cell(node: pytest.Item, table: str, row: str, column: str, reason: str) -> None:
    """The cell does not apply, and this is why."""
    node.user_properties.append((_NOT_APPLICABLE, "\t".join((table, row, column, reason))))


@dataclass(slots=True)
class _Table:
    cells: dict[tuple[str, str], str] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    footnotes: dict[str, str] = field(default_factory=dict)

    def put(self, row: str, column: str, text: str) -> None:
        self.columns.setdefault(column, len(self.columns) + 1)
        self.cells[row, column] = text

    def lines(self) -> Iterator[str]:
        numbered = [f"{number} {column}" for column, number in self.columns.items()]
        for start in range(0, len(numbered), 5):
            yield "  " + "   ".join(numbered[start : start + 5])
        rows = list(dict.fromkeys(row for row, _ in sorted(self.cells)))
        width = max(map(len, rows))
        yield " " * (width + 1) + "".join(f"{number:>7}" for number in self.columns.values())
        for row in rows:
            yield f"{row:<{width}} " + "".join(f"{self.cells.get((row, column), ''):>7}" for column in self.columns)
        for reason, letter in self.footnotes.items():
            yield f"  {letter}: {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for title, table in _tables(terminalreporter).items():
        terminalreporter.section(title)
        for line in table.lines():
            terminalreporter.write_line(line)


def _tables(terminalreporter: pytest.TerminalReporter) -> dict[str, _Table]:
    tables: dict[str, _Table] = {}
    for outcome, shown in _OUTCOMES.items():
        for report in terminalreporter.stats.get(outcome, []):
            for kind, value in getattr(report, "user_properties", ()):
                if kind == _TRIED:
                    title, row, column = value.split("\t")
                    tables.setdefault(title, _Table()).put(row, column, shown)
                elif kind == _NOT_APPLICABLE:
                    title, row, column, reason = value.split("\t")
                    table = tables.setdefault(title, _Table())
                    # Letters for as many reasons as there will be; after these, their numbers.
                    unused = [*ascii_lowercase, *map(str, range(100))][len(table.footnotes)]
                    table.put(row, column, table.footnotes.setdefault(reason, unused))
    return tables
