"""PEAP's result and crypto-binding."""

from __future__ import annotations

import contextlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.authentication.eap.peap_result import (
    FAILURE,
    SUCCESS,
    CompoundKeys,
    encode_result,
    is_bound,
    read_result,
)
from radius.errors import EapMalformedError

TUNNEL_KEY = bytes(range(64))
KEYS = CompoundKeys.of_inner_method(TUNNEL_KEY, b"\x07" * 64)
NONCE = b"\x2a" * 32


def answer(keys: CompoundKeys, *, sub_type: int = 1, version: int = 0) -> bytes:
    """A device's Cryptobinding TLV."""
    head = bytes.fromhex("000c0038") + bytes((0, version, 0, sub_type)) + NONCE
    return head + hmac.digest(keys.cmk, head + bytes(20) + b"\x19", "sha1")


def test_a_result_is_told_with_our_half_of_the_binding() -> None:
    octets = encode_result(SUCCESS, KEYS, NONCE)
    assert octets[:6] == bytes.fromhex("800300020001")
    assert octets[6:14] == bytes.fromhex("000c003800000000")
    assert octets[14:46] == NONCE
    assert len(octets) == 6 + 60
    assert encode_result(FAILURE) == bytes.fromhex("800300020002")


def test_a_device_with_the_same_keys_is_bound_and_any_other_is_not() -> None:
    result = read_result(bytes.fromhex("800300020001") + answer(KEYS))
    assert result.is_success
    assert result.binding is not None
    assert is_bound(result.binding, KEYS)
    assert not is_bound(result.binding, CompoundKeys.of_inner_method(TUNNEL_KEY, b"\x08" * 64))
    assert not is_bound(result.binding, CompoundKeys.of_inner_method(b"\x01" * 64, b"\x07" * 64))
    assert not is_bound(result.binding, CompoundKeys.of_resumption(TUNNEL_KEY))


def test_our_own_half_sent_back_binds_nobody() -> None:
    ours = encode_result(SUCCESS, KEYS, NONCE)[6:]
    assert not is_bound(ours, KEYS)
    assert not is_bound(answer(KEYS, version=1), KEYS)
    assert not is_bound(answer(KEYS, sub_type=2), KEYS)


def test_a_device_may_refuse_and_may_know_no_binding() -> None:
    assert not read_result(bytes.fromhex("800300020002")).is_success
    assert read_result(bytes.fromhex("800300020001")).binding is None
    # An unknown TLV that is not mandatory.
    assert read_result(bytes.fromhex("00210001ff 800300020001")).is_success


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "8003",
        "80030002",
        "8003000100",
        "800300020001 800300020001",
        "80030003000100",
        "000c0001ff 800300020001",
        "80210001ff 800300020001",  # mandatory and unknown
    ],
)
def test_what_does_not_fit_is_malformed(octets: str) -> None:
    with pytest.raises(EapMalformedError):
        read_result(bytes.fromhex(octets))


@given(st.binary(max_size=150))
def test_whatever_comes_is_read_or_malformed(octets: bytes) -> None:
    with contextlib.suppress(EapMalformedError):
        result = read_result(octets)
        assert result.binding is None or not is_bound(result.binding, KEYS)


def test_keys_have_their_lengths_and_differ() -> None:
    resumed = CompoundKeys.of_resumption(TUNNEL_KEY)
    assert (len(KEYS.ipmk), len(KEYS.cmk), len(KEYS.master_session_key())) == (40, 20, 64)
    assert (resumed.ipmk, resumed.cmk) == (TUNNEL_KEY[:40], TUNNEL_KEY[40:60])
    assert KEYS.master_session_key() != TUNNEL_KEY
