"""Metrics for paths on which a metric of its own would cost as much as the work: counted in plain numbers first.

A shared metric is written to a file that all processes map, some microseconds for each event, and finding it by its
labels takes as long again. Here an event costs a fraction of that; ``flush`` hands the sums on, once a second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import Counter, Histogram


class CounterTally:
    """Events of a counter, by their labels."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._events: dict[tuple[str, ...], int] = {}

    def add(self, *labels: str) -> None:
        """One event."""
        self._events[labels] = self._events.get(labels, 0) + 1

    def flush(self) -> None:
        """Hand on what was counted since the last time."""
        events, self._events = self._events, {}
        for labels, count in events.items():
            self._counter.labels(*labels).inc(count)


class SummedHistogram(Histogram):
    """A histogram that also takes the sums of many observations."""

    def observe_many(self, counts: Sequence[int], total: float) -> None:
        """So many observations for each bucket, without those of smaller ones, and the sum of their values."""
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(total)


class HistogramTally:
    """Observations of a histogram with these labels. ``bounds`` are the histogram's buckets."""

    def __init__(self, histogram: SummedHistogram, bounds: Sequence[float], *labels: str) -> None:
        child = histogram.labels(*labels)
        assert isinstance(child, SummedHistogram)
        self._histogram = child
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """One observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def flush(self) -> None:
        """Hand on what was observed since the last time."""
        if any(self._counts):
            self._histogram.observe_many(self._counts, self._total)
            self._counts = [0] * len(self._counts)
            self._total = 0.0
