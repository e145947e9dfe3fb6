"""Whether a home server is alive, judged from what it answers; a pure state machine that is given the time.

A server that leaves a request unanswered is only suspected: behind a federation's proxy the silence is often another
server's. Status-Server (RFC 5997) asks the server itself. Silence to that, or to a request that was sent while it was
suspected, means down. A server that is down is asked for its status until it has answered three times in a row; one
that never answered Status-Server may not know it, and is tried again with real requests after a while.

Evidence that is older than the present state counts for nothing: the hundred requests that were under way when a
server died are one failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

STATUS_ANSWERS_NEEDED: Final = 3
TRIED_AGAIN_AFTER_SECONDS: Final = 60.0


class State(StrEnum):
    """How a home server is; the value is a metric's label."""

    ALIVE = "alive"
    SUSPECTED = "suspected"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a server. Times are seconds of any clock that never goes back."""

    state: State = State.ALIVE
    since: float = 0.0
    knows_status: bool = False
    status_answers: int = 0
    asked_for_status_at: float | None = None

    def answered(self, now: float) -> Health:
        """It answered a request: nothing is better evidence."""
        return self if self.state is State.ALIVE else self._become(State.ALIVE, now)

    def unanswered(self, asked_at: float, now: float) -> Health:
        """It did not answer in time what it was asked at ``asked_at``."""
        if asked_at < self.since or self.state is State.DOWN:
            return self
        return self._become(State.SUSPECTED if self.state is State.ALIVE else State.DOWN, now)

    def status_asked(self, now: float) -> Health:
        """A Status-Server is on its way."""
        return replace(self, asked_for_status_at=now)

    def status_answered(self, now: float) -> Health:
        """It answered Status-Server."""
        known = replace(self, knows_status=True, status_answers=self.status_answers + 1)
        if self.state is State.SUSPECTED or (
            self.state is State.DOWN and known.status_answers >= STATUS_ANSWERS_NEEDED
        ):
            return known._become(State.ALIVE, now)
        return known

    def status_unanswered(self, asked_at: float, now: float) -> Health:
        """It did not answer the Status-Server of ``asked_at``, which tells nothing of a server that may not know it."""
        unheard = replace(self, status_answers=0)
        if self.state is State.SUSPECTED and self.knows_status and asked_at >= self.since:
            return unheard._become(State.DOWN, now)
        return unheard

    def status_is_due(self, now: float, every_seconds: float) -> bool:
        """Whether to send Status-Server: once to get to know it, at once when it is suspected, then every so often."""
        asked_at = self.asked_for_status_at
        if asked_at is None:
            return True
        if self.state is State.ALIVE:
            return False
        return (self.state is State.SUSPECTED and asked_at < self.since) or now - asked_at >= every_seconds

    def after_waiting(self, now: float) -> Health:
        """The state at ``now``: who cannot be asked for its status is given another chance."""
        is_over = now - self.since >= TRIED_AGAIN_AFTER_SECONDS
        if self.state is State.ALIVE or self.knows_status or not is_over:
            return self
        return self._become(State.ALIVE, now)

    def _become(self, state: State, now: float) -> Health:
        return replace(self, state=state, since=now, status_answers=0)
