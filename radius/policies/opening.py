"""Opening times: a window of the day on a council's clocks, also over midnight and when the clocks change.

A time that the clocks skip in spring counts as so much later, one that comes twice in autumn as the first of the two
(Python's ``fold=0``, PEP 495).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_MINUTES_OF_DAY = 24 * 60
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """From ``opens_at`` to ``closes_at``, both in minutes after midnight, 0 to 1439; the same twice is all day."""

    opens_at: int
    closes_at: int

    @classmethod
    def parse(cls, opens_at: str, closes_at: str) -> Opening:
        """From texts such as 08:00 and 22:30; 24:00 is midnight. Raises ValueError."""
        return cls(_minutes(opens_at), _minutes(closes_at))

    @property
    def is_always(self) -> bool:
        """Whether it never closes."""
        return self.opens_at == self.closes_at

    def __str__(self) -> str:
        return f"{format_minutes(self.opens_at)}-{format_minutes(self.closes_at)}"


def open_until(opening: Opening, now: datetime, zone: tzinfo) -> datetime | None:
    """When it closes (UTC), if it is open now; None if it is closed. For one that closes at all."""
    today = now.astimezone(zone).date()
    # Yesterday's window may reach over midnight into today.
    for day in (today - _DAY, today):
        begins, ends = _window(opening, day, zone)
        if begins <= now < ends:
            return ends
    return None


def day_start(now: datetime, zone: tzinfo) -> datetime:
    """When the present day began on the council's clocks, in UTC."""
    return _moment(now.astimezone(zone).date(), 0, zone)


def format_minutes(minutes: int) -> str:
    """480 is 08:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and len(minutes) == 2 and hours.isdecimal() and minutes.isdecimal()):
        raise ValueError(f"{text!r} is not a time of day; write it like 08:00")
    count = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or count > _MINUTES_OF_DAY:
        raise ValueError(f"{text!r} is not a time of day; write it like 08:00")
    return count % _MINUTES_OF_DAY


def _window(opening: Opening, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    last_day = day if opening.opens_at < opening.closes_at else day + _DAY
    return _moment(day, opening.opens_at, zone), _moment(last_day, opening.closes_at, zone)


def _moment(day: date, minutes: int, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(*divmod(minutes, 60)), zone).astimezone(UTC)
