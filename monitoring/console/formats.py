"""How figures and times are written on pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

_UNITS: Final = ("octets", "kB", "MB", "GB", "TB")


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the one or two units that matter: ``5 min ago``, ``2 d 3 h ago``, or ``never``."""
    if moment is None:
        return "never"
    return f"{duration(now - moment)} ago"


def duration(length: timedelta) -> str:
    """``40 s``, ``12 min``, ``3 h 5 min``, ``2 d 4 h``; nothing below zero."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def volume(octets: int) -> str:
    """With a decimal prefix and one decimal: ``3.4 MB``."""
    size, step = float(octets), 0
    while size >= 1000 and step < len(_UNITS) - 1:
        size, step = size / 1000, step + 1
    return f"{octets} {_UNITS[0]}" if step == 0 else f"{size:.1f} {_UNITS[step]}"


def clock(moment: datetime, zone: tzinfo, now: datetime) -> str:
    """``14:05`` today, ``Fri 14:05`` within a week, else with the date; in the given zone."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if timedelta(0) < today - local.date() < timedelta(days=7):
        return f"{local:%a %H:%M}"
    return f"{day(local.date())}, {local:%H:%M}"


def day(value: date) -> str:
    """``3 November 2026``."""
    return f"{value.day} {value:%B %Y}"


def number(value: int) -> str:
    """With thousands separated."""
    return f"{value:,}"


def plural(value: int, one: str, many: str = "") -> str:
    """``1 session``, ``2 sessions``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "ago": ago, "duration": duration, "volume": volume, "clock": clock, "day": day, "number": number, "plural": plural,
}  # fmt: skip
