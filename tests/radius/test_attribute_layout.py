"""Tags, hidden values, values in pieces, values inside other attributes: each both ways, and broken."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius import attributes
from radius.attribute_layout import ExtendedAttribute, extended, find_values, place, read_extended
from radius.attributes import DEFINITIONS
from radius.errors import MalformedAttributeError, UnencodableError
from radius.packet import Attribute, Code, Packet, decode, encode_reply
from tests.support.peers import Peers
from tests.support.radius_octets import SECRET, packet_octets

AUTHENTICATOR = bytes(range(16))
LONG = replace(DEFINITIONS["Operator-NAS-Identifier"], number=7, parent=DEFINITIONS["Extended-Attribute-5"])
"""No attribute of the dictionaries is a long extended one yet."""


def packet(*pairs: Attribute) -> Packet:
    return decode(packet_octets(2, AUTHENTICATOR, list(pairs)))


class TestTags:
    """RFC 2868 section 3."""

    def test_a_vlan_of_rfc_3580_needs_no_tag(self) -> None:
        sent = attributes.encode_all(
            {"Tunnel-Type": "VLAN", "Tunnel-Medium-Type": "IEEE-802", "Tunnel-Private-Group-Id": "20"}
        )
        assert sent == ((64, bytes([0, 0, 0, 13])), (65, bytes([0, 0, 0, 6])), (81, b"20"))

    def test_a_tag_goes_in_front_of_text_and_into_the_first_octet_of_a_number(self) -> None:
        assert attributes.encode("Tunnel-Private-Group-Id", "20", tag=1) == (81, b"\x0120")
        assert attributes.encode("Tunnel-Type", "VLAN", tag=31) == (64, bytes([31, 0, 0, 13]))

    def test_the_reader_gets_the_value_without_the_tag_or_with_it(self) -> None:
        sent = packet((81, b"\x0120"), (81, b"30"), (81, b"\x0040"), (64, bytes([2, 0, 0, 13])))
        assert attributes.get_tagged(sent, "Tunnel-Private-Group-Id") == [(1, "20"), (0, "30"), (0, "40")]
        assert attributes.get_all(sent, "Tunnel-Private-Group-Id") == ["20", "30", "40"]
        assert attributes.get_integer(sent, "Tunnel-Type") == 13
        assert attributes.get_tagged(sent, "Tunnel-Type") == [(2, 13)]

    @given(st.integers(0, 31), st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
    def test_text_round_trips_with_any_tag(self, tag: int, text: str) -> None:
        sent = packet(attributes.encode("Tunnel-Private-Group-Id", text, tag=tag))
        assert attributes.get_tagged(sent, "Tunnel-Private-Group-Id") == [(tag, text)]

    @given(st.integers(0, 31), st.integers(0, 2**24 - 1))
    def test_numbers_round_trip_with_any_tag(self, tag: int, number: int) -> None:
        sent = packet(attributes.encode("Tunnel-Preference", number, tag=tag))
        assert attributes.get_tagged(sent, "Tunnel-Preference") == [(tag, number)]

    @pytest.mark.parametrize(
        ("name", "octets"),
        [
            ("Tunnel-Type", b""),
            ("Tunnel-Type", bytes([0x20, 0, 0, 13])),
            ("Tunnel-Type", bytes([1, 0, 13])),
            ("Tunnel-Private-Group-Id", b""),
            ("Tunnel-Private-Group-Id", b"\x01\xff"),
        ],
    )
    def test_what_has_no_such_form_is_malformed(self, name: str, octets: bytes) -> None:
        with pytest.raises(MalformedAttributeError, match=name):
            attributes.get(packet((DEFINITIONS[name].number, octets)), name)

    def test_what_cannot_be_tagged_is_our_fault(self) -> None:
        for name, value, tag in (
            ("Tunnel-Type", "VLAN", 32),
            ("Tunnel-Preference", 2**24, 1),
            ("Filter-Id", "guests", 1),
        ):
            with pytest.raises(UnencodableError, match=r"tag|2\^24"):
                attributes.encode(name, value, tag=tag)


class TestHiddenBySalt:
    @given(st.binary(min_size=1, max_size=239), st.integers(0, 31))
    def test_a_tunnel_password_is_revealed_with_the_secret_of_its_reply(self, password: bytes, tag: int) -> None:
        sent = attributes.encode_salted("Tunnel-Password", password, SECRET, AUTHENTICATOR, tag=tag)
        assert sent[1][0] == tag
        assert password not in sent[1] or len(password) < 3
        assert attributes.get_salted(packet(sent), "Tunnel-Password", SECRET, AUTHENTICATOR) == password

    def test_the_keys_of_802_1x_have_no_tag(self) -> None:
        for name in ("MS-MPPE-Send-Key", "MS-MPPE-Recv-Key"):
            kind, octets = attributes.encode_salted(name, bytes(32), SECRET, AUTHENTICATOR)
            assert (kind, octets[:4], len(octets)) == (26, bytes([0, 0, 1, 55]), 4 + 2 + 2 + 48)
            assert attributes.get_salted(packet((kind, octets)), name, SECRET, AUTHENTICATOR) == bytes(32)

    def test_an_absent_one_is_none_and_a_broken_one_malformed(self) -> None:
        assert attributes.get_salted(packet(), "Tunnel-Password", SECRET, AUTHENTICATOR) is None
        with pytest.raises(MalformedAttributeError, match="Tunnel-Password"):
            attributes.get_salted(packet((69, bytes(10))), "Tunnel-Password", SECRET, AUTHENTICATOR)

    def test_every_flipped_bit_and_every_cut_is_another_value_or_malformed(self) -> None:
        kind, octets = attributes.encode_salted("Tunnel-Password", b"correct horse", SECRET, AUTHENTICATOR)
        altered = [octets[:end] for end in range(len(octets))]
        for bit in range(8, 8 * len(octets)):  # the tag is not hidden
            flipped = int.from_bytes(octets, "big") ^ 1 << (8 * len(octets) - 1 - bit)
            altered.append(flipped.to_bytes(len(octets), "big"))
        for each in altered:
            with suppress(MalformedAttributeError):
                got = attributes.get_salted(packet((kind, each)), "Tunnel-Password", SECRET, AUTHENTICATOR)
                # Bits of the padding say nothing.
                assert got != b"correct horse" or each[:17] == octets[:17]


class TestJoined:
    @given(st.binary(max_size=2000))
    def test_an_eap_message_of_any_length_round_trips(self, message: bytes) -> None:
        pieces = attributes.encode_joined("EAP-Message", message)
        assert all(len(octets) == 253 for _, octets in pieces[:-1])
        assert attributes.get_joined(packet((1, b"a"), *pieces, (24, b"state")), "EAP-Message") == message

    def test_an_absent_one_is_none(self) -> None:
        assert attributes.get_joined(packet((1, b"a")), "EAP-Message") is None

    def test_pieces_with_something_in_between_are_malformed(self) -> None:
        with pytest.raises(MalformedAttributeError, match="EAP-Message"):
            attributes.get_joined(packet((79, b"a"), (1, b"b"), (79, b"c")), "EAP-Message")


class TestInsideAnother:
    def test_what_lies_in_a_vendors_attribute_is_found(self) -> None:
        sent = packet((26, bytes.fromhex("000061dd 990b 0106000fac02 020304")), *attributes.encode_all({"Class": b"x"}))
        assert attributes.get_octets(sent, "Ruckus-DPSK-AKM-Suite") == bytes.fromhex("000fac02")

    @given(st.integers(0, 255))
    def test_it_round_trips(self, cipher: int) -> None:
        sent = packet(attributes.encode("Ruckus-DPSK-Cipher", cipher))
        assert attributes.get_integer(sent, "Ruckus-DPSK-Cipher") == cipher
        assert attributes.get_octets(sent, "Ruckus-DPSK-Params") == bytes((2, 3, cipher))
        assert attributes.get(sent, "Ruckus-DPSK-AKM-Suite") is None

    @pytest.mark.parametrize("inside", ["02", "0201", "0204 01", "0003 01"])
    def test_what_is_broken_inside_is_malformed(self, inside: str) -> None:
        octets = bytes.fromhex(inside)
        sent = packet((26, bytes.fromhex("000061dd") + bytes((153, len(octets) + 2)) + octets))
        with pytest.raises(MalformedAttributeError, match="in Ruckus-DPSK-Params"):
            attributes.get(sent, "Ruckus-DPSK-Cipher")

    def test_what_does_not_fit_is_our_fault(self) -> None:
        assert len(attributes.encode("Ruckus-DPSK-Anonce", bytes(245))[1]) == 253
        with pytest.raises(UnencodableError, match="Ruckus-DPSK"):
            attributes.encode("Ruckus-DPSK-Anonce", bytes(246))
        with pytest.raises(UnencodableError, match="Ruckus-DPSK"):
            attributes.encode("Ruckus-DPSK-Anonce", bytes(254))


class TestExtended:
    """RFC 6929."""

    @given(st.binary(min_size=1, max_size=252))
    def test_a_short_one_round_trips(self, value: bytes) -> None:
        kind, octets = attributes.encode("Operator-NAS-Identifier", value)
        assert (kind, octets) == (241, b"\x08" + value)
        assert attributes.get(packet((kind, octets)), "Operator-NAS-Identifier") == value

    def test_another_extended_type_is_another_attribute(self) -> None:
        assert attributes.get(packet((241, b"\x07abc"), (242, b"\x08abc")), "Operator-NAS-Identifier") is None

    @given(st.lists(st.binary(min_size=1, max_size=900), min_size=1, max_size=3))
    def test_long_ones_are_cut_and_put_together(self, values: list[bytes]) -> None:
        pieces = [piece for value in values for piece in place(LONG, value)]
        assert all(kind == 245 and octets[0] == 7 for kind, octets in pieces)
        for _, octets in pieces:
            assert octets[1] in (0, 0x80)
            assert octets[1] == 0 or len(octets) == 253
        assert find_values(packet((1, b"a"), *pieces, (1, b"b")).attributes, LONG) == values

    @given(
        st.sampled_from([241, 246]), st.integers(1, 2**32 - 1), st.integers(0, 255), st.binary(min_size=1, max_size=240)
    )
    def test_a_vendors_round_trips(self, number: int, vendor: int, vendor_type: int, value: bytes) -> None:
        sent = ExtendedAttribute(number, 26, value, vendor, vendor_type)
        assert read_extended(extended(sent), number, "x") == [sent]

    def test_a_vendors_long_one_says_only_once_whose_it_is(self) -> None:
        sent = ExtendedAttribute(245, 26, bytes(600), 14122, 1)
        pieces = extended(sent)
        assert [octets[:2] for _, octets in pieces] == [b"\x1a\x80", b"\x1a\x80", b"\x1a\x00"]
        assert sum(len(octets) for _, octets in pieces) == 3 * 2 + 5 + 600
        assert read_extended(pieces, 245, "x") == [sent]

    @pytest.mark.parametrize(
        "pairs",
        [
            [(241, b"")],
            [(241, b"\x08")],
            [(245, b"\x07")],
            [(245, b"\x07\x00")],
            [(245, b"\x07\x80short")],
            [(245, b"\x07\x80" + bytes(251))],
            [(245, b"\x07\x80" + bytes(251)), (1, b"a"), (245, b"\x07\x00b")],
            [(245, b"\x07\x80" + bytes(251)), (245, b"\x08\x00b")],
            [(245, b"\x1a\x00" + bytes(6))],
            [(245, b"\x1a\x00\x00\x00\x37\x2a\x01")],
        ],
        ids=[
            *("nothing", "no value", "no flags", "no value after the flags", "more after a short piece"),
            *("more and nothing after it", "another attribute in between", "another extended type in between"),
            *("vendor 0", "a vendor without a value"),
        ],
    )
    def test_what_the_rfc_forbids_is_malformed(self, pairs: list[Attribute]) -> None:
        with pytest.raises(MalformedAttributeError, match="RFC 6929"):
            read_extended(packet(*pairs).attributes, pairs[0][0], "x")

    def test_a_value_that_takes_several_pieces_is_not_one_attribute(self) -> None:
        with pytest.raises(UnencodableError, match="does not fit into type 241"):
            attributes.encode("Operator-NAS-Identifier", bytes(253))

    @given(st.lists(st.tuples(st.integers(240, 247), st.binary(max_size=8) | st.binary(min_size=253, max_size=253))))
    def test_no_octets_do_anything_but_be_read_or_be_malformed(self, pairs: list[Attribute]) -> None:
        for number in range(241, 247):
            with suppress(MalformedAttributeError):
                read_extended(pairs, number, "x")


@pytest.mark.peer("radclient")
def test_radclient_reads_what_we_write_and_writes_what_we_read(peers: Peers) -> None:
    """FreeRADIUS's library has the same tags, hides by salt in the same way, and knows extended attributes."""
    asks = (
        'Operator-NAS-Identifier = 0x6f70, Tunnel-Private-Group-Id:3 = "30", EAP-Message = 0x02, Proxy-State = 0x01\n'
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        command = [str(peers.require("radclient")), "-x", "-r", "1", "-t", "5", address, "auth", SECRET.decode()]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write(asks)
            client.stdin.close()
            datagram, source = server.recvfrom(4096)
            request = decode(datagram)
            reply = [
                attributes.encode("Tunnel-Type", "VLAN", tag=3),
                attributes.encode("Tunnel-Private-Group-Id", "30", tag=3),
                attributes.encode("Tunnel-Medium-Type", "IEEE-802"),
                attributes.encode_salted("Tunnel-Password", b"croeso i bawb", SECRET, request.authenticator, tag=2),
                attributes.encode_salted("MS-MPPE-Send-Key", bytes(range(32)), SECRET, request.authenticator),
                attributes.encode("Ruckus-DPSK-Cipher", 4),
                *extended(ExtendedAttribute(245, 99, bytes(300))),
                attributes.encode("Operator-NAS-Identifier", b"op"),
            ]
            server.sendto(encode_reply(Code.ACCESS_ACCEPT, request, reply, SECRET), source)
            shown = client.stdout.read()
    assert client.returncode == 0, shown
    assert attributes.get_tagged(request, "Tunnel-Private-Group-Id") == [(3, "30")]
    assert attributes.get_octets(request, "Operator-NAS-Identifier") == b"op"
    assert attributes.get_joined(request, "EAP-Message") == b"\x02"
    for line in (
        "Tunnel-Type:3 = VLAN",
        'Tunnel-Private-Group-Id:3 = "30"',
        "Tunnel-Medium-Type:0 = IEEE-802",
        'Tunnel-Password:2 = "croeso i bawb"',
        f"MS-MPPE-Send-Key = 0x{bytes(range(32)).hex()}",
        "Ruckus-DPSK-Cipher = 4",
        f"Attr-245.99 = 0x{bytes(300).hex()}",
        "Operator-NAS-Identifier = 0x6f70",
    ):
        assert line in shown, shown
