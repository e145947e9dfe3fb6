"""Languages: which one a person reads, and the translations.

Translations are gettext catalogues (locale/*/LC_MESSAGES/captive_portal.po), read by Babel when the service starts, so
that there is no compiled file to forget. The source language is English.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.units import format_unit

DEFAULT: Final = "en"
# Each language by its own name.
NAMES: Final[Mapping[str, str]] = {
    "en": "English",
    "cy": "Cymraeg",
    "gd": "Gàidhlig",
    "pl": "Polski",
    "ro": "Română",
    "uk": "Українська",
    "ar": "العربية",
    "ur": "اردو",
}
# Written from right to left.
RIGHT_TO_LEFT: Final = frozenset({"ar", "ur"})
LOCALE_FOLDER: Final = Path(__file__).parent / "locale"

# Of Accept-Language: what is read of it, and how many are remembered. A city's phones have some dozens.
_LONGEST_PREFERENCE: Final = 500
_MOST_PREFERENCES: Final = 512

current_language: ContextVar[str] = ContextVar("current_language", default=DEFAULT)


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; English needs none."""
    file = LOCALE_FOLDER / language / "LC_MESSAGES" / "captive_portal.po"
    if language == DEFAULT:
        return NullTranslations()
    with file.open("rb") as source:
        catalogue = read_po(source, locale=language, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Words in somebody else's language than the page's, such as of a letter to them."""
    token = current_language.set(language)
    try:
        yield
    finally:
        current_language.reset(token)


def gettext(message: str) -> str:
    """The message in the language of the page that is being made."""
    return translations(current_language.get()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The message for so many, in the language of the page that is being made."""
    return translations(current_language.get()).ngettext(singular, plural, number)


def direction(language: str) -> Literal["ltr", "rtl"]:
    """Where a line of the language begins, as HTML's ``dir`` says it."""
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


# Code, name and direction of every language, as pages offer them.
MENU: Final = tuple((code, name, direction(code)) for code, name in NAMES.items())


def choose_language(*wishes: str | None, accept_language: str = "") -> str:
    """The first language that we have: of the wishes in their order, else of the browser's preferences."""
    for wish in (*wishes, *_by_preference(accept_language[:_LONGEST_PREFERENCE])):
        language = (wish or "").strip().lower().replace("_", "-").partition("-")[0]
        if language in NAMES:
            return language
    return DEFAULT


@lru_cache(maxsize=_MOST_PREFERENCES)
def _by_preference(accept_language: str) -> list[str]:
    """The ranges of an Accept-Language header (RFC 9110 section 12.5.4), the most wanted first."""
    weighted: list[tuple[float, str]] = []
    for item in accept_language.split(","):
        language, _, parameter = item.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if weight > 0:
            weighted.append((weight, language))
    return [language for _, language in sorted(weighted, key=lambda pair: -pair[0])]


def show_duration(duration: timedelta) -> str:
    """Hours and minutes in words, such as ``1 hour 20 minutes``; less than a minute is said as such."""
    minutes = max(0, int(duration.total_seconds()) // 60)
    if minutes == 0:
        return gettext("less than a minute")
    hours, minutes = divmod(minutes, 60)
    # Babel's own durations have no words for Welsh and Urdu.
    in_words = (
        ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": hours},
        ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes},
    )
    return " ".join(words for number, words in zip((hours, minutes), in_words, strict=True) if number)


def show_octets(octets: int) -> str:
    """Decimal megabytes or gigabytes, as phone contracts count."""
    number, unit = (octets / 1e9, "gigabyte") if octets >= 1e9 else (octets / 1e6, "megabyte")
    pattern = "#,##0" if number >= 100 else "#,##0.0"
    return format_unit(number, f"digital-{unit}", "short", format=pattern, locale=current_language.get())


def show_time(moment: datetime, time_zone: str) -> str:
    """The time of day where the resident is."""
    return format_time(moment.astimezone(ZoneInfo(time_zone)), "HH:mm", locale=current_language.get())


def show_day(moment: datetime, time_zone: str) -> str:
    """The day where the resident is, such as ``22 November 2026``."""
    return format_date(moment.astimezone(ZoneInfo(time_zone)), format="d MMMM y", locale=current_language.get())
