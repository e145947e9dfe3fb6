"""The kinds of problems that residents report; the form offers them, and engineers read them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from foundation.privacy import Keyring

_PURPOSE: Final = "problem report"


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


def seal_text(keyring: Keyring, text: str) -> bytes | None:
    """What a resident wrote, encrypted for the database; None for nothing."""
    return keyring.encrypt(_PURPOSE, text.encode()) if text else None


def open_text(keyring: Keyring, sealed: bytes | None) -> str:
    """What a resident wrote; empty for nothing."""
    return keyring.decrypt(_PURPOSE, sealed).decode() if sealed is not None else ""
