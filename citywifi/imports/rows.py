"""Helpers that every import of rows shares: reading one row's values, and meeting a key a second time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from citywifi.imports.readers import Row, Table
from citywifi.imports.report import Outcome, Problem, Problems, Progress, watched
from citywifi.imports.store import Stored
from citywifi.imports.values import ValueNotUsable

_Value = TypeVar("_Value")


class RowNotUsable(ValueError):  # noqa: N818  caught beside the row, becomes a Problem
    """A row that cannot be used because of one of its columns."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.value = value
        self.reason = reason


class RowElsewhere(Exception):  # noqa: N818  caught beside the row
    """A row of another council, which is no fault."""


@dataclass(slots=True)
class Reading:
    """What the rows of a file came to."""

    records: list[dict[str, Any]] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    merged: int = 0
    elsewhere: int = 0

    def outcome(self, subject: str, rows_read: int, stored: Stored) -> Outcome:
        """Reading and storing together."""
        return Outcome(
            subject,
            rows_read,
            stored.inserted,
            stored.updated,
            stored.unchanged,
            self.merged,
            self.elsewhere,
            tuple(sorted(self.problems.rejected, key=_by_line)),
            tuple(sorted(self.problems.remarks, key=_by_line)),
        )


def cell(row: Row, column: str, parse: Callable[[str], _Value]) -> _Value:
    """One value of a row. Raises RowNotUsable."""
    value = row.values.get(column, "")
    try:
        if not value.strip():
            raise ValueNotUsable("is empty")
        return parse(value)
    except ValueNotUsable as error:
        raise RowNotUsable(column, value, str(error)) from None


def read_rows(
    table: Table,
    key: Sequence[str],
    parse: Callable[[Row], dict[str, Any]],
    progress: Progress,
) -> Reading:
    """Parse every row into a record. A key that comes again must say the same and is then merged."""
    reading = Reading()
    reading.problems.rejected.extend(table.broken)
    first: dict[Hashable, tuple[int, dict[str, Any]]] = {}
    for row in watched(table.rows, progress, "reading"):
        try:
            record = parse(row)
        except RowElsewhere:
            reading.elsewhere += 1
            continue
        except RowNotUsable as problem:
            reading.problems.reject(row.line, problem.column, problem.value, problem.reason)
            continue
        identity = tuple(record[name] for name in key)
        if identity not in first:
            first[identity] = (row.line, record)
            reading.records.append(record)
        elif first[identity][1] == record:
            reading.merged += 1
        else:
            reason = f"line {first[identity][0]} says something else about the same"
            reading.problems.reject(row.line, ", ".join(key), " ".join(map(str, identity)), reason)
    return reading


def rows_read(table: Table) -> int:
    """How many rows the file has, broken ones too."""
    return len(table.rows) + len(table.broken)


def _by_line(problem: Problem) -> int:
    return problem.line
