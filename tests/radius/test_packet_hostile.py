"""Whatever arrives, nothing but a counted discard comes out of the codec."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radius.attributes import DEFINITIONS, encode_all, get, get_all
from radius.errors import DiscardReason, MalformedAttributeError, PacketDiscarded
from radius.packet import (
    MOST_ATTRIBUTES,
    REPLIES,
    Code,
    Packet,
    decode,
    encode_reply,
    encode_request,
    reveal_password,
    verify_reply,
    verify_request,
)
from radius.parser import Parser
from tests.support.radius_octets import SECRET, packet_octets, signed_octets

AUTHENTICATOR = bytes(range(16))
EXAMPLES = settings(max_examples=300, deadline=None)
MESSAGE_AUTHENTICATOR = (80, bytes(16))

WELL_FORMED = [
    encode_request(
        code,
        5,
        encode_all(
            [
                ("User-Name", "resident"),
                ("NAS-IP-Address", "192.0.2.1"),
                ("Called-Station-Id", "00-00-5E-00-53-01:Library"),
                ("WISPr-Location-Name", "Central Library"),
                ("Proxy-State", b"proxy"),
            ]
        ),
        SECRET,
    )
    for code in REPLIES
]

attribute_values = st.binary(max_size=253)
attributes = st.lists(
    st.tuples(st.integers(1, 255).filter(lambda kind: kind != MESSAGE_AUTHENTICATOR[0]), attribute_values),
    max_size=12,
)


def with_attributes(octets: str) -> bytes:
    """An Access-Request whose attributes are these octets, whatever they say."""
    body = bytes.fromhex(octets)
    return b"\x01\x07" + (20 + len(body)).to_bytes(2, "big") + AUTHENTICATOR + body


MALFORMED = {
    "nothing": (b"", DiscardReason.TOO_SHORT),
    "nineteen octets": (packet_octets(1, AUTHENTICATOR, [])[:19], DiscardReason.TOO_SHORT),
    "length field of 19": (b"\x01\x07\x00\x13" + AUTHENTICATOR, DiscardReason.LENGTH_FIELD_TOO_SMALL),
    "length field of 0": (b"\x01\x07\x00\x00" + AUTHENTICATOR, DiscardReason.LENGTH_FIELD_TOO_SMALL),
    "length field one beyond the datagram": (
        b"\x01\x07\x00\x15" + AUTHENTICATOR,
        DiscardReason.LENGTH_FIELD_TOO_LARGE,
    ),
    "length field of 4097": (b"\x01\x07\x10\x01" + AUTHENTICATOR + bytes(4077), DiscardReason.TOO_LONG),
    "code 0": (packet_octets(0, AUTHENTICATOR, []), DiscardReason.UNKNOWN_CODE),
    "code 6": (packet_octets(6, AUTHENTICATOR, []), DiscardReason.UNKNOWN_CODE),
    "code 255": (packet_octets(255, AUTHENTICATOR, []), DiscardReason.UNKNOWN_CODE),
    "one octet after the last attribute": (with_attributes("0103 61 01"), DiscardReason.ATTRIBUTE_TRUNCATED),
    "attribute length one beyond the packet": (with_attributes("0104 61"), DiscardReason.ATTRIBUTE_TRUNCATED),
    "attribute length far beyond the packet": (with_attributes("01ff 61"), DiscardReason.ATTRIBUTE_TRUNCATED),
    "attribute length 0": (with_attributes("0100"), DiscardReason.ATTRIBUTE_LENGTH_TOO_SMALL),
    "attribute length 1": (with_attributes("0103 61 0101"), DiscardReason.ATTRIBUTE_LENGTH_TOO_SMALL),
    "attribute type 0": (with_attributes("0103 61 0003 61"), DiscardReason.ATTRIBUTE_TYPE_ZERO),
    "201 attributes": (packet_octets(1, AUTHENTICATOR, [(1, b"")] * 201), DiscardReason.TOO_MANY_ATTRIBUTES),
    "two Message-Authenticators": (
        packet_octets(1, AUTHENTICATOR, [MESSAGE_AUTHENTICATOR, (1, b"a"), MESSAGE_AUTHENTICATOR]),
        DiscardReason.MESSAGE_AUTHENTICATOR_REPEATED,
    ),
    "Message-Authenticator of 15 octets": (
        packet_octets(1, AUTHENTICATOR, [(80, bytes(15))]),
        DiscardReason.MESSAGE_AUTHENTICATOR_MALFORMED,
    ),
    "empty Message-Authenticator": (
        packet_octets(4, AUTHENTICATOR, [(80, b"")]),
        DiscardReason.MESSAGE_AUTHENTICATOR_MALFORMED,
    ),
    # As seen on port 1812: QUIC, whose first octets are read as code, identifier and length.
    "a QUIC packet with a code that we know": (
        bytes.fromhex("043652e3d1ffbaf8982bd4f52a3b56a750227600"),
        DiscardReason.TOO_LONG,
    ),
    "a QUIC packet with a length that could be": (
        bytes.fromhex("0108082651a61c62b16305bf5237ce51522dd51d246c"),
        DiscardReason.LENGTH_FIELD_TOO_LARGE,
    ),
    # Seen in a capture that crashed a dissector: padding where attributes should be, and a length beyond the end.
    "a length field beyond a datagram of unknown code": (
        bytes.fromhex("3a6a0107") + bytes(41),
        DiscardReason.UNKNOWN_CODE,
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_datagrams_are_discarded_with_their_own_reason(what: str) -> None:
    datagram, reason = MALFORMED[what]
    with pytest.raises(PacketDiscarded) as discarded:
        decode(datagram)
    assert discarded.value.reason is reason


def test_every_reason_of_decoding_has_a_case_above() -> None:
    of_verifying = {
        DiscardReason.UNEXPECTED_CODE,
        DiscardReason.UNEXPECTED_IDENTIFIER,
        DiscardReason.ATTRIBUTE_MALFORMED,
        DiscardReason.EAP_WITHOUT_MESSAGE_AUTHENTICATOR,
        DiscardReason.MESSAGE_AUTHENTICATOR_MISSING,
        DiscardReason.MESSAGE_AUTHENTICATOR_WRONG,
        DiscardReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR,
        DiscardReason.REQUEST_AUTHENTICATOR_WRONG,
        DiscardReason.REPLY_AUTHENTICATOR_WRONG,
    }
    assert {reason for _, reason in MALFORMED.values()} == set(DiscardReason) - of_verifying


def serve(datagram: bytes) -> bytes | None:
    """What a server does with a datagram; None when it was discarded. Anything else that is raised escapes."""
    try:
        request = decode(datagram)
        verify_request(request, SECRET)
    except PacketDiscarded:
        return None
    return encode_reply(min(REPLIES[request.code]), request, [], SECRET)


def ask(request: Packet, datagram: bytes) -> bool:
    """What a client does with a reply; False when it was discarded."""
    try:
        verify_reply(decode(datagram), request, SECRET)
    except PacketDiscarded:
        return False
    return True


@EXAMPLES
@given(st.binary(max_size=200))
def test_random_octets_are_never_answered(datagram: bytes) -> None:
    assert serve(datagram) is None
    assert not ask(WELL_FORMED[0], datagram)


@EXAMPLES
@given(st.sampled_from(sorted(Code)), st.binary(max_size=400))
def test_a_good_head_before_random_attributes_is_never_answered(code: Code, body: bytes) -> None:
    head = bytes((code, 5)) + (20 + len(body)).to_bytes(2, "big")
    assert serve(head + AUTHENTICATOR + body) is None


@pytest.mark.parametrize("request_", WELL_FORMED, ids=lambda request: request.code.name)
def test_every_truncation_of_a_good_request_is_discarded(request_: Packet) -> None:
    assert serve(request_.octets) is not None
    for length in range(len(request_.octets)):
        assert serve(request_.octets[:length]) is None


@pytest.mark.parametrize("request_", WELL_FORMED, ids=lambda request: request.code.name)
def test_every_truncation_with_a_length_field_to_match_is_discarded(request_: Packet) -> None:
    for length in range(20, len(request_.octets)):
        octets = request_.octets[:2] + length.to_bytes(2, "big") + request_.octets[4:length]
        assert serve(octets) is None


@pytest.mark.parametrize("request_", WELL_FORMED, ids=lambda request: request.code.name)
def test_every_flipped_bit_of_a_good_request_is_discarded(request_: Packet) -> None:
    for position in range(len(request_.octets)):
        for bit in range(8):
            octets = bytearray(request_.octets)
            octets[position] ^= 1 << bit
            assert serve(bytes(octets)) is None


@pytest.mark.parametrize("request_", WELL_FORMED, ids=lambda request: request.code.name)
def test_every_flipped_bit_of_a_good_reply_is_discarded(request_: Packet) -> None:
    reply = encode_reply(min(REPLIES[request_.code]), request_, [(18, b"Croeso")], SECRET)
    assert ask(request_, reply)
    for position in range(len(reply)):
        for bit in range(8):
            octets = bytearray(reply)
            octets[position] ^= 1 << bit
            assert not ask(request_, bytes(octets))


@EXAMPLES
@given(st.sampled_from(WELL_FORMED), st.data())
def test_splices_of_a_good_request_are_discarded(request_: Packet, data: st.DataObject) -> None:
    """Pieces cut out, doubled or replaced by random octets, as a broken middlebox or an attacker would."""
    octets = request_.octets
    start = data.draw(st.integers(0, len(octets)))
    end = data.draw(st.integers(start, len(octets)))
    spliced = octets[:start] + data.draw(st.binary(max_size=40) | st.just(octets[start:end] * 2)) + octets[end:]
    # Octets put behind the end are padding, so that the packet is still the good one.
    if not spliced.startswith(octets):
        assert serve(spliced) is None


@EXAMPLES
@given(st.sampled_from(sorted(REPLIES)), st.integers(0, 255), attributes, st.binary(min_size=1, max_size=64))
def test_whatever_attributes_a_good_packet_has_it_round_trips(
    code: Code, identifier: int, given_attributes: list[tuple[int, bytes]], secret: bytes
) -> None:
    request = encode_request(code, identifier, given_attributes, secret)
    received = decode(request.octets)
    assert received == request
    assert list(received.attributes)[-len(given_attributes) :] == given_attributes or not given_attributes
    verify_request(received, secret)
    for reply_code in REPLIES[code]:
        reply = decode(encode_reply(reply_code, received, [(18, b"text")], secret))
        verify_reply(reply, request, secret)
        proxy_states = [attribute for attribute in given_attributes if attribute[0] == 33]
        assert [attribute for attribute in reply.attributes if attribute[0] == 33] == proxy_states


@EXAMPLES
@given(attributes)
def test_typed_reading_of_random_values_raises_nothing_but_malformed_attribute(
    given_attributes: list[tuple[int, bytes]],
) -> None:
    packet = decode(packet_octets(4, AUTHENTICATOR, given_attributes))
    for name in DEFINITIONS:
        with suppress(MalformedAttributeError):
            get(packet, name)
        with suppress(MalformedAttributeError):
            get_all(packet, name)


@EXAMPLES
@given(
    st.sampled_from(sorted({definition.vendor_id for definition in DEFINITIONS.values() if definition.vendor})),
    st.binary(max_size=60),
)
def test_random_octets_inside_vendor_specific_raise_nothing_but_malformed_attribute(
    vendor_id: bytes, inside: bytes
) -> None:
    packet = decode(packet_octets(1, AUTHENTICATOR, [(26, vendor_id + inside)]))
    for name in DEFINITIONS:
        with suppress(MalformedAttributeError):
            get(packet, name)


@EXAMPLES
@given(st.binary(max_size=200))
def test_random_hidden_passwords_reveal_octets_or_are_malformed(hidden: bytes) -> None:
    with suppress(MalformedAttributeError):
        assert len(reveal_password(hidden, SECRET, AUTHENTICATOR)) <= len(hidden)


@EXAMPLES
@given(st.binary(max_size=40), st.lists(st.integers(-3, 50), max_size=8))
def test_the_parser_never_reads_past_the_end(octets: bytes, lengths: list[int]) -> None:
    parser = Parser(octets)
    taken = b""
    for length in lengths:
        with suppress(PacketDiscarded):
            taken += parser.take(length)
    assert octets.startswith(taken)


def test_a_flood_of_the_smallest_attributes_is_discarded() -> None:
    """2,038 attributes of no content would fill the longest packet."""
    octets = signed_octets(4, [(1, b"")] * 2038)
    assert len(octets) == 4096
    assert serve(octets) is None
    assert serve(signed_octets(4, [(1, b"")] * MOST_ATTRIBUTES)) is not None
