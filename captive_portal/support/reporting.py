"""Reports of problems: how many are taken, and what is left out of what residents write."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from captive_portal.journey import Journey
from captive_portal.storage import problem_reports, vouchers
from captive_portal.support.diagnosis import Finding
from foundation.database import Statements
from foundation.problem_reports import ProblemKind
from foundation.runtime import Runtime
from foundation.settings import PortalSettings

LONGEST_TEXT: Final = 500
_ATTEMPT: Final = "report"
_LIMITS_COUNT: Final = timedelta(hours=1)
# A second report within this time is the same press of the button.
_DOUBLE_CLICK: Final = timedelta(seconds=5)
_LEFT_OUT: Final = "[…]"
_EMAIL: Final = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>()]+")
# Six or more digits, however they are grouped: a telephone number, a card, a code. A postcode or a time has fewer.
_LONG_NUMBER: Final = re.compile(r"\+?\d(?:[\s().\-/]*\d){5,}")


class Taken(StrEnum):
    """What became of a report; the value is a metric's label."""

    STORED = "stored"
    # It came twice.
    AGAIN = "again"
    LIMITED_BY_DEVICE = "limited-by-device"
    LIMITED_BY_VENUE = "limited-by-venue"

    @property
    def is_limited(self) -> bool:
        """Whether it was not kept because too many came."""
        return self in (Taken.LIMITED_BY_DEVICE, Taken.LIMITED_BY_VENUE)


def clean_text(typed: str) -> str:
    """What is kept of what somebody wrote: no addresses, no long numbers, no invisible characters, and not too much."""
    plain = "".join(character if _is_text(character) else " " for character in typed)
    without = _LONG_NUMBER.sub(_LEFT_OUT, _EMAIL.sub(_LEFT_OUT, " ".join(plain.split())))
    return without[:LONGEST_TEXT].strip()


def _is_text(character: str) -> bool:
    """Zero-width joiners are part of words in Urdu and Arabic; other invisible characters are not."""
    return character in "\u200c\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def limit_met(recent: vouchers.RecentAttempts, settings: PortalSettings) -> Taken | None:
    """Which limit one more report would break."""
    if recent.by_device >= settings.problem_reports_per_device_per_hour:
        return Taken.LIMITED_BY_DEVICE
    if recent.by_venue >= settings.problem_reports_per_venue_per_hour:
        return Taken.LIMITED_BY_VENUE
    return None


async def take_report(
    connection: Statements,
    runtime: Runtime,
    journey: Journey,
    kind: ProblemKind,
    typed: str,
    finding: Finding,
    now: datetime,
) -> Taken:
    """Store a report, unless too many came from this device or venue. The caller holds the journey's row."""
    attempt = vouchers.Attempt(
        _ATTEMPT, journey.council_id, journey.nas_id, journey.venue_id, journey.mac_pseudonym, now
    )
    if (await vouchers.count_attempts(connection, attempt, now - _DOUBLE_CLICK)).by_device:
        return Taken.AGAIN
    limit = limit_met(await vouchers.count_attempts(connection, attempt, now - _LIMITS_COUNT), runtime.settings.portal)
    if limit is not None:
        return limit
    await vouchers.insert_attempt(connection, attempt)
    report = problem_reports.Report(
        council_id=journey.council_id,
        nas_id=journey.nas_id,
        venue_id=journey.venue_id,
        resident_id=journey.resident_id,
        kind=kind,
        text=clean_text(typed),
        state=journey.state,
        finding=finding,
        reported_at=now,
    )
    await problem_reports.insert(connection, runtime.keyring, report)
    return Taken.STORED
