"""MAC authentication in all six spellings and both styles of password."""

from __future__ import annotations

from hashlib import md5

import pytest

from foundation.mac_address import MacAddress
from radius.authentication.device import is_device_password, parse_address, station_address
from radius.authentication.password import ChapProof, PapProof

ADDRESS = MacAddress.parse("02-00-5E-00-53-AB")
SPELLINGS = [
    "02-00-5E-00-53-AB",
    "02:00:5e:00:53:ab",
    "02005e0053ab",
    "0200.5e00.53ab",
    "0200-5e00-53ab",
    "02005e-0053ab",
]


def chap(password: str) -> ChapProof:
    challenge = bytes(range(16))
    return ChapProof(b"\x01", md5(b"\x01" + password.encode() + challenge).digest(), challenge)


@pytest.mark.parametrize("spelling", [*SPELLINGS, *[spelling.swapcase() for spelling in SPELLINGS]])
def test_a_device_is_known_and_proves_itself_in_every_spelling(spelling: str) -> None:
    assert parse_address(spelling) == ADDRESS
    assert station_address(f"{spelling}:CityWiFi") == ADDRESS
    assert is_device_password(PapProof(spelling.encode()), ADDRESS)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("upper", [True, False])
def test_chap_proves_every_spelling_in_either_case(spelling: str, upper: bool) -> None:
    assert is_device_password(chap(spelling.upper() if upper else spelling.lower()), ADDRESS)


def test_the_fixed_word_of_coovachilli_is_accepted() -> None:
    assert is_device_password(PapProof(b"password"), ADDRESS)
    assert is_device_password(chap("password"), ADDRESS)


@pytest.mark.parametrize("wrong", [b"", b"Password", b"02-00-5E-00-53-AC", b"\xff\xff", b"02-00-5E-00-53-AB "])
def test_anything_else_is_wrong(wrong: bytes) -> None:
    assert not is_device_password(PapProof(wrong), ADDRESS)
    assert not is_device_password(chap(wrong.decode("latin-1")), ADDRESS)


@pytest.mark.parametrize("text", [None, "", "demo", "02-00-5E-00-53"])
def test_what_is_no_address_is_none(text: str | None) -> None:
    assert parse_address(text) is None
    assert station_address(text) is None
