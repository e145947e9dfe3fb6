"""Hiding by salt: Tunnel-Password and the keys of 802.1X."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.authenticators import LONGEST_SALTED_VALUE, hide_salted, reveal_salted
from radius.errors import LocalFaultError, MalformedAttributeError, UnencodableError

SECRET = b"testing123"
AUTHENTICATOR = bytes(range(16))


@given(
    st.binary(max_size=LONGEST_SALTED_VALUE), st.binary(min_size=1, max_size=64), st.binary(min_size=16, max_size=16)
)
def test_what_is_hidden_by_salt_is_revealed_by_the_same_secret(
    value: bytes, secret: bytes, authenticator: bytes
) -> None:
    hidden = hide_salted(value, secret, authenticator)
    assert hidden[0] & 0x80
    assert (len(hidden) - 2) % 16 == 0
    assert len(hidden) <= 242
    assert reveal_salted(hidden, secret, authenticator) == value


def test_a_salt_does_not_come_again_within_a_packet() -> None:
    salts = {hide_salted(b"key", SECRET, AUTHENTICATOR)[:2] for _ in range(2000)}
    assert len(salts) == 2000


def test_the_first_block_is_hidden_as_rfc_2868_says() -> None:
    # Its b(1) is MD5(secret, request authenticator, salt); worked out beside the code under test.
    salt, key = bytes.fromhex("8001"), bytes.fromhex("32a4044d0a1a2538cf27b06bb2ba15f3")
    plain = b"\x05" + b"xyzzy" + bytes(10)
    hidden = salt + bytes(left ^ right for left, right in zip(plain, key, strict=True))
    assert reveal_salted(hidden, SECRET, AUTHENTICATOR) == b"xyzzy"


@pytest.mark.parametrize(
    "hidden",
    [
        b"",
        b"\x80",
        b"\x80\x01",
        b"\x80\x01" + bytes(15),
        b"\x80\x01" + bytes(17),
        b"\x00\x01" + bytes(16),
    ],
    ids=["nothing", "half a salt", "no block", "a short block", "an octet too much", "a salt without its bit"],
)
def test_octets_of_another_form_are_malformed(hidden: bytes) -> None:
    with pytest.raises(MalformedAttributeError):
        reveal_salted(hidden, SECRET, AUTHENTICATOR)


def test_a_length_beyond_the_last_block_or_before_it_is_malformed() -> None:
    hidden = hide_salted(bytes(40), SECRET, AUTHENTICATOR)
    for length in range(256):
        altered = bytearray(hidden)
        altered[2] ^= 40 ^ length
        if 32 <= length <= 47:
            assert len(reveal_salted(bytes(altered), SECRET, AUTHENTICATOR)) == length
        else:
            with pytest.raises(MalformedAttributeError, match="MS-MPPE-Send-Key"):
                reveal_salted(bytes(altered), SECRET, AUTHENTICATOR, "MS-MPPE-Send-Key")


@given(st.binary(max_size=300))
def test_no_octets_do_anything_but_reveal_or_be_malformed(hidden: bytes) -> None:
    try:
        revealed = reveal_salted(hidden, SECRET, AUTHENTICATOR)
    except MalformedAttributeError:
        return
    assert len(revealed) < len(hidden)


def test_too_long_a_value_and_an_empty_secret_are_faults_of_ours() -> None:
    with pytest.raises(UnencodableError, match="239"):
        hide_salted(bytes(240), SECRET, AUTHENTICATOR)
    with pytest.raises(LocalFaultError):
        hide_salted(b"key", b"", AUTHENTICATOR)
    with pytest.raises(LocalFaultError):
        reveal_salted(bytes(18), b"", AUTHENTICATOR)
