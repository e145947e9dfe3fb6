from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import captive_portal
from captive_portal.languages import (
    LOCALE_FOLDER,
    NAMES,
    choose_language,
    current_language,
    gettext,
    show_day,
    show_duration,
    show_octets,
    show_time,
)

PACKAGE = Path(captive_portal.__file__).parent
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


@pytest.fixture(params=sorted(set(NAMES) - {"en"}))
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    token = current_language.set(request.param)
    yield request.param
    current_language.reset(token)


def messages_in_use() -> set[str]:
    """The first form of every message in templates and code."""
    options = {"templates/**.html": {"trimmed": "true"}}
    found = extract_from_dir(PACKAGE, METHODS, options_map=options, keywords=KEYWORDS)
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    file = LOCALE_FOLDER / language / "LC_MESSAGES" / "captive_portal.po"
    with file.open("rb") as source:
        catalogue = read_po(source, locale=language)
    translated = {
        message.id[0] if isinstance(message.id, tuple) else message.id
        for message in catalogue
        if message.id and message.string and not message.fuzzy
    }
    assert translated == messages_in_use()
    assert [message.id for message in catalogue if list(message.check())] == []


@pytest.mark.parametrize(
    ("wishes", "header", "chosen"),
    [
        ((), "cy-GB,cy;q=0.9,en;q=0.8", "cy"),
        ((), "en;q=0.5, cy;q=0.9", "cy"),
        ((), "fr-FR,fr;q=0.9,en;q=0.1", "en"),
        ((), "fr", "en"),
        ((), "cy;q=0, fr", "en"),
        ((), "cy;q=x,,;;=", "en"),
        (("cy",), "en", "cy"),
        ((None, "xx", "CY_gb"), "en", "cy"),
        (("../../etc",), "", "en"),
    ],
)
def test_the_language_is_the_first_that_the_person_reads(wishes: tuple[str | None], header: str, chosen: str) -> None:
    assert choose_language(*wishes, accept_language=header) == chosen


def test_english_needs_no_catalogue() -> None:
    assert gettext("Back") == "Back"


def test_figures_are_said_in_english() -> None:
    assert show_duration(timedelta(seconds=59)) == "less than a minute"
    assert show_duration(timedelta(hours=1, minutes=20)) == "1 hour 20 minutes"
    assert show_duration(timedelta(hours=2)) == "2 hours"
    assert show_duration(timedelta(seconds=-5)) == "less than a minute"
    assert [show_octets(number) for number in (0, 42_300_000, 250_000_000, 1_500_000_000)] == [
        "0.0 MB",
        "42.3 MB",
        "250 MB",
        "1.5 GB",
    ]
    assert show_time(datetime(2026, 7, 1, 11, 5, tzinfo=UTC), "Europe/London") == "12:05"
    # Already tomorrow there.
    assert show_day(datetime(2026, 6, 30, 23, 5, tzinfo=UTC), "Europe/London") == "1 July 2026"


def test_figures_are_said_in_welsh() -> None:
    token = current_language.set("cy")
    try:
        assert show_duration(timedelta(hours=3, minutes=2)) == "3 awr 2 funud"
        assert show_day(datetime(2026, 11, 22, 12, tzinfo=UTC), "Europe/London") == "22 Tachwedd 2026"
    finally:
        current_language.reset(token)
