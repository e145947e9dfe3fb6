"""Real packets: what was captured from equipment verifies or is discarded with a reason.

Each oddity that the captures taught has a small case of its own here or in test_packet_hostile.py, bytes written out by
hand, so that it is tested where the captures are not at hand too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from scapy.layers.eap import EAPOL
from scapy.layers.inet import UDP
from scapy.utils import rdpcap

from foundation.mac_address import MacAddress
from radius import attributes
from radius.authentication.eap.packet import Code as EapCode
from radius.authentication.eap.packet import decode as decode_eap
from radius.authentication.password import ChapProof
from radius.authentication.stored_password import StoredPassword
from radius.errors import DiscardReason, EapMalformedError, MalformedAttributeError, PacketDiscarded
from radius.packet import REPLIES, Code, Packet, decode, verify_reply, verify_request
from tests.support.radius_octets import SECRET, packet_octets

WELL_FORMED = [
    "arkime/radius.pcap",
    "tcpdump/RADIUS.pcap",
    "tcpdump/RADIUS-RFC3162.pcap",
    "tcpdump/RADIUS-RFC4675.pcap",
    "tcpdump/RADIUS-RFC5176.pcap",
    "tcpdump/RADIUS-RFC5176-2.pcap",
    "tcpdump/RADIUS-RFC5580.pcap",
    "tcpdump/RADIUS-port1700.pcap",
    "tcpdump/radius_rfc5447.pcap",
    "zeek/radius.pcap",
    "zeek/radius_localhost.pcap",
]
# How many packets of each capture were made with the secret that we know, and how many with another one.
KNOWN_SECRET = {
    "tcpdump/RADIUS-RFC4675.pcap": (6, 0),
    "tcpdump/RADIUS-port1700.pcap": (1, 0),
    # In the middle the client tries a second secret; the server answers its last request with that.
    "zeek/radius_localhost.pcap": (14, 5),
}
MALFORMED = {
    "tcpdump/radius_rfc5447_invalid_length.pcap": {DiscardReason.LENGTH_FIELD_TOO_LARGE},
    "tcpdump/radius_attr_asan.pcap": {DiscardReason.UNKNOWN_CODE},
    # QUIC on port 1812.
    "ndpi/radius_false_positive.pcapng": {DiscardReason.UNKNOWN_CODE, DiscardReason.TOO_LONG},
}


@dataclass(frozen=True)
class Datagram:
    source_port: int
    destination_port: int
    payload: bytes


@pytest.fixture
def captures(shared_data: Path | None) -> Path:
    if shared_data is None:
        pytest.skip("the captures are not at hand; the cases written out by hand are tested")
    return shared_data / "captures"


def datagrams(capture: Path) -> Iterator[Datagram]:
    for frame in rdpcap(str(capture)):
        if UDP in frame:
            yield Datagram(frame[UDP].sport, frame[UDP].dport, bytes(frame[UDP].payload))


def is_authentic(packet: Packet, request: Packet | None) -> bool:
    """Whether a packet was made with the known secret; the captures are older than BlastRADIUS."""
    try:
        if packet.code in REPLIES:
            verify_request(packet, SECRET, require_message_authenticator=False)
        else:
            assert request is not None
            verify_reply(packet, request, SECRET, require_message_authenticator=False)
    except PacketDiscarded:
        return False
    return True


@pytest.mark.shared_data
@pytest.mark.parametrize("name", WELL_FORMED)
def test_well_formed_packets_round_trip(captures: Path, name: str) -> None:
    for datagram in datagrams(captures / name):
        packet = decode(datagram.payload)
        again = packet_octets(packet.code, packet.authenticator, list(packet.attributes), packet.identifier)
        assert again == packet.octets == datagram.payload[: len(again)]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", KNOWN_SECRET)
def test_authenticators_verify_with_the_known_secret_and_with_no_other(captures: Path, name: str) -> None:
    requests: dict[tuple[int, int], Packet] = {}
    verdicts = []
    for datagram in datagrams(captures / name):
        packet = decode(datagram.payload)
        if packet.code in REPLIES:
            requests[datagram.source_port, packet.identifier] = packet
        verdicts.append(is_authentic(packet, requests.get((datagram.destination_port, packet.identifier))))
    assert (verdicts.count(True), verdicts.count(False)) == KNOWN_SECRET[name]


@pytest.mark.shared_data
def test_a_disconnect_request_verifies_with_its_message_authenticator(captures: Path) -> None:
    packets = [decode(datagram.payload) for datagram in datagrams(captures / "tcpdump/RADIUS-RFC5176.pcap")]
    assert [packet.code for packet in packets] == sorted(code for code in Code if code >= Code.DISCONNECT_REQUEST)
    disconnect, coa = packets[0], packets[3]
    verify_request(disconnect, SECRET)
    # Made by a tool that left the Request Authenticator unsigned.
    with pytest.raises(PacketDiscarded) as discarded:
        verify_request(coa, SECRET)
    assert discarded.value.reason is DiscardReason.REQUEST_AUTHENTICATOR_WRONG


@pytest.mark.shared_data
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_packets_are_discarded_with_a_reason(captures: Path, name: str) -> None:
    reasons = set()
    for datagram in datagrams(captures / name):
        with pytest.raises(PacketDiscarded) as discarded:
            decode(datagram.payload)
        reasons.add(discarded.value.reason)
    assert reasons == MALFORMED[name]


@pytest.mark.shared_data
def test_an_aruba_controllers_interim_update_is_understood(captures: Path) -> None:
    request, response = (decode(datagram.payload) for datagram in datagrams(captures / "arkime/radius.pcap"))
    assert response.code is Code.ACCOUNTING_RESPONSE
    check_aruba_interim_update(request)


def check_aruba_interim_update(request: Packet) -> None:
    """What the capture and the case written by hand have in common."""
    status = attributes.get_integer(request, "Acct-Status-Type")
    assert status == attributes.named_value("Acct-Status-Type", "Interim-Update")
    # The controller sends a time under the number of Acct-Output-Packets, and then the real count.
    assert len(attributes.get_all(request, "Acct-Output-Packets")) == 2
    for name in ("Calling-Station-Id", "Called-Station-Id"):
        text = attributes.get_text(request, name)
        assert text is not None
        assert len(text) == 12
        address, network_name = MacAddress.parse_station_id(text)
        assert address.format("", upper=True) == text
        assert network_name == ""
    assert attributes.get_text(request, "Aruba-Essid-Name")
    assert attributes.get_text(request, "Aruba-Device-Type") == ""
    assert attributes.get_integer(request, "Acct-Input-Octets")


def test_an_interim_update_with_bare_addresses_a_double_and_an_empty_text_is_understood() -> None:
    body = bytes.fromhex(
        "2806 00000003"  # Acct-Status-Type Interim-Update
        "2c07 5331323334"  # Acct-Session-Id
        "3006 5738c959"  # Acct-Output-Packets, in truth a time
        "1f0e 303030303545303035333031"  # Calling-Station-Id 00005E005301
        "1e0e 303030303545303035334646"  # Called-Station-Id 00005E0053FF
        "1a0f 000039e7 0509 4c696272617279"  # Aruba-Essid-Name Library
        "1a08 000039e7 0c02"  # Aruba-Device-Type, empty
        "2a06 0051e1a2"  # Acct-Input-Octets
        "3006 00011735"  # Acct-Output-Packets
    )
    datagram = b"\x04\xe3" + (20 + len(body)).to_bytes(2, "big") + bytes(16) + body
    request = decode(datagram)
    check_aruba_interim_update(request)
    assert attributes.get_all(request, "Acct-Output-Packets") == [0x5738C959, 71477]


def test_a_packet_whose_length_is_one_more_than_the_datagram_is_discarded() -> None:
    """Seen from equipment with Mobile IPv6 attributes (RFC 5447): the last attribute lacks its last octet."""
    datagram = bytes.fromhex("014f0038" + "5b" * 16 + "0107 756c66 6d70" + "7c0a 0000000000000001" + "7d13" + "00" * 16)
    assert len(datagram) == 55
    with pytest.raises(PacketDiscarded) as discarded:
        decode(datagram)
    assert discarded.value.reason is DiscardReason.LENGTH_FIELD_TOO_LARGE
    # With the length field put right, the attribute is what reaches beyond the end.
    with pytest.raises(PacketDiscarded) as discarded:
        decode(datagram[:2] + b"\x00\x37" + datagram[4:])
    assert discarded.value.reason is DiscardReason.ATTRIBUTE_TRUNCATED


def check_prefixes(request: Packet) -> None:
    """Three prefixes are good, as long or as short as they may be; three are not, and each is refused alone."""
    verdicts = []
    for octets in attributes.get_all_octets(request, "Framed-IPv6-Prefix"):
        alone = decode(packet_octets(1, bytes(16), [(97, octets)]))
        try:
            verdicts.append(str(attributes.get(alone, "Framed-IPv6-Prefix")))
        except MalformedAttributeError:
            verdicts.append("malformed")
    assert verdicts == ["2001:db8:a0b:12f0::/64", "2001:db8:a0b:12f0::/64", "::/0", *["malformed"] * 3]
    with pytest.raises(MalformedAttributeError):
        attributes.get_all(request, "Framed-IPv6-Prefix")


@pytest.mark.shared_data
def test_captured_prefixes_are_read_or_malformed(captures: Path) -> None:
    (datagram,) = datagrams(captures / "tcpdump/RADIUS-RFC3162.pcap")
    request = decode(datagram.payload)
    assert attributes.get_address(request, "NAS-IPv6-Address") == IPv6Address("2001:db8:a0b:12f0::1")
    check_prefixes(request)


def test_prefixes_of_every_length_that_was_captured_are_read_or_malformed() -> None:
    prefix = bytes.fromhex("20010db80a0b12f0")
    values = [
        b"\x00\x40" + prefix + bytes(8),
        b"\x00\x40" + prefix,
        b"\x00\x00",
        b"\x00",  # no prefix length
        b"\x00\x40" + prefix + bytes(9),  # 17 octets of prefix
        b"\x00\x81" + prefix + bytes(8),  # 129 bits
    ]
    check_prefixes(decode(packet_octets(1, bytes(16), [(97, value) for value in values])))


@pytest.mark.shared_data
def test_captured_vlans_are_read(captures: Path) -> None:
    """RFC 4675: the first octet or character says whether frames have a tag."""
    packets = [decode(datagram.payload) for datagram in datagrams(captures / "tcpdump/RADIUS-RFC4675.pcap")]
    accept = next(packet for packet in packets if packet.code is Code.ACCESS_ACCEPT)
    assert attributes.get_integer(accept, "Egress-VLANID") == 0x31 << 24 | 123
    assert attributes.get_text(accept, "Egress-VLAN-Name") == "1vlanname"
    assert attributes.get_octets(accept, "User-Priority-Table") == b"abcdabcd"


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "password"), [("zeek/radius_localhost.pcap", b"testing"), ("tcpdump/RADIUS.pcap", b"S0cc3r")]
)
def test_captured_eap_conversations_are_read_and_their_proofs_hold(captures: Path, name: str, password: bytes) -> None:
    messages = [
        octets
        for datagram in datagrams(captures / name)
        if (octets := attributes.get_joined(decode(datagram.payload), "EAP-Message")) is not None
    ]
    packets = [decode_eap(octets) for octets in messages]
    assert [packet.encode() for packet in packets] == messages
    assert packets[-1].code is EapCode.SUCCESS
    challenge, response = (packet.type_data[1:17] for packet in packets[-3:-1])
    proof = ChapProof(bytes((packets[-2].identifier,)), response, challenge)
    assert proof.proves(StoredPassword.of(password))
    assert not proof.proves(StoredPassword.of(password + b"x"))


@pytest.mark.shared_data
def test_eap_packets_captured_on_a_wire_are_read(captures: Path) -> None:
    """A phone logs in by EAP-SIM; of EAPOL only type 0 has EAP in it."""
    frames = [bytes(frame[EAPOL]) for frame in rdpcap(str(captures / "tcpdump/eapon1.pcap")) if EAPOL in frame]
    carried = [frame[4 : 4 + int.from_bytes(frame[2:4], "big")] for frame in frames if frame[1] == 0]
    packets = [decode_eap(octets) for octets in carried]
    assert [packet.encode() for packet in packets] == carried
    assert {packet.eap_type for packet in packets} == {0, 1, 18}


@pytest.mark.shared_data
def test_an_eap_packet_that_made_a_dissector_read_too_far_is_malformed(captures: Path) -> None:
    (frame,) = rdpcap(str(captures / "tcpdump/eap_extract_read2_asan.pcap"))
    with pytest.raises(EapMalformedError):
        decode_eap(bytes(frame[EAPOL])[4:])
