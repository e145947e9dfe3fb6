"""What publishers write into a cell: numbers, dates, codes, postcodes, and their ways to say that there is nothing."""

from __future__ import annotations

import math
import re
from datetime import date

_NOTHING = frozenset({"", "-", "n/a", "#n/a", "null", "none", "[unknown]", "[n/a]"})
_AREA_CODE = re.compile(r"[EWSN]\d{8}")
_JOINED = re.compile(r"\(?\s*([-+]?\d+(?:\.\d+)?)\s*[,;\s]\s*([-+]?\d+(?:\.\d+)?)\s*\)?")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?")
_SLASH_DATE = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_YEAR = re.compile(r"\d{4}")
# From this year on a date means "no date", such as 09/09/9999.
_SENTINEL_YEAR = 9000
# Royal Mail's shapes of postcodes (PAF Programmers' Guide): the letters C, I, K, M, O and V never stand at the end.
_POSTCODE = re.compile(
    r"(GIR|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d(?:\d|[ABEHMNPRVWXY])?|\d[A-HJKPS-UW]))(\d[ABD-HJLNP-UW-Z]{2})"
)


class ValueNotUsable(ValueError):  # noqa: N818  it is caught beside its row and becomes a Problem
    """One cell is not what it should be; the message is the reason, without the value."""


def text_or_none(value: str) -> str | None:
    """The value on one line without spaces around it, or None if the publisher says that there is none."""
    text = " ".join(value.split())
    return None if text.casefold() in _NOTHING else text


def whole_number(value: str, *, lowest: int = 0, highest: int | None = None) -> int:
    """A count or rank. Raises ValueNotUsable."""
    try:
        number = int(value.strip().replace(",", ""))
    except ValueError:
        raise ValueNotUsable("is not a whole number") from None
    if number < lowest or (highest is not None and number > highest):
        limits = f"between {lowest} and {highest}" if highest is not None else f"{lowest} or more"
        raise ValueNotUsable(f"is not {limits}")
    return number


def decimal_number(value: str, *, lowest: float, highest: float) -> float:
    """A measure. Raises ValueNotUsable."""
    try:
        number = float(value.strip())
    except ValueError:
        raise ValueNotUsable("is not a number") from None
    if not math.isfinite(number) or not lowest <= number <= highest:
        raise ValueNotUsable(f"is not between {lowest:g} and {highest:g}")
    return number


def area_code(value: str) -> str:
    """A Government Statistical Service code, such as E01009522. Raises ValueNotUsable."""
    code = value.strip().upper()
    if not _AREA_CODE.fullmatch(code):
        raise ValueNotUsable("is not an area code such as E01009522")
    return code


def uk_postcode(value: str) -> str:
    """A postcode in upper case with one space, however it was spaced or dotted. Raises ValueNotUsable."""
    match = _POSTCODE.fullmatch(re.sub(r"[\s.]", "", value.upper()))
    if not match:
        raise ValueNotUsable("is not a UK postcode")
    return f"{match[1]} {match[2]}"


def joined_coordinates(value: str) -> tuple[str, str]:
    """Both halves of "(40.76, -73.92)". Raises ValueNotUsable."""
    match = _JOINED.fullmatch(value.strip())
    if not match:
        raise ValueNotUsable("is not a pair of coordinates such as (52.41, -1.51)")
    return match[1], match[2]


def some_date(value: str, *, month_first: bool, end_of_year: bool) -> date | None:
    """A date in ISO 8601, with slashes, or only a year; None for the publisher's "no date".

    A year alone becomes its first or last day. Raises ValueNotUsable.
    """
    text = text_or_none(value)
    if text is None:
        return None
    if _YEAR.fullmatch(text):
        year, month, day = int(text), 12 if end_of_year else 1, 31 if end_of_year else 1
    elif match := _ISO_DATE.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
    elif match := _SLASH_DATE.fullmatch(text):
        first, second, year = (int(part) for part in match.groups())
        month, day = (first, second) if month_first else (second, first)
    else:
        raise ValueNotUsable("is not a date or a year")
    if year >= _SENTINEL_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        order = "month/day/year" if month_first else "day/month/year"
        raise ValueNotUsable(f"is not a day of the calendar (read as {order})") from None
