"""The conversations that are under way, found again by RADIUS's State attribute (RFC 3579 section 2.6.1).

A State has 128 random bits and belongs to the equipment that the conversation was begun with. Everything is bounded:
how many conversations, how long one may be silent, how many rounds it may have and how many octets it may send.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from radius.authentication.eap import metrics
from radius.authentication.eap.negotiation import Negotiation
from radius.authentication.eap.states import NO_OWNER, new_state
from radius.service import Request

MOST_ROUNDS: Final = 250
MOST_OCTETS: Final = 131_072
"""What one device may send in a conversation: four messages of the largest size."""

# A login takes a second or two; who was silent for longer makes room when there is none.
_IDLE_SECONDS: Final = 5.0
_MOST_SILENT: Final = 1_000
# So many are forgotten at a time, so that no request waits for many others.
_MOST_FORGOTTEN: Final = 8


@dataclass(slots=True, repr=False)
class Conversation:
    """One device's. ``identifier`` is that of the request which is waiting for its response."""

    state: bytes
    nas_id: int
    negotiation: Negotiation
    identifier: int
    active_at: float
    last_request: Request | None = None
    rounds: int = 0
    octets: int = 0
    is_busy: bool = False
    is_broken: bool = False
    """Nothing can follow: what the device sent was taken, and the database did not answer."""
    is_logged: bool = False
    """The device was told that it is rejected."""


class Conversations:
    """All of a process; ordered by when something last happened. Times are seconds of a clock that never goes back."""

    def __init__(self, limit: int, keep_seconds: float, owner: int = NO_OWNER) -> None:
        """``owner`` is the number of the worker whose they are, which each State names."""
        self.limit = limit
        self._owner = owner
        self._keep_seconds = keep_seconds
        self._open: dict[bytes, Conversation] = {}
        self._fallen_silent: deque[Conversation] = deque(maxlen=_MOST_SILENT)

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, nas_id: int, negotiation: Negotiation, identifier: int, now: float) -> Conversation | None:
        """A new conversation; None where there is no room and none that can be given up."""
        self.expire(now, _MOST_FORGOTTEN)
        if len(self._open) >= self.limit:
            oldest = next(iter(self._open.values()))
            if oldest.is_busy or oldest.active_at + _IDLE_SECONDS > now:
                return None
            self._end(oldest, "evicted")
        conversation = Conversation(new_state(self._owner), nas_id, negotiation, identifier, now)
        self._open[conversation.state] = conversation
        return conversation

    def find(self, state: bytes, nas_id: int, now: float) -> Conversation | None:
        """The conversation of a State, if it was begun with this equipment and is not over."""
        conversation = self._open.get(state)
        if conversation is None or conversation.nas_id != nas_id:
            return None
        if conversation.active_at + self._keep_seconds <= now and not conversation.is_busy:
            self._end(conversation, "abandoned")
            return None
        return conversation

    def keep(self, conversation: Conversation, now: float) -> None:
        """Something happened in it."""
        conversation.active_at = now
        if self._open.pop(conversation.state, None) is not None:
            self._open[conversation.state] = conversation

    def end(self, conversation: Conversation) -> None:
        """It is decided."""
        self._end(conversation, "decided")

    def take_silent(self) -> list[Conversation]:
        """Those in which the device stopped answering in the middle of a method, since the last call."""
        silent = list(self._fallen_silent)
        self._fallen_silent.clear()
        return silent

    def close(self) -> None:
        """Let go of all."""
        for conversation in list(self._open.values()):
            self._end(conversation, "stopped")

    def expire(self, now: float, most: int) -> None:
        """Forget conversations that were silent for too long, ``most`` at a time."""
        for _ in range(most):
            oldest = next(iter(self._open.values()), None)
            if oldest is None or oldest.is_busy or oldest.active_at + self._keep_seconds > now:
                return
            self._end(oldest, "abandoned")

    def _end(self, conversation: Conversation, how: str) -> None:
        if self._open.pop(conversation.state, None) is not None:
            metrics.ended[how].inc()
            conversation.negotiation.close()
            # Who never answered the method's first request has hardly begun: phones do that in passing.
            has_begun = conversation.rounds > 0 and not conversation.is_logged
            if how in ("abandoned", "evicted") and has_begun:
                self._fallen_silent.append(conversation)
