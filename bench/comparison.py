"""Rows that compare two systems: from repeated samples to a line of the table and of the JSON file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

A_SECOND: Final = "a second"
MILLISECONDS_P99: Final = "ms, 99th percentile"
MICROSECONDS_A_LOGIN: Final = "µs a login"


@dataclass(frozen=True, slots=True)
class Sample:
    """One repetition with one system. ``value`` is what the row is about, in its unit."""

    value: float
    cpu_microseconds: float
    database_cpu_microseconds: float | None
    memory_megabytes: float
    p99_milliseconds: float | None = None
    # Requests that were right and got a reject, or no answer at all.
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a row must reach."""

    lowest_ratio: float | None = None
    highest_ours: float | None = None

    def is_met(self, ours: float, ratio: float) -> bool:
        """Whether a row reaches it."""
        enough = self.lowest_ratio is None or ratio >= self.lowest_ratio
        return enough and (self.highest_ours is None or ours <= self.highest_ours)

    def __str__(self) -> str:
        wanted = [f"≥ {self.lowest_ratio:g} times"] if self.lowest_ratio is not None else []
        return ", ".join(wanted + ([f"≤ {self.highest_ours:g}"] if self.highest_ours is not None else []))


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; pairs are of us and of the other system."""

    name: str
    unit: str
    other_is: str
    ours: float
    other: float
    # How many times better we are.
    ratio: float
    spread: tuple[tuple[float, float], tuple[float, float]]
    p99_milliseconds: tuple[float | None, float | None]
    cpu_microseconds: tuple[float, float]
    database_cpu_microseconds: tuple[float | None, float | None]
    memory_megabytes: tuple[float, float]
    wrong: tuple[int, int]
    wanted: str
    is_met: bool

    @classmethod
    def of(
        cls,
        name: str,
        unit: str,
        ours: Sequence[Sample],
        other: Sequence[Sample],
        wanted: Wanted,
        other_is: str = "FreeRADIUS",
    ) -> Row:
        """The medians of samples that were taken in turns."""
        mine, theirs = median(one.value for one in ours), median(one.value for one in other)
        ratio = mine / theirs if unit == A_SECOND else theirs / mine

        def pair(figure: Callable[[Sample], float]) -> tuple[float, float]:
            return _rounded(median(map(figure, ours))), _rounded(median(map(figure, other)))

        def optional(figure: Callable[[Sample], float | None]) -> tuple[float | None, float | None]:
            return _median(map(figure, ours)), _median(map(figure, other))

        return cls(
            name=name,
            unit=unit,
            other_is=other_is,
            ours=_rounded(mine),
            other=_rounded(theirs),
            ratio=round(ratio, 2),
            spread=(_range(ours), _range(other)),
            p99_milliseconds=optional(lambda one: one.p99_milliseconds),
            cpu_microseconds=pair(lambda one: one.cpu_microseconds),
            database_cpu_microseconds=optional(lambda one: one.database_cpu_microseconds),
            memory_megabytes=pair(lambda one: one.memory_megabytes),
            wrong=(sum(one.wrong for one in ours), sum(one.wrong for one in other)),
            wanted=str(wanted),
            is_met=wanted.is_met(mine, ratio),
        )

    def as_json(self) -> dict[str, Any]:
        """The row as it is saved: pairs by name."""

        def named(pair: tuple[Any, Any]) -> dict[str, Any]:
            return {"ours": pair[0], "other": pair[1]}

        return {
            "name": self.name,
            "unit": self.unit,
            "other_is": self.other_is,
            "ours": self.ours,
            "other": self.other,
            "ratio": self.ratio,
            "spread": named(self.spread),
            "p99_milliseconds": named(self.p99_milliseconds),
            "cpu_microseconds": named(self.cpu_microseconds),
            "database_cpu_microseconds": named(self.database_cpu_microseconds),
            "memory_megabytes": named(self.memory_megabytes),
            "wrong": named(self.wrong),
            "wanted": self.wanted,
            "is_met": self.is_met,
        }


def _range(samples: Sequence[Sample]) -> tuple[float, float]:
    values = [_rounded(one.value) for one in samples]
    return min(values), max(values)


def _median(figures: Any) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return _rounded(median(known)) if known else None


def _rounded(value: float) -> float:
    """Three digits, or whole numbers: more would look as if they meant something."""
    return round(value) if value >= 100 else float(f"{value:.3g}")
