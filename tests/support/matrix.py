"""Tables in the last lines of a test run: what was tried with what, and why the rest was not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Final

import pytest

_KIND: Final = "cell"
_OUTCOMES: Final = {"passed": "ok", "failed": "FAILED", "error": "FAILED"}


def note_cell(node: pytest.Item, table: str, row: str, columns: Sequence[str], column: str, reason: str | None) -> None:
    """This test is the cell; its outcome is shown, or the reason why the cell does not apply.

    ``columns`` are all of the table, in order.
    """
    value = (table, row, str(columns.index(column) + 1), column, reason or "")
    node.user_properties.append((_KIND, "\t".join(value)))


@dataclass(slots=True)
class _Table:
    cells: dict[tuple[str, str], str] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    footnotes: dict[str, str] = field(default_factory=dict)

    def put(self, row: str, number: str, column: str, text: str) -> None:
        self.columns[column] = int(number)
        self.cells[row, column] = text

    def letter(self, reason: str) -> str:
        """The footnote of a reason: letters, and numbers when there are no more of these."""
        unused = [*ascii_lowercase, *map(str, range(1000))][len(self.footnotes)]
        return self.footnotes.setdefault(reason, unused)

    def lines(self) -> Iterator[str]:
        columns = sorted(self.columns, key=lambda column: self.columns[column])
        numbered = [f"{self.columns[column]} {column}" for column in columns]
        for start in range(0, len(numbered), 5):
            yield "  " + "   ".join(numbered[start : start + 5])
        rows = list(dict.fromkeys(row for row, _ in sorted(self.cells)))
        width = max(map(len, rows))
        yield " " * (width + 1) + "".join(f"{self.columns[column]:>7}" for column in columns)
        for row in rows:
            yield f"{row:<{width}} " + "".join(f"{self.cells.get((row, column), ''):>7}" for column in columns)
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
                if kind == _KIND:
                    title, row, number, column, reason = value.split("\t")
                    table = tables.setdefault(title, _Table())
                    table.put(row, number, column, table.letter(reason) if reason else shown)
    return tables
