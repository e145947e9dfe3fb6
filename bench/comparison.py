"""Rows that compare two systems: from repeated samples to a line of the table and of the JSON file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final, Generic, TypeVar

Figure = TypeVar("Figure", covariant=True)

THE_OTHER: Final = "FreeRADIUS"
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
class Pair(Generic[Figure]):
    """The same figure of us and of the other system."""

    ours: Figure
    other: Figure


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    name: str
    unit: str
    other_is: str
    ours: float
    other: float
    # How many times better we are.
    ratio: float
    # Lowest and highest of the repetitions.
    spread: Pair[Sequence[float]]
    p99_milliseconds: Pair[float | None]
    # Of all processes of the system, for one request.
    cpu_microseconds: Pair[float]
    # What PostgreSQL used beside it.
    database_cpu_microseconds: Pair[float | None]
    memory_megabytes: Pair[float]
    wrong: Pair[int]
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
        other_is: str = THE_OTHER,
    ) -> Row:
        """The medians of samples that were taken in turns."""
        mine, theirs = median(one.value for one in ours), median(one.value for one in other)
        ratio = mine / theirs if unit == A_SECOND else theirs / mine
        return cls(
            name=name,
            unit=unit,
            other_is=other_is,
            ours=_rounded(mine),
            other=_rounded(theirs),
            ratio=round(ratio, 2),
            spread=Pair(_range(ours), _range(other)),
            p99_milliseconds=Pair(*(_median(one.p99_milliseconds for one in side) for side in (ours, other))),
            cpu_microseconds=Pair(*(_rounded(median(one.cpu_microseconds for one in side)) for side in (ours, other))),
            database_cpu_microseconds=Pair(
                *(_median(one.database_cpu_microseconds for one in side) for side in (ours, other))
            ),
            memory_megabytes=Pair(*(_rounded(median(one.memory_megabytes for one in side)) for side in (ours, other))),
            wrong=Pair(*(sum(one.wrong for one in side) for side in (ours, other))),
            wanted=str(wanted),
            is_met=wanted.is_met(mine, ratio),
        )

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Row:
        """Undo ``as_json``."""
        values: dict[str, Any] = {
            key: Pair(**value) if isinstance(value, dict) else value for key, value in saved.items()
        }
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """The row as it is saved; a pair is an object of ours and other."""
        return asdict(self)

    @property
    def title(self) -> str:
        """What it is, with the other side where that is not simply FreeRADIUS."""
        return self.name if self.other_is == THE_OTHER else f"{self.name} (beside {self.other_is})"


def _range(samples: Sequence[Sample]) -> tuple[float, float]:
    values = [_rounded(one.value) for one in samples]
    return min(values), max(values)


def _median(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return _rounded(median(known)) if known else None


def _rounded(value: float) -> float:
    """Three digits, or whole numbers: more would look as if they meant something."""
    return round(value) if value >= 100 else float(f"{value:.3g}")
