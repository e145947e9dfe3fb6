"""Until when a council must have answered, counted in days where it is.

- Somebody's rights over their data (UK GDPR articles 12 and 12A): one month from the day on which the request came, or
  on which their identity was proved, if that was later; two months more if the council says so, with its reason, within
  the first. The days on which clarification was waited for, first and last included, do not count.
- A complaint (Data Protection Act 2018, section 164A): acknowledged within 30 days that begin when it comes, and
  answered without undue delay, for which each council sets itself a number of days.

Where the law can be read in two ways this takes the one that ends sooner; what ends on a Sunday ends on that Sunday.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ACKNOWLEDGEMENT_DAYS: Final = 30
_MONTHS: Final = 1
_EXTENDED_MONTHS: Final = 3


@dataclass(frozen=True, slots=True)
class Pause:
    """Clarification was asked for, and came; None while it is waited for."""

    asked_at: datetime
    answered_at: datetime | None


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or its last day where it has none such."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def uncounted_days(pauses: Iterable[Pause], time_zone: str) -> int:
    """The days on which clarification was waited for, each once; of pauses that are over."""
    days: set[date] = set()
    for pause in pauses:
        if pause.answered_at is not None:
            first, last = day_of(pause.asked_at, time_zone), day_of(pause.answered_at, time_zone)
            days.update(first + timedelta(days=number) for number in range((last - first).days + 1))
    return len(days)


def last_day_of_a_right(
    relevant_at: datetime, pauses: Iterable[Pause], time_zone: str, *, is_extended: bool = False
) -> date:
    """The last day for an answer, given when the request came or identity was proved, whichever was later."""
    months = _EXTENDED_MONTHS if is_extended else _MONTHS
    last = months_after(day_of(relevant_at, time_zone), months)
    return last + timedelta(days=uncounted_days(pauses, time_zone))


def last_day_to_acknowledge(received_at: datetime, time_zone: str) -> date:
    """The thirtieth day, the one on which the complaint came being the first."""
    return day_of(received_at, time_zone) + timedelta(days=ACKNOWLEDGEMENT_DAYS - 1)


def last_day_of_a_complaint(received_at: datetime, answer_days: int, time_zone: str) -> date:
    """The day that the council set itself."""
    return day_of(received_at, time_zone) + timedelta(days=answer_days)


def day_of(moment: datetime, time_zone: str) -> date:
    """The day that it was where the council is."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def end_of(day: date, time_zone: str) -> datetime:
    """The moment at which a day is over where the council is."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone)).astimezone(UTC)
