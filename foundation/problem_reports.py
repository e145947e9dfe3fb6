"""The kinds of problems that residents report; the form offers them, and engineers read them."""

from __future__ import annotations

from enum import StrEnum


class ProblemKind(StrEnum):
    """What does not work; the value is a metric's label and stands in ``problem_reports``."""

    NOTHING_OPENS = "nothing-opens"
    SLOW = "slow"
    STOPS = "stops"
    SIGN_IN = "sign-in"
    ONE_SITE = "one-site"
    NO_SIGNAL = "no-signal"
    OTHER = "other"

    @property
    def meaning(self) -> str:
        """In words, for an engineer."""
        return _MEANINGS[self]


_MEANINGS = {
    ProblemKind.NOTHING_OPENS: "connected, but nothing opens",
    ProblemKind.SLOW: "too slow",
    ProblemKind.STOPS: "the connection keeps stopping",
    ProblemKind.SIGN_IN: "the pages for signing in do not work",
    ProblemKind.ONE_SITE: "one website or app does not work",
    ProblemKind.NO_SIGNAL: "no WiFi in a part of the place",
    ProblemKind.OTHER: "something else",
}
