"""One measured figure, over several repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    median: float
    lowest: float
    highest: float
    unit: str

    @classmethod
    def of(cls, what: str, figures: Sequence[float], unit: str) -> Row:
        return cls(what, median(figures), min(figures), max(figures), unit)
