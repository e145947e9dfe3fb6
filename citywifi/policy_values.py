"""Limits of a policy as people write them, and as they are shown: 4h, 2GB, 10Mbit/s, 08:00-22:00."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citywifi.errors import CommandError
from radius.policies.opening import Opening, format_minutes

# Says nothing itself, so that a less exact policy or the setting does.
INHERIT: Final = "inherit"
# Says that there is no such limit.
NONE: Final = "none"

_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "min": 60, "s": 1}
_DURATION = re.compile(r"(\d+)\s*(d|h|min|m|s)")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z/]+)", re.IGNORECASE)
_OCTETS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_KILOBITS = {"kbit/s": 1, "Mbit/s": 10**3, "Gbit/s": 10**6, "kbps": 1, "Mbps": 10**3, "Gbps": 10**6}
_LONGEST_SECONDS = 366 * 86_400
_LARGEST_NUMBER = 2**31 - 1
_LARGEST_OCTETS = 2**62
_FILTER = re.compile(r"[!-~][ -~]{0,127}")
_DAY_MINUTES = 24 * 60


def parse_duration(text: str) -> int:
    """Seconds, from 4h, 90min, 1h30m or 2d. Raises CommandError."""
    parts = _DURATION.findall(text)
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if not parts or _DURATION.sub("", text).strip() or not 0 < seconds <= _LONGEST_SECONDS:
        raise CommandError(f"{text!r} is not a time; write it like 4h, 90min or 1h30m")
    return seconds


def parse_octets(text: str) -> int:
    """Octets, from 500MB, 2GB or 1.5GiB. Raises CommandError."""
    octets = _amount(text, _OCTETS)
    if octets is None or not 0 < octets <= _LARGEST_OCTETS:
        raise CommandError(f"{text!r} is not an amount of data; write it like 500MB or 2GB")
    return octets


def parse_speed(text: str) -> int:
    """Kilobits a second, from 10Mbit/s or 512kbit/s. Raises CommandError."""
    if re.search(r"[kMG]i?B(?:/s|ps)?$", text):
        raise CommandError(f"{text!r} counts bytes, and speeds are told in bits; 1 MB/s is 8Mbit/s")
    kilobits = _amount(text, _KILOBITS)
    if kilobits is None or not 0 < kilobits <= _LARGEST_NUMBER:
        raise CommandError(f"{text!r} is not a speed; write it like 10Mbit/s or 512kbit/s")
    return kilobits


def parse_opening(text: str) -> Opening:
    """A window of the day, from 08:00-22:00; one that ends before it begins goes over midnight. Raises CommandError."""
    opens_at, _, closes_at = text.partition("-")
    try:
        return Opening.parse(opens_at.strip(), closes_at.strip())
    except ValueError:
        raise CommandError(f"{text!r} are no opening times; write them like 08:00-22:00, or always") from None


def parse_number(what: str, smallest: int, largest: int) -> Callable[[str], int]:
    """A parser of whole numbers between two. Raises CommandError."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and smallest <= int(text) <= largest):
            raise CommandError(f"{text!r} is not {what}; write a number from {smallest} to {largest}")
        return int(text)

    return parse


def parse_filter(text: str) -> str:
    """A name that stands in the equipment. Raises CommandError."""
    if not _FILTER.fullmatch(text):
        raise CommandError(f"{text!r} is not the name of a filter; it has up to 128 printable ASCII characters")
    return text


def show_duration(seconds: int) -> str:
    """7200 is 2h, 5400 is 1h30m."""
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def show_octets(octets: int) -> str:
    """2000000000 is 2GB."""
    return _show_amount(octets, {"TB": 10**12, "GB": 10**9, "MB": 10**6, "kB": 10**3}, "octets")


def show_speed(kilobits: int) -> str:
    """10000 is 10Mbit/s."""
    return _show_amount(kilobits, {"Gbit/s": 10**6, "Mbit/s": 10**3}, "kbit/s")


def show_opening(opening: Opening) -> str:
    """08:00-22:00, or always."""
    if opening.is_always:
        return "always"
    closes_at = format_minutes(opening.closes_at) if opening.closes_at else "24:00"
    return f"{format_minutes(opening.opens_at)}-{closes_at}"


@dataclass(frozen=True, slots=True)
class Limit:
    """How one limit of ``radius.policies.effective.Limits`` is written and shown.

    ``without`` is what stands for none of it; None where there always is one. ``setting`` decides where no policy does.
    """

    name: str
    title: str
    option: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    without: Any = None
    setting: str = ""


LIMITS: tuple[Limit, ...] = (
    Limit("opening", "open", "--open", parse_opening, show_opening, Opening(0, 0)),
    Limit("session_seconds", "session", "--session-time", parse_duration, show_duration,
          setting="session_timeout_seconds"),
    Limit("idle_seconds", "idle", "--idle-time", parse_duration, show_duration, setting="idle_timeout_seconds"),
    Limit("daily_seconds", "time a day", "--daily-time", parse_duration, show_duration, 0),
    Limit("daily_octets", "data a day", "--daily-data", parse_octets, show_octets, 0),
    Limit("download_kilobits_per_second", "download", "--download", parse_speed, show_speed,
          setting="download_kilobits_per_second"),
    Limit("upload_kilobits_per_second", "upload", "--upload", parse_speed, show_speed,
          setting="upload_kilobits_per_second"),
    Limit("simultaneous_devices", "devices", "--devices", parse_number("a number of devices", 1, 1000), str, 0),
    Limit("vlan", "VLAN", "--vlan", parse_number("a VLAN", 1, 4094), str, 0),
    Limit("filter_name", "filter", "--filter", parse_filter, str, ""),
)  # fmt: skip
"""All limits in the order in which they are shown."""


def read_limits(written: Mapping[str, str | None]) -> dict[str, Any]:
    """What a person wrote for some limits, by name, as the policy is to have it; None is to inherit.

    Raises CommandError for what is not understood.
    """
    found = {}
    for limit in LIMITS:
        text = written.get(limit.name)
        if text is not None:
            found[limit.name] = _read(limit, text)
    return found


def show_limit(limit: Limit, value: Any) -> str:
    """A limit in a table; ``none`` where there is no such limit."""
    if value is None:
        value = limit.without
    return limit.show(value) if value != limit.without or limit.name == "opening" else NONE


def _read(limit: Limit, text: str) -> Any:
    text = text.strip()
    if text == INHERIT:
        return None
    if text == NONE or (text == "always" and limit.name == "opening"):
        if limit.without is None:
            raise CommandError(f"there always is a limit for {limit.option}; write a large one, or {INHERIT}")
        return limit.without
    try:
        return limit.parse(text)
    except CommandError as error:
        raise CommandError(f"{limit.option}: {error}") from None


def _amount(text: str, units: Mapping[str, int]) -> int | None:
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    number, written = found.groups()
    by_lower = {unit.lower(): count for unit, count in units.items()}
    count = by_lower.get(written.lower())
    return None if count is None else round(float(number) * count)


def _show_amount(count: int, units: Mapping[str, int], smallest: str) -> str:
    for unit, size in units.items():
        if count >= size:
            return f"{count / size:.4g}{unit}"
    return f"{count}{smallest}"
