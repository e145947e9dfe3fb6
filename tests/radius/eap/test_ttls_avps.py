"""The attributes inside TTLS: read strictly, written as RFC 5281 wants them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.authentication.eap import ttls_avps
from radius.errors import EapMalformedError

USER_NAME = "00000001 4000000c 616e6e61"


def test_name_and_padded_password_are_read() -> None:
    avps = ttls_avps.read(bytes.fromhex(USER_NAME + "00000002 40000018 73656372657400000000000000000000"))
    assert avps.get(ttls_avps.USER_NAME) == b"anna"
    assert avps.get(ttls_avps.USER_PASSWORD) == b"secret".ljust(16, b"\0")
    assert avps.get(ttls_avps.CHAP_PASSWORD) is None


def test_a_vendors_attribute_is_written_with_its_vendor_and_padded() -> None:
    octets = ttls_avps.encode(ttls_avps.MS_CHAP2_SUCCESS, b"\x05S=x")
    assert octets == bytes.fromhex("0000001a c0000010 00000137 05533d78")
    assert ttls_avps.encode(ttls_avps.EAP_MESSAGE, b"12345") == bytes.fromhex("0000004f 4000000d 3132333435 000000")


def test_pieces_of_one_eap_message_are_joined() -> None:
    octets = ttls_avps.encode(ttls_avps.EAP_MESSAGE, b"123") + ttls_avps.encode(ttls_avps.EAP_MESSAGE, b"45")
    assert ttls_avps.read(octets).get(ttls_avps.EAP_MESSAGE) == b"12345"


def test_an_unknown_attribute_is_ignored_unless_the_device_insists() -> None:
    assert ttls_avps.read(bytes.fromhex(USER_NAME + "00000063 0000000c 00000000")).get(ttls_avps.USER_NAME) == b"anna"
    with pytest.raises(EapMalformedError, match="insists"):
        ttls_avps.read(bytes.fromhex("00000063 4000000c 00000000"))


@pytest.mark.parametrize(
    "octets",
    [
        "00",
        "00000001 400000",
        "00000001 40000007",  # shorter than its own head
        "00000001 c000000b 00000137",  # shorter than its head with vendor
        "00000001 c0000008",  # the vendor is missing
        "00000001 4000000d 616e6e6161",  # padding is missing
        "00000001 40ffffff 616e6e61",
        USER_NAME + USER_NAME,
        "00000063 00000008" * 65,
    ],
)
def test_what_does_not_fit_is_malformed(octets: str) -> None:
    with pytest.raises(EapMalformedError):
        ttls_avps.read(bytes.fromhex(octets))


@given(st.binary(max_size=80))
def test_whatever_comes_is_read_or_malformed(octets: bytes) -> None:
    with contextlib.suppress(EapMalformedError):
        ttls_avps.read(octets)
