"""Attributes as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from radius import attributes
from radius.attribute_text import AttributeTextError, describe, parse_lines
from radius.errors import UnknownAttributeError


def test_radclients_syntax_is_read_one_or_several_a_line() -> None:
    lines = ['User-Name = "de,m\\"o", User-Password="a b", NAS-Port := 3', "", "# a comment", "Session-Timeout = 0x10,"]
    assert parse_lines(lines) == [
        ("User-Name", 'de,m"o'),
        ("User-Password", b"a b"),
        ("NAS-Port", 3),
        ("Session-Timeout", 16),
    ]


def test_named_numbers_octets_and_times_are_read() -> None:
    lines = ["Acct-Status-Type = Start", "Class = 0x0102", "Event-Timestamp = 1700000000"]
    moment = datetime.fromtimestamp(1_700_000_000, UTC)
    assert parse_lines(lines) == [("Acct-Status-Type", 1), ("Class", b"\x01\x02"), ("Event-Timestamp", moment)]


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("User-Name", AttributeTextError, "line 1 is not an attribute"),
        ("Session-Timeout = long", AttributeTextError, "Session-Timeout must be"),
        ("Acct-Status-Type = Begin", AttributeTextError, "Acct-Status-Type must be"),
        ("No-Such-Thing = 1", UnknownAttributeError, "no attribute is named 'No-Such-Thing'"),
    ],
)
def test_what_cannot_be_read_is_named(line: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_lines([line])


def test_attributes_are_described_by_name_and_passwords_are_not_shown() -> None:
    known = attributes.encode_all(
        [("User-Name", "demo"), ("Acct-Status-Type", "Stop"), ("WISPr-Bandwidth-Max-Up", 5000), ("Class", b"\x01")]
    )
    password = (attributes.definition_of("User-Password").number, bytes(16))
    assert describe([*known, password]) == [
        'User-Name = "demo"',
        "Acct-Status-Type = Stop",
        "WISPr-Bandwidth-Max-Up = 5000",
        "Class = 0x01",
        "User-Password = (hidden, 16 octets)",
    ]


def test_what_no_dictionary_knows_or_is_malformed_is_shown_by_its_octets() -> None:
    assert describe([(192, b"\x01\x02"), (26, b"\x00\x00\xff\xff\x01\x03\x07"), (27, b"\x01")]) == [
        "Attr-192 = 0x0102",
        "Vendor-65535-1 = 0x07",
        "Session-Timeout = 0x01 (malformed: it should be an unsigned number of 32 bits)",
    ]
