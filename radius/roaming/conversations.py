"""Which home server has issued a State: the other ones of its realm know nothing of the conversation."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from radius.roaming.upstream import Upstream

LIMIT: Final = 16_384
KEPT_SECONDS: Final = 120.0

Key = tuple[int, bytes]
"""The realm's row and the State."""


class Conversations:
    """The conversations of the last minutes; at most ``limit``, the oldest are forgotten first."""

    def __init__(self, *, limit: int = LIMIT) -> None:
        self.limit = limit
        self._known: OrderedDict[Key, tuple[Upstream, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, key: Key, upstream: Upstream, now: float) -> None:
        """A home server has challenged with this State."""
        self._known.pop(key, None)
        self._forget_old(now)
        self._known[key] = upstream, now + KEPT_SECONDS

    def find(self, key: Key, now: float) -> Upstream | None:
        """Who issued a State, if that was here and not long ago."""
        upstream, until = self._known.get(key, (None, 0.0))
        return upstream if until > now else None

    def _forget_old(self, now: float) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) < self.limit and self._known[oldest][1] > now:
                return
            del self._known[oldest]
