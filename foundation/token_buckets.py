"""Limits on a rate: how often something may happen, by key, in a table of fixed size."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from prometheus_client import Counter

Key = TypeVar("Key", bound=Hashable)


class TokenBuckets(Generic[Key]):
    """How often something may happen, for each key: ``burst`` times at once, then ``per_second``.

    At most ``limit`` keys are known. When they are, those that were silent while half as many others were heard are
    forgotten, and are full again when they return.
    """

    def __init__(self, *, per_second: float, burst: float, limit: int, evictions: Counter) -> None:
        """``evictions`` counts the keys that were forgotten for want of room."""
        self._per_second = per_second
        self._burst = burst
        # Tokens and when they were counted, of those who were heard lately, and of those who were before. Keeping one
        # table in the order of use would cost every request twice as much.
        self._recent: dict[Key, tuple[float, float]] = {}
        self._earlier: dict[Key, tuple[float, float]] = {}
        self.limit = limit
        self._evictions = evictions

    def __len__(self) -> int:
        return len(self._recent) + len(self._earlier)

    def take(self, key: Key, now: float) -> bool:
        """Whether it may happen now."""
        bucket = self._recent.get(key)
        if bucket is None:
            bucket = self._recall(key) or (self._burst, now)
        tokens, counted_at = bucket
        tokens += (now - counted_at) * self._per_second
        if tokens > self._burst:
            tokens = self._burst
        may = tokens >= 1
        self._recent[key] = (tokens - 1 if may else tokens), now
        return may

    def _recall(self, key: Key) -> tuple[float, float] | None:
        """The bucket of a key that was not heard lately, and room for it among those that were."""
        bucket = self._earlier.pop(key, None)
        if len(self._recent) >= self.limit // 2:
            self._evictions.inc(len(self._earlier))
            self._earlier, self._recent = self._recent, {}
        return bucket
