"""EAP's own packets: what is read, what is refused, and how RADIUS carries them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.authentication.eap.packet import Code, EapPacket, decode, join, split, wanted_types
from radius.errors import EapMalformedError
from radius.packet import Code as RadiusCode
from radius.packet import encode_request
from tests.radius.support import SECRET


def test_an_identity_response_is_read() -> None:
    packet = decode(bytes.fromhex("02 2a 0009 01 616e6e61"))
    assert (packet.code, packet.identifier, packet.eap_type, packet.type_data) == (Code.RESPONSE, 42, 1, b"anna")


@pytest.mark.parametrize("code", [Code.SUCCESS, Code.FAILURE])
def test_success_and_failure_are_four_octets(code: Code) -> None:
    assert EapPacket(code, 7).encode() == bytes((code, 7, 0, 4))
    assert decode(bytes((code, 7, 0, 4))) == EapPacket(code, 7)


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "02",
        "020100",
        "02010004",  # a response without a type
        "01010004",
        "0201000601",  # longer than what came
        "02010005010000",  # shorter than what came
        "02010003",
        "0301000500",  # a success with something in it
        "0001000501",
        "0501000501",
        "ff01000501",
    ],
)
def test_what_is_no_eap_packet_is_refused(octets: str) -> None:
    with pytest.raises(EapMalformedError):
        decode(bytes.fromhex(octets))


@given(st.binary(max_size=64))
def test_whatever_comes_is_a_packet_that_encodes_to_the_same_octets_or_malformed(octets: bytes) -> None:
    try:
        packet = decode(octets)
    except EapMalformedError:
        return
    assert packet.encode() == octets
    with contextlib.suppress(EapMalformedError):
        wanted_types(packet)


@pytest.mark.parametrize("length", [4, 5, 253, 254, 506, 507, 1400])
def test_radius_carries_a_packet_in_as_many_attributes_as_it_takes(length: int) -> None:
    octets = bytes(range(256)) * 6
    attributes = split(octets[:length])
    assert all(len(value) == 253 for _, value in attributes[:-1])
    request = encode_request(RadiusCode.ACCESS_REQUEST, 1, [(1, b"anna"), *attributes, (33, b"state")], SECRET)
    assert join(request) == octets[:length]


@pytest.mark.parametrize(
    ("response", "wanted"),
    [
        (EapPacket(Code.RESPONSE, 1, 3, bytes((21, 13))), frozenset({21, 13})),
        (EapPacket(Code.RESPONSE, 1, 3, bytes(1)), frozenset()),
        # An expanded NAK that asks for a vendor's type 1 and for EAP-TLS; and one that wants nothing.
        (
            EapPacket(Code.RESPONSE, 1, 254, bytes.fromhex("00000000000003 fe00013700000001 fe0000000000000d")),
            frozenset({13}),
        ),
        (EapPacket(Code.RESPONSE, 1, 254, bytes.fromhex("00000000000003 fe00000000000000")), frozenset()),
    ],
)
def test_a_nak_names_the_methods_that_the_device_wants(response: EapPacket, wanted: frozenset[int]) -> None:
    assert wanted_types(response) == wanted


@pytest.mark.parametrize(
    "response", [EapPacket(Code.RESPONSE, 1, 25, b"\0"), EapPacket(Code.RESPONSE, 1, 254, bytes(7))]
)
def test_another_response_is_no_nak(response: EapPacket) -> None:
    assert wanted_types(response) is None


@pytest.mark.parametrize(
    "response",
    [
        EapPacket(Code.RESPONSE, 1, 3, b""),
        EapPacket(Code.RESPONSE, 1, 254, bytes(6)),
        EapPacket(Code.RESPONSE, 1, 254, bytes.fromhex("00000000000003 0d")),
        EapPacket(Code.RESPONSE, 1, 254, bytes.fromhex("00000000000003 fe000000")),
    ],
)
def test_a_nak_that_is_cut_off_is_malformed(response: EapPacket) -> None:
    with pytest.raises(EapMalformedError):
        wanted_types(response)
