"""Realms of user names, and which row of the table serves one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.errors import LocalFaultError
from radius.roaming.realm import find_realm, parse_identifier, realm_pattern


@pytest.mark.parametrize(
    ("user_name", "user", "realm"),
    [
        (b"mary@solihull.example", "mary", "solihull.example"),
        (b"Mary@SOLIHULL.Example", "Mary", "solihull.example"),
        (b"@solihull.example", "", "solihull.example"),
        ("siân@gwynedd.llyw.cymru".encode(), "siân", "gwynedd.llyw.cymru"),
        ("x@CAFÉ.example".encode(), "x", "café.example"),
        ("x@cafe\u0301.example".encode(), "x", "café.example"),
    ],
)
def test_a_name_with_a_realm_is_taken_apart(user_name: bytes, user: str, realm: str) -> None:
    identifier = parse_identifier(user_name)
    assert identifier is not None
    assert (identifier.user, identifier.realm) == (user, realm)


@pytest.mark.parametrize(
    "user_name",
    [
        b"mary",
        b"02-00-5E-00-53-01",
        b"",
        b"@",
        b"mary@",
        b"mary@localhost",
        b"mary@solihull..example",
        b"mary@.solihull.example",
        b"mary@solihull.example.",
        b"mary@solihull.example ",
        b"mary@-solihull.example",
        b"mary@solihull-.example",
        b"mary@soli_hull.example",
        b"mary@soli\0hull.example",
        b"mary@*.example",
        b"mary@home.example@solihull.example",
        b"mary@" + b"a" * 64 + b".example",
        b"mary@" + b"abc." * 63 + b"example",
        b"mary@\xff.example",
    ],
)
def test_a_name_without_a_right_realm_has_none(user_name: bytes) -> None:
    assert parse_identifier(user_name) is None


@given(st.binary(max_size=253))
def test_no_octets_whatever_make_it_raise(user_name: bytes) -> None:
    parse_identifier(user_name)


@pytest.mark.parametrize(
    ("realm", "served_by"),
    [
        ("solihull.example", "exact"),
        ("library.solihull.example", "below solihull"),
        ("a.library.solihull.example", "below solihull"),
        ("dudley.example", "below example"),
        ("example", "all others"),
        ("notsolihull.test", "all others"),
    ],
)
def test_the_nearest_row_serves_a_realm(realm: str, served_by: str) -> None:
    table = {
        "solihull.example": "exact",
        "*.solihull.example": "below solihull",
        "*.example": "below example",
        "*": "all others",
    }
    assert find_realm(table, realm) == served_by


def test_a_realm_that_is_in_no_row_is_nobodys() -> None:
    assert find_realm({"*.example": 1, "a.test": 2}, "b.test") is None
    assert find_realm({"*.example": 1}, "example") is None


@pytest.mark.parametrize("text", ["*", "*.example", "*.gov.uk", "solihull.example"])
def test_names_for_the_table_are_taken(text: str) -> None:
    assert realm_pattern(text.upper()) == text


@pytest.mark.parametrize("text", ["", "**", "*.", "example", "a.*.example", "*solihull.example", "a b.example"])
def test_names_that_would_serve_nobody_are_refused(text: str) -> None:
    with pytest.raises(LocalFaultError, match="is not a realm"):
        realm_pattern(text)
