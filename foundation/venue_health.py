"""What is known of every access point: heard, silent, quiet because the venue is closed, or never heard.

RADIUS hears an access point when a device behind it logs on or is accounted. Silence is therefore no proof of a
fault, and outside opening hours it is expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

OpeningHours = Mapping[str, Sequence[str]]

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INTERVAL: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class Condition(StrEnum):
    """How an access point is."""

    HEARD = "heard"
    # Not heard for too long while the venue was open.
    SILENT = "silent"
    # Not heard for long, and the venue is closed or has only just opened.
    QUIET = "quiet"
    # No packet ever named it.
    NEVER_HEARD = "never_heard"


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a venue is open at a moment; ``since`` is None where the hours are not known."""

    is_open: bool
    since: datetime | None


def opening_at(hours: OpeningHours | None, zone: ZoneInfo, now: datetime) -> Opening:
    """Look a moment up in opening hours such as ``{"monday": ["09:00-17:00"]}``.

    A venue whose hours are not known counts as open. A closing time at or before the opening time is on the next day.
    """
    if not hours:
        return Opening(True, None)
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        for interval in hours.get(_DAYS[day.weekday()], ()):
            begin, end = _moments(interval, day, zone) or (now, now)
            if begin <= now < end:
                return Opening(True, begin)
    return Opening(False, None)


def _moments(interval: str, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    found = _INTERVAL.fullmatch(interval.strip())
    if found is None:
        return None
    opens_hour, opens_minute, closes_hour, closes_minute = map(int, found.groups())
    begin = datetime.combine(day, time(opens_hour, opens_minute), zone)
    end = datetime.combine(day, time(closes_hour % 24, closes_minute), zone)
    return begin, end if end > begin else datetime.combine(day + timedelta(days=1), end.timetz())


def condition_of(last_heard_at: datetime | None, opening: Opening, silent_after: timedelta, now: datetime) -> Condition:
    """Judge one access point. It is silent only when the venue has been open for as long as that itself."""
    if last_heard_at is None:
        return Condition.NEVER_HEARD
    if now - last_heard_at < silent_after:
        return Condition.HEARD
    open_long_enough = opening.is_open and (opening.since is None or now - opening.since >= silent_after)
    return Condition.SILENT if open_long_enough else Condition.QUIET
