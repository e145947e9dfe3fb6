"""Cells: what publishers write for numbers, dates, postcodes and for nothing."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citywifi.imports.values import (
    ValueNotUsable,
    area_code,
    decimal_number,
    joined_coordinates,
    some_date,
    text_or_none,
    uk_postcode,
    whole_number,
)


@pytest.mark.parametrize("text", ["", "  ", "-", "N/A", "n/a", "[Unknown]", "[unknown]", "None"])
def test_the_publishers_words_for_nothing_are_nothing(text: str) -> None:
    assert text_or_none(text) is None


def test_spaces_and_line_breaks_around_and_within_a_text_become_one_space() -> None:
    assert text_or_none("  6 West Street\n\n ") == "6 West Street"
    assert text_or_none("\xa0St. Martin's\xa0 Church") == "St. Martin's Church"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CV1 1FY", "CV1 1FY"),
        ("CH1 1 RL", "CH1 1RL"),
        ("GL10 2Ng", "GL10 2NG"),
        (" WF12 9DU", "WF12 9DU"),
        ("NE26 1EJ.", "NE26 1EJ"),
        ("SE1  5TY", "SE1 5TY"),
        ("B495HJ", "B49 5HJ"),
        ("SW1A 1AA", "SW1A 1AA"),
    ],
)
def test_a_postcode_is_understood_however_it_is_spaced(written: str, meant: str) -> None:
    assert uk_postcode(written) == meant


@pytest.mark.parametrize("text", ["[No registered public address]", "n/a - mobile", "75016", "CV1", "CV1 1CI", ""])
def test_what_is_no_postcode_is_refused(text: str) -> None:
    with pytest.raises(ValueNotUsable, match="not a UK postcode"):
        uk_postcode(text)


@pytest.mark.parametrize(
    ("text", "month_first", "end_of_year", "meant"),
    [
        ("06/08/2017", True, False, date(2017, 6, 8)),
        ("06/08/2017", False, False, date(2017, 8, 6)),
        ("2021-07-30T14:28:54.539761+02:00", False, False, date(2021, 7, 30)),
        ("2016", False, True, date(2016, 12, 31)),
        ("2011", False, False, date(2011, 1, 1)),
        ("09/09/9999", True, False, None),
        ("9999-12-31", False, False, None),
        ("[unknown]", False, False, None),
        (" ", False, True, None),
    ],
)
def test_dates_are_read_in_the_publishers_order(
    text: str, month_first: bool, end_of_year: bool, meant: date | None
) -> None:
    assert some_date(text, month_first=month_first, end_of_year=end_of_year) == meant


@pytest.mark.parametrize("text", ["1960s", "1985c", "soon", "2021-13-01", "31/02/2020"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueNotUsable, match=r"is not a (date or a year|day of the calendar)"):
        some_date(text, month_first=False, end_of_year=False)


def test_the_wrong_order_of_day_and_month_is_named() -> None:
    with pytest.raises(ValueNotUsable, match="read as day/month/year"):
        some_date("06/28/2017", month_first=False, end_of_year=False)


def test_joined_coordinates_are_parted() -> None:
    assert joined_coordinates("(40.760713, -73.922879)") == ("40.760713", "-73.922879")
    assert joined_coordinates("48.86,2.28") == ("48.86", "2.28")
    with pytest.raises(ValueNotUsable):
        joined_coordinates("BROADWAY")


def test_numbers_keep_to_their_limits() -> None:
    assert whole_number("1,997") == 1997
    assert decimal_number(" 3.31 ", lowest=0, highest=10) == pytest.approx(3.31)
    for text in ("", "x", "-1", "1.5"):
        with pytest.raises(ValueNotUsable):
            whole_number(text)
    for text in ("nan", "inf", "11", ""):
        with pytest.raises(ValueNotUsable):
            decimal_number(text, lowest=0, highest=10)


def test_area_codes_are_codes() -> None:
    assert area_code(" e01009522") == "E01009522"
    with pytest.raises(ValueNotUsable):
        area_code("00CQFU")


@given(st.text(max_size=40))
def test_no_text_at_all_breaks_a_parser(text: str) -> None:
    for parse in (uk_postcode, area_code, joined_coordinates, whole_number):
        try:
            parse(text)
        except ValueNotUsable:
            continue
    with contextlib.suppress(ValueNotUsable):
        some_date(text, month_first=True, end_of_year=True)
