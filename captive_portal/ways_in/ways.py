"""The ways in that a venue offers: the council's choice, or the venue's own."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from captive_portal.errors import PortalError
from foundation.settings import Settings


class Way(StrEnum):
    """How a resident gets in; also what councils.ways_in, venues.ways_in and devices.way_in hold."""

    # Without giving anything
    CLICK = "click"
    # A code by email, or by text
    EMAIL = "email"
    SMS = "sms"
    # A code on paper
    CODE = "code"
    # The code of a hostel, school or club
    SPONSOR = "sponsor"
    # A member of staff lets the device beside them on: State.HELP
    STAFF = "staff"
    # Never chosen: some minutes to fetch a code that was sent.
    GRACE = "grace"


CHOICES: Final = (Way.CLICK, Way.EMAIL, Way.SMS, Way.CODE, Way.SPONSOR, Way.STAFF)
DEFAULT_WAYS: Final = (Way.CLICK, Way.EMAIL)


class UnknownWayError(PortalError):
    """A way in that there is not."""


def read_ways(names: Iterable[str]) -> tuple[Way, ...]:
    """Ways as a person writes them, each once. Raises UnknownWayError."""
    wanted = [name.strip().lower() for name in names if name.strip()]
    for name in wanted:
        if name not in CHOICES:
            raise UnknownWayError(f"{name!r} is no way in; there are {', '.join(CHOICES)}")
    if not wanted:
        raise UnknownWayError(f"name at least one way in: {', '.join(CHOICES)}")
    return tuple(dict.fromkeys(Way(name) for name in wanted))


def write_ways(ways: Iterable[Way]) -> str:
    """As the database has them."""
    return ",".join(ways)


def ways_of(venue: str | None, council: str | None) -> tuple[Way, ...]:
    """What is in force, from the two columns; a way of a newer release is left out."""
    written = (venue or council or "").split(",")
    return tuple(Way(name) for name in written if name in CHOICES) or DEFAULT_WAYS


def usable(ways: tuple[Way, ...], settings: Settings) -> tuple[Way, ...]:
    """Those that work here: texts need somebody who sends them."""
    return tuple(way for way in ways if way is not Way.SMS or settings.sends_texts)
