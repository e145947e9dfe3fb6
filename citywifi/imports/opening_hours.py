"""Opening hours as publishers write them and as the database keeps them: {"monday": ["09:00-17:00"], …}."""

from __future__ import annotations

import re
from itertools import pairwise

from citywifi.imports.values import ValueNotUsable

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_A_DAY = 24 * 60

_SPAN = re.compile(r"(\d{1,2})[:.](\d{2})\s*(?:-|–|to)\s*(\d{1,2})[:.](\d{2})")
_BETWEEN_SPANS = re.compile(r"\s*(?:,|;|&|\band\b)\s*")


def spans_of_day(text: str) -> list[str]:
    """ "9.00-12.30 and 13:30-17:00" becomes ["09:00-12:30", "13:30-17:00"].

    A span that closes at 00:00 or 24:00 lasts until midnight and is kept as 00:00, as it was published. Raises
    ValueNotUsable.
    """
    spans = [_one_span(part) for part in _BETWEEN_SPANS.split(text.strip()) if part]
    minutes = [span_minutes(span) for span in spans]
    if any(later[0] < earlier[1] for earlier, later in pairwise(minutes)):
        raise ValueNotUsable("has hours that overlap or are not in order")
    return spans


def span_minutes(span: str) -> tuple[int, int]:
    """Minutes of the day at which a span such as "10:00-00:00" begins and ends; midnight at its end is 1440."""
    opens, closes = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
    return opens, closes or MINUTES_A_DAY


def _one_span(text: str) -> str:
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueNotUsable("is not opening hours such as 09:00-17:00")
    open_hour, open_minute, close_hour, close_minute = (int(part) for part in match.groups())
    opens, closes = open_hour * 60 + open_minute, close_hour * 60 + close_minute
    if open_minute > 59 or close_minute > 59 or opens >= MINUTES_A_DAY or closes > MINUTES_A_DAY:
        raise ValueNotUsable("has a time that is not on the clock")
    if opens >= (closes or MINUTES_A_DAY):
        raise ValueNotUsable("closes before it opens")
    return f"{open_hour:02}:{open_minute:02}-{close_hour % 24:02}:{close_minute:02}"
