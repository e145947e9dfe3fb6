"""Opening hours as published (``{"monday": ["09:00-17:00"]}``, local time) to moments in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from citywifi.replay.errors import ReplayError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OpeningHours = Mapping[str, Sequence[str]]

_RANGE = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_MIDNIGHT = time(0, 0)


@dataclass(frozen=True, slots=True)
class OpenPeriod:
    """From opening to closing, both in UTC."""

    opens_at: datetime
    closes_at: datetime

    @property
    def seconds(self) -> int:
        """How long it is open; on the nights of the clock change an hour more or less than the hours printed."""
        return int((self.closes_at - self.opens_at).total_seconds())


def open_periods(hours: OpeningHours, day: date, zone: ZoneInfo) -> tuple[OpenPeriod, ...]:
    """When a place is open on a day; a closing time of 00:00 is the midnight at its end.

    Public holidays are not in the published hours and are days like others here. Raises ReplayError.
    """
    return tuple(_period(text, day, zone) for text in hours.get(WEEKDAYS[day.weekday()], ()))


def open_seconds(hours: OpeningHours, day: date, zone: ZoneInfo) -> int:
    """For how long a place is open on a day."""
    return sum(period.seconds for period in open_periods(hours, day, zone))


def _period(text: str, day: date, zone: ZoneInfo) -> OpenPeriod:
    match = _RANGE.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        opens, closes = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    except ValueError:
        raise ReplayError(f"opening hours {text!r} are not understood; write them like 09:00-17:00") from None
    closing_day = day + timedelta(days=1) if closes == _MIDNIGHT else day
    period = OpenPeriod(_moment(day, opens, zone), _moment(closing_day, closes, zone))
    if period.closes_at <= period.opens_at:
        raise ReplayError(f"opening hours {text!r} end before they begin; write each day's own hours")
    return period


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
