"""Limits on a rate: how often something may happen, by key, in a table of fixed size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from prometheus_client import Counter

Key = TypeVar("Key", bound=Hashable)


class TokenBuckets(Generic[Key]):
    """How often something may happen, for each key: ``burst`` times at once, then ``per_second``.

    At most ``limit`` keys are known; the one that was longest silent goes first, and is full again when it returns.
    """

    def __init__(self, *, per_second: float, burst: float, limit: int, evictions: Counter) -> None:
        """``evictions`` counts the keys that were forgotten for want of room."""
        self._per_second = per_second
        self._burst = burst
        # Tokens and when they were counted; in the order of their last use. In a plain dict the way to the first one
        # leads past all that were removed before it: 70 µs with so many keys.
        self._buckets: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        self.limit = limit
        self._evictions = evictions

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Key, now: float) -> bool:
        """Whether it may happen now."""
        buckets = self._buckets
        tokens, counted_at = buckets.pop(key, (self._burst, now))
        tokens += (now - counted_at) * self._per_second
        if tokens > self._burst:
            tokens = self._burst
        may = tokens >= 1
        buckets[key] = (tokens - 1 if may else tokens), now
        if len(buckets) > self.limit:
            buckets.popitem(last=False)
            self._evictions.inc()
        return may
