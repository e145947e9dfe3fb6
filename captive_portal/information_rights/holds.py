"""What a hold must say, and what it can be about.

A hold keeps data beyond its time and beyond its resident's wish, so each is for one case, has an authoriser and a
reason, and ends by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from captive_portal.errors import PortalError
from foundation.mac_address import MacAddress

# Who needs it for longer says so again, with the reason as it is then.
LONGEST: Final = timedelta(days=366)
LONGEST_SPAN: Final = timedelta(days=31)
LONGEST_CASE_NUMBER: Final = 64
LONGEST_AUTHORISER: Final = 200
LONGEST_REASON: Final = 400


class HoldError(PortalError):
    """A hold cannot be placed so; the message says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """On whose word, for which case, why, and for how long."""

    case_number: str
    # By office rather than by name.
    authoriser: str
    reason: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HeldResident:
    """Who registered with a contact."""

    contact: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldDevice:
    """A device by its address, whether it has come already or not."""

    address: MacAddress = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldVenue:
    """Everybody who was on at a venue at a time."""

    venue_id: int
    begin: datetime
    end: datetime


Subject = HeldResident | HeldDevice | HeldVenue


def problems(order: Order, subject: Subject | None, now: datetime) -> list[tuple[str, str]]:
    """What is wrong, by field: case_number, authoriser, reason, expires, begin."""
    found = []
    for name, text, longest, what in (
        ("case_number", order.case_number, LONGEST_CASE_NUMBER, "the number of the case"),
        ("authoriser", order.authoriser, LONGEST_AUTHORISER, "who authorised it, by their office"),
        ("reason", order.reason, LONGEST_REASON, "why it must be kept"),
    ):
        if not (0 < len(text) <= longest and text.isprintable()):
            found.append((name, f"Enter {what}, in 1 to {longest} characters"))
    found += end_problems(order.expires_at, now)
    if isinstance(subject, HeldVenue) and not (
        subject.begin < subject.end <= now and subject.end - subject.begin <= LONGEST_SPAN
    ):
        found.append(("begin", f"Enter a time that is past, and of {LONGEST_SPAN.days} days at most"))
    return found


def end_problems(expires_at: datetime, now: datetime) -> list[tuple[str, str]]:
    """What is wrong with the moment at which a hold is to end."""
    if now < expires_at <= now + LONGEST:
        return []
    return [("expires", f"Enter a day to come, at most {LONGEST.days} days from now. You can prolong it then")]
