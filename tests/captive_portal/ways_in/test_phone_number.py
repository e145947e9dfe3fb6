from __future__ import annotations

import pytest

from captive_portal.ways_in.phone_number import PhoneFault, PhoneNumberError, is_phone_number, mask, parse_phone_number


@pytest.mark.parametrize(
    "typed",
    ["07400123456", " 07400 123 456 ", "(07400) 123-456", "+44 7400 123456", "0044 7400 123456", "+44 (0)7400 123456",
     "۰۷۴۰۰۱۲۳۴۵۶", "０７４００１２３４５６"],
)  # fmt: skip
def test_a_mobile_number_is_kept_in_one_way_however_it_is_written(typed: str) -> None:
    assert parse_phone_number(typed, ["GB"]) == "+447400123456"


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", PhoneFault.NO_NUMBER),
        ("07400", PhoneFault.NO_NUMBER),
        ("0800 FLOWERS", PhoneFault.NO_NUMBER),
        ("07400123456 ext 5", PhoneFault.NO_NUMBER),
        ("07400123456\r\nBcc: all", PhoneFault.NO_NUMBER),
        ("1" * 500, PhoneFault.NO_NUMBER),
        ("020 7946 0018", PhoneFault.NO_MOBILE),
        ("0909 879 0000", PhoneFault.NO_MOBILE),
        ("070 0123 4567", PhoneFault.NO_MOBILE),
        ("+33 6 12 34 56 78", PhoneFault.OTHER_COUNTRY),
    ],
)
def test_no_text_goes_to_what_is_no_mobile_number_of_these_countries(typed: str, fault: PhoneFault) -> None:
    with pytest.raises(PhoneNumberError) as raised:
        parse_phone_number(typed, ["GB"])
    assert raised.value.fault is fault
    assert not typed or typed not in str(raised.value)


def test_other_countries_can_be_allowed() -> None:
    assert parse_phone_number("+33 6 12 34 56 78", ["GB", "FR"]) == "+33612345678"
    assert parse_phone_number("06 12 34 56 78", ["FR", "GB"]) == "+33612345678"


def test_a_masked_number_shows_three_digits() -> None:
    assert mask("+447400123456") == "•••456"


def test_numbers_and_addresses_are_told_apart() -> None:
    assert is_phone_number("+447400123456")
    assert not is_phone_number("+44@example.org")
