"""What an import did: how many rows, and which it could not use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

# Called as progress(stage, done, total).
Progress = Callable[[str, int, int], None]

_LONGEST_VALUE = 60
_ROWS_BETWEEN_REPORTS = 200

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that could not be used: where it stands, what it is, and why not."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        shown = f"{self.value!r}" if self.value else "(empty)"
        return f"line {self.line}: {self.column} {shown}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an import.

    Every row read is in exactly one of inserted, updated, unchanged, merged, elsewhere and rejected.
    """

    # What the rows are, such as "venues (linknyc)".
    subject: str
    rows_read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    # Rows that say once more what an earlier row of the same file said.
    merged: int = 0
    # Rows of other councils.
    elsewhere: int = 0
    rejected: tuple[Problem, ...] = ()
    # Rows that went in, but for one value.
    remarks: tuple[Problem, ...] = ()
    # Sentences about the whole file.
    notices: tuple[str, ...] = ()

    def with_notices(self, *notices: str) -> Outcome:
        """The same with further sentences."""
        return replace(self, notices=(*self.notices, *notices))

    def counts(self) -> dict[str, int]:
        """The figures for the audit."""
        return {
            "rows_read": self.rows_read,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "merged": self.merged,
            "elsewhere": self.elsewhere,
            "rejected": len(self.rejected),
            "remarks": len(self.remarks),
        }


@dataclass(slots=True)
class Problems:
    """Collects problems while rows are read."""

    rejected: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)

    def reject(self, line: int, column: str, value: str, reason: str) -> None:
        """The row is not used."""
        self.rejected.append(Problem(line, column, shorten(value), reason))

    def remark(self, line: int, column: str, value: str, reason: str) -> None:
        """The row is used without this value."""
        self.remarks.append(Problem(line, column, shorten(value), reason))


def shorten(value: object) -> str:
    """A value as it is shown: on one line, without what would steer a terminal, not longer than a screen allows."""
    printable = "".join(letter if letter.isprintable() else " " for letter in str(value))
    text = " ".join(printable.split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """For those who do not watch."""


def watched(items: Sequence[_Item], progress: Progress, stage: str) -> Iterator[_Item]:
    """The items one by one, telling progress now and then."""
    total = len(items)
    for number, item in enumerate(items):
        if number % _ROWS_BETWEEN_REPORTS == 0:
            progress(stage, number, total)
        yield item
    progress(stage, total, total)
