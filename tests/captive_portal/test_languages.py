from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import captive_portal
from captive_portal.languages import (
    LOCALE_FOLDER,
    NAMES,
    choose_language,
    current_language,
    direction,
    gettext,
    show_day,
    show_duration,
    show_octets,
    show_time,
)

PACKAGE = Path(captive_portal.__file__).parent
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
# What is to be filled in, and markup.
PLACES = re.compile(r"%\(\w+\)s|</?\w+>")
PLURAL_FORMS = {"cy": 5, "gd": 4, "pl": 3, "ro": 3, "uk": 3, "ar": 6, "ur": 2}
# Words that a language may have taken over as they are.
ALIKE = {"Method", "Password", "Spam"}
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


def catalogue_of(language: str) -> Catalog:
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "captive_portal.po").open("rb") as source:
        return read_po(source, locale=language)


def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    catalogue = catalogue_of(language)
    translated = {
        message.id[0] if isinstance(message.id, tuple) else message.id
        for message in catalogue
        if message.id and all(forms_of(message)) and not message.fuzzy
    }
    assert translated == messages_in_use()
    assert [message.id for message in catalogue if list(message.check())] == []


def test_a_translation_has_the_same_places_to_fill_and_the_same_markup(language: str) -> None:
    for message in catalogue_of(language):
        if not all(forms_of(message)):
            continue
        if isinstance(message.id, tuple):
            # "Two hours" may be one word without a number; the form for many needs it.
            assert set(PLACES.findall(forms_of(message)[-1])) == set(PLACES.findall(message.id[0])), message.id
        elif message.id:
            assert isinstance(message.id, str)
            assert sorted(PLACES.findall(forms_of(message)[0])) == sorted(PLACES.findall(message.id)), message.id


def test_a_translation_is_not_the_english_text(language: str) -> None:
    same = [message.id for message in catalogue_of(language) if message.id and message.id == message.string]
    assert set(same) <= ALIKE


def test_a_catalogue_has_as_many_plural_forms_as_its_language(language: str) -> None:
    catalogue = catalogue_of(language)
    assert catalogue.num_plurals == PLURAL_FORMS[language]
    for message in catalogue:
        if isinstance(message.id, tuple):
            assert isinstance(message.string, tuple)
            assert len(message.string) == catalogue.num_plurals


def test_each_language_is_marked_as_not_read_by_a_native_reader(language: str) -> None:
    assert "Not yet read by a native reader" in catalogue_of(language).header_comment
    page = (PACKAGE.parent / "docs" / "languages.md").read_text(encoding="utf-8")
    [row] = [line for line in page.splitlines() if line.startswith(f"| `{language}` |")]
    assert NAMES[language] in row
    assert "not reviewed" in row


def forms_of(message: Message) -> tuple[str, ...]:
    if isinstance(message.string, tuple):
        return message.string
    assert isinstance(message.string, str)
    return (message.string,)


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
        ((), "ar-EG,ar;q=0.9", "ar"),
        (("ur",), "en", "ur"),
        ((), "uk-UA", "uk"),
        ((), "gd-GB", "gd"),
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


@pytest.mark.parametrize(
    ("language", "duration", "octets", "day"),
    [
        ("cy", "3 awr 2 funud", "42.3 MB", "22 Tachwedd 2026"),
        ("gd", "3 uairean a thìde 2 mhionaid", "42.3 MB", "22 dhen t-Samhain 2026"),
        ("pl", "3 godziny 2 minuty", "42,3 MB", "22 listopada 2026"),
        ("ro", "3 ore 2 minute", "42,3 MB", "22 noiembrie 2026"),
        ("uk", "3 години 2 хвилини", "42,3 МБ", "22 листопада 2026"),
        ("ar", "3 ساعات دقيقتان", "42.3 م.ب", "22 نوفمبر 2026"),
        ("ur", "3 گھنٹے 2 منٹ", "42.3 MB", "22 نومبر 2026"),
    ],
)
def test_figures_are_said_as_the_language_says_them(language: str, duration: str, octets: str, day: str) -> None:
    token = current_language.set(language)
    try:
        assert show_duration(timedelta(hours=3, minutes=2)) == duration
        assert re.sub(r"[\u200e\u200f\xa0]", " ", show_octets(42_300_000)).strip() == octets
        assert show_day(datetime(2026, 11, 22, 12, tzinfo=UTC), "Europe/London") == day
    finally:
        current_language.reset(token)


def test_arabic_and_urdu_are_written_from_right_to_left() -> None:
    assert {language for language in NAMES if direction(language) == "rtl"} == {"ar", "ur"}
