"""Answers to retransmissions: the same request gets the same octets again, and is not processed twice.

RFC 5080 section 2.2.2. A request is known by its source address and port, code and identifier; a new Request
Authenticator makes it a new request, which takes the old one's place. A request that is still being processed is
marked, so that its retransmission is dropped: the first one's answer serves both. What got no answer is forgotten, so
that the retransmission tries again: nothing may be swallowed that was not stored.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

Key = tuple[str, int, int, int]
"""Source address, source port, code, identifier."""

DEFAULT_LIMIT = 65_536
# So often within the time that an entry is kept are those removed whose time is over.
_CLEANINGS = 32


class Known(Enum):
    """What is known of a request that has no answer to repeat."""

    NEW = "new"
    IN_PROGRESS = "in progress"


class _Entry:
    __slots__ = ("authenticator", "expires_at", "reply")

    def __init__(self, authenticator: bytes, expires_at: float) -> None:
        self.authenticator = authenticator
        self.expires_at = expires_at
        self.reply: bytes | None = None


class DuplicateCache:
    """The requests of one port within the last ``keep_seconds``; at most ``limit``, the oldest go first.

    Times are seconds of any clock that never goes back.
    """

    def __init__(self, *, keep_seconds: float, limit: int = DEFAULT_LIMIT) -> None:
        self._keep_seconds = keep_seconds
        # In the order in which they expire. In a plain dict the way to the first leads past all that were removed.
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._next_cleaning = 0.0
        self.limit = limit
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._entries)

    def begin(self, key: Key, authenticator: bytes, now: float) -> bytes | Known:
        """The reply to repeat, or what else is known. A new request is marked as in progress from now on."""
        entry = self._entries.get(key)
        if entry is not None and entry.authenticator == authenticator and entry.expires_at > now:
            return Known.IN_PROGRESS if entry.reply is None else entry.reply
        if entry is not None:
            # The new one's place is behind all others.
            del self._entries[key]
        self._make_room(now)
        self._entries[key] = _Entry(authenticator, now + self._keep_seconds)
        return Known.NEW

    def complete(self, key: Key, authenticator: bytes, reply: bytes, now: float) -> None:
        """Keep the reply, unless a newer request has taken the place."""
        entry = self._entries.get(key)
        if entry is None or entry.authenticator != authenticator:
            return
        entry.reply = reply
        entry.expires_at = now + self._keep_seconds
        self._entries.move_to_end(key)

    def forget(self, key: Key, authenticator: bytes) -> None:
        """The request got no answer; its retransmission is to be processed."""
        entry = self._entries.get(key)
        if entry is not None and entry.authenticator == authenticator:
            del self._entries[key]

    def _make_room(self, now: float) -> None:
        if now < self._next_cleaning and len(self._entries) < self.limit:
            return
        self._next_cleaning = now + self._keep_seconds / _CLEANINGS
        while self._entries:
            oldest = next(iter(self._entries))
            if self._entries[oldest].expires_at > now:
                if len(self._entries) < self.limit:
                    return
                self.evictions += 1
            del self._entries[oldest]
