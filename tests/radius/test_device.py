"""MAC authentication in all six spellings and both styles of password."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5

import pytest

from foundation.credentials import nt_hash
from foundation.mac_address import MacAddress
from radius.authentication import mschap
from radius.authentication.device import parse_address, proven_password, station_address
from radius.authentication.password import ChapProof, PapProof
from radius.authentication.stored_password import Proof

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


def mschapv2(password: str) -> mschap.Mschapv2Proof:
    hashed = mschap.challenge_hash(bytes(16), bytes(16), b"02005E0053AB")
    nt_response = mschap.challenge_response(hashed, nt_hash(password))
    return mschap.Mschapv2Proof(b"02005E0053AB", bytes(16), bytes(16), nt_response, 1)


def pap(password: str) -> PapProof:
    return PapProof(password.encode())


METHODS = [pap, chap, mschapv2]


@pytest.mark.parametrize("spelling", [*SPELLINGS, *[spelling.swapcase() for spelling in SPELLINGS]])
def test_a_device_is_known_in_every_spelling(spelling: str) -> None:
    assert parse_address(spelling) == ADDRESS
    assert station_address(f"{spelling}:CityWiFi") == ADDRESS


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_proves_every_spelling_in_either_case(
    method: Callable[[str], Proof], spelling: str, upper: bool
) -> None:
    password = spelling.upper() if upper else spelling.lower()
    proven = proven_password(method(password), ADDRESS)
    assert proven is not None
    assert proven.password == password.encode()


@pytest.mark.parametrize("method", METHODS)
def test_the_fixed_word_of_coovachilli_is_accepted(method: Callable[[str], Proof]) -> None:
    proven = proven_password(method("password"), ADDRESS)
    assert proven is not None
    assert proven.password == b"password"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("wrong", ["", "Password", "02-00-5E-00-53-AC", "02-00-5E-00-53-AB ", "ÿþ"])
def test_anything_else_is_wrong(method: Callable[[str], Proof], wrong: str) -> None:
    assert proven_password(method(wrong), ADDRESS) is None


def test_a_password_that_is_no_text_is_wrong_and_not_an_error() -> None:
    assert proven_password(PapProof(b"\xff\xff"), ADDRESS) is None


@pytest.mark.parametrize("text", [None, "", "demo", "02-00-5E-00-53"])
def test_what_is_no_address_is_none(text: str | None) -> None:
    assert parse_address(text or "") is None
    assert station_address(text) is None
