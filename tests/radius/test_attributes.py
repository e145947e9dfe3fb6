"""Attributes by name and type, both ways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest

from radius import attributes
from radius.attribute_values import Value
from radius.errors import DiscardReason, MalformedAttributeError, UnencodableError, UnknownAttributeError
from radius.packet import Attribute, Packet, decode
from tests.support.radius_octets import packet_octets

Reader = Callable[[Packet, str], object]


def packet(*pairs: Attribute) -> Packet:
    return decode(packet_octets(4, bytes(16), list(pairs)))


# Name, Python value, wire type, wire octets.
WIRE_FORMS = [
    ("User-Name", "Siân", 1, "5369c3a26e"),
    ("User-Password", bytes(16), 2, "00" * 16),
    ("NAS-IP-Address", IPv4Address("192.0.2.1"), 4, "c0000201"),
    ("Session-Timeout", 3600, 27, "00000e10"),
    ("Acct-Input-Octets", 2**32 - 1, 42, "ffffffff"),
    ("Event-Timestamp", datetime(2026, 11, 22, 12, 0, tzinfo=UTC), 55, "6b02d940"),
    ("NAS-IPv6-Address", IPv6Address("2001:db8::1"), 95, "20010db8000000000000000000000001"),
    ("Framed-Interface-Id", bytes(range(8)), 96, "0001020304050607"),
    ("Framed-IPv6-Prefix", IPv6Network("2001:db8::/32"), 97, "0020" + "20010db8" + "00" * 12),
    ("WISPr-Bandwidth-Max-Down", 10_000_000, 26, "0000372a080600989680"),
    ("WISPr-Redirection-URL", "https://wifi.example/", 26, "0000372a0417" + b"https://wifi.example/".hex()),
    ("ChilliSpot-Bandwidth-Max-Up", 5000, 26, "000038df040600001388"),
    ("Mikrotik-Rate-Limit", "5M/10M", 26, "00003a8c0808" + b"5M/10M".hex()),
    ("Mikrotik-Host-IP", IPv4Address("198.51.100.7"), 26, "00003a8c0a06c6336407"),
]


@pytest.mark.parametrize(("name", "value", "kind", "octets"), WIRE_FORMS)
def test_a_value_is_encoded_by_its_type_and_read_back(name: str, value: Value, kind: int, octets: str) -> None:
    assert attributes.encode(name, value) == (kind, bytes.fromhex(octets))
    assert attributes.get(packet((kind, bytes.fromhex(octets))), name) == value


def test_addresses_and_prefixes_may_be_given_as_text() -> None:
    assert attributes.encode("Framed-IP-Address", "192.0.2.9") == (8, bytes([192, 0, 2, 9]))
    assert attributes.encode("NAS-IPv6-Address", "::1") == (95, bytes(15) + b"\x01")
    assert attributes.encode("Framed-IPv6-Prefix", "2001:db8::/32")[1][:2] == b"\x00\x20"


def test_a_time_of_another_zone_is_the_same_instant() -> None:
    there = datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    sent = packet(attributes.encode("Event-Timestamp", there))
    assert attributes.get_date(sent, "Event-Timestamp") == datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class TestNamedNumbers:
    def test_a_number_may_be_given_by_its_name(self) -> None:
        assert attributes.encode("Acct-Status-Type", "Interim-Update") == (40, bytes([0, 0, 0, 3]))
        assert attributes.encode("Acct-Status-Type", 3) == (40, bytes([0, 0, 0, 3]))

    def test_names_and_numbers_lead_to_each_other(self) -> None:
        assert attributes.named_value("Acct-Terminate-Cause", "Lost-Carrier") == 2
        assert attributes.value_name("Acct-Terminate-Cause", 2) == "Lost-Carrier"
        assert attributes.value_name("Error-Cause", 503) == "Session-Context-Not-Found"

    def test_a_number_that_no_dictionary_names_has_no_name(self) -> None:
        assert attributes.value_name("Acct-Terminate-Cause", 4711) is None

    def test_a_name_that_no_dictionary_has_is_our_fault(self) -> None:
        with pytest.raises(UnknownAttributeError, match="Acct-Status-Type has no value 'Begin'"):
            attributes.encode("Acct-Status-Type", "Begin")


class TestReading:
    def test_an_absent_attribute_is_none(self) -> None:
        empty = packet()
        assert attributes.get(empty, "Class") is None
        assert attributes.get_octets(empty, "Class") is None
        assert attributes.get_text(empty, "User-Name") is None
        assert attributes.get_text(empty, "User-Name", lenient=True) is None
        assert attributes.get_integer(empty, "WISPr-Bandwidth-Max-Up") is None
        assert attributes.get_address(empty, "NAS-IP-Address") is None
        assert attributes.get_date(empty, "Event-Timestamp") is None
        assert attributes.get_all(empty, "Class") == []

    def test_typed_readers_return_their_type(self) -> None:
        values: dict[str, Value] = {"User-Name": "resident", "NAS-Port": 3}
        values |= {"NAS-IP-Address": "192.0.2.1", "NAS-IPv6-Address": "::1"}
        sent = packet(*attributes.encode_all(values))
        assert attributes.get_text(sent, "User-Name") == "resident"
        assert attributes.get_octets(sent, "User-Name") == b"resident"
        assert attributes.get_integer(sent, "NAS-Port") == 3
        assert attributes.get_address(sent, "NAS-IP-Address") == IPv4Address("192.0.2.1")
        assert attributes.get_address(sent, "NAS-IPv6-Address") == IPv6Address("::1")

    def test_asking_for_another_type_than_the_dictionary_has_is_our_fault(self) -> None:
        values: dict[str, Value] = {"User-Name": "resident", "NAS-Port": 3}
        sent = packet(*attributes.encode_all(values))
        for reader in (attributes.get_integer, attributes.get_address, attributes.get_date):
            with pytest.raises(UnknownAttributeError, match="User-Name is string; it cannot be read as"):
                reader(sent, "User-Name")
        with pytest.raises(UnknownAttributeError, match="NAS-Port is integer; it cannot be read as text"):
            attributes.get_text(sent, "NAS-Port")

    def test_of_a_doubled_attribute_the_first_counts_and_all_can_be_had(self) -> None:
        """An Aruba controller sends a doubled attribute in each Interim-Update."""
        sent = packet(*attributes.encode_all([("Aruba-Essid-Name", "Library"), ("Aruba-Essid-Name", "Café")]))
        assert attributes.get_text(sent, "Aruba-Essid-Name") == "Library"
        assert attributes.get_all(sent, "Aruba-Essid-Name") == ["Library", "Café"]

    def test_an_attribute_that_no_dictionary_has_is_our_fault(self) -> None:
        with pytest.raises(UnknownAttributeError, match="no attribute is named 'User-Nmae'"):
            attributes.get(packet(), "User-Nmae")
        with pytest.raises(UnknownAttributeError, match="no attribute is named"):
            attributes.encode("User-Nmae", "x")


class TestVendorSpecific:
    def test_several_attributes_of_a_vendor_may_share_one(self) -> None:
        inside = bytes.fromhex("0000372a0706 000000010806 00000002")
        assert attributes.get_integer(packet((26, inside)), "WISPr-Bandwidth-Max-Up") == 1
        assert attributes.get_integer(packet((26, inside)), "WISPr-Bandwidth-Max-Down") == 2

    def test_the_same_number_of_another_vendor_is_another_attribute(self) -> None:
        sent = packet(attributes.encode("ChilliSpot-Version", "1.6"))
        assert attributes.get(sent, "WISPr-Bandwidth-Max-Down") is None
        assert attributes.get(sent, "Mikrotik-Rate-Limit") is None

    def test_vendors_that_we_do_not_know_may_send_what_they_like(self) -> None:
        sent = packet((26, b""), (26, b"\x00"), (26, bytes.fromhex("0000ffff 00ff")), (26, bytes.fromhex("0000372a")))
        assert attributes.get(sent, "WISPr-Location-ID") is None

    @pytest.mark.parametrize("inside", ["01", "0101", "0109 78", "0003 78", "0104 7878 02"])
    def test_broken_attributes_inside_are_malformed(self, inside: str) -> None:
        sent = packet((26, bytes.fromhex("0000372a" + inside)))
        with pytest.raises(MalformedAttributeError, match="WISPr-Location-ID is malformed"):
            attributes.get(sent, "WISPr-Location-ID")

    def test_a_value_that_does_not_fit_inside_is_refused(self) -> None:
        assert len(attributes.encode("WISPr-Location-Name", "x" * 247)[1]) == 253
        with pytest.raises(UnencodableError, match="WISPr-Location-Name has 248 octets; shorten it to 247"):
            attributes.encode("WISPr-Location-Name", "x" * 248)


class TestMalformedValues:
    @pytest.mark.parametrize(
        ("name", "kind", "octets"),
        [
            ("User-Name", 1, "ff"),
            ("User-Name", 1, "720072"),
            ("NAS-IP-Address", 4, "c00002"),
            ("NAS-IP-Address", 4, "c000020101"),
            ("NAS-Port", 5, ""),
            ("NAS-Port", 5, "000001"),
            ("NAS-Port", 5, "0000000001"),
            ("Event-Timestamp", 55, "00000000000000"),
            ("NAS-IPv6-Address", 95, "00"),
            ("Framed-Interface-Id", 96, "00"),
            ("Framed-IPv6-Prefix", 97, "00"),
            ("Framed-IPv6-Prefix", 97, "0081" + "00" * 16),
            ("Framed-IPv6-Prefix", 97, "0010" + "20010db8"),
            ("Framed-IPv6-Prefix", 97, "0040" + "00" * 17),
        ],
    )
    def test_they_are_the_remote_ends_fault_and_not_shown(self, name: str, kind: int, octets: str) -> None:
        sent = packet((kind, bytes.fromhex(octets)))
        typed: dict[str, Reader] = {"User-Name": attributes.get_text, "NAS-Port": attributes.get_integer}
        readers: list[Reader] = [attributes.get, attributes.get_all, typed.get(name, attributes.get)]
        for reader in readers:
            with pytest.raises(MalformedAttributeError, match=f"{name} is malformed; it should be ") as malformed:
                reader(sent, name)
            assert malformed.value.reason is DiscardReason.ATTRIBUTE_MALFORMED
            # A traceback would show the cause, and its message the value.
            assert (malformed.value.__cause__, malformed.value.__context__) == (None, None)
        assert attributes.get_octets(sent, name) == bytes.fromhex(octets)

    def test_text_that_is_only_shown_may_be_read_leniently(self) -> None:
        """Network names are octets: an access point in a café announced one in Latin-1."""
        sent = packet((30, b"00-00-5E-00-53-01:Caf\xe9\x00"))
        assert attributes.get_text(sent, "Called-Station-Id", lenient=True) == "00-00-5E-00-53-01:Caf\ufffd\ufffd"

    def test_a_prefix_may_leave_its_last_zero_octets_out(self) -> None:
        sent = packet((97, bytes.fromhex("002020010db8")))
        assert attributes.get(sent, "Framed-IPv6-Prefix") == IPv6Network("2001:db8::/32")
        assert attributes.get(packet((97, b"\x00\x00")), "Framed-IPv6-Prefix") == IPv6Network("::/0")


class TestWhatCannotBeEncoded:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("User-Name", ""),
            ("User-Name", "a\0b"),
            ("User-Name", b"octets"),
            ("User-Name", "\ud800"),
            ("Class", b""),
            ("Class", "text"),
            ("Session-Timeout", -1),
            ("Session-Timeout", 2**32),
            ("Session-Timeout", "an hour"),
            ("NAS-IP-Address", "::1"),
            ("NAS-IP-Address", 1),
            ("NAS-IPv6-Address", "192.0.2.1"),
            ("NAS-IPv6-Address", b"\x00"),
            ("Framed-IPv6-Prefix", "2001:db8::1/32"),
            ("Framed-IPv6-Prefix", 64),
            ("Framed-Interface-Id", bytes(7)),
            ("Event-Timestamp", 0),
            ("Event-Timestamp", datetime(2026, 11, 22)),  # noqa: DTZ001 - what is refused is just that
            ("Event-Timestamp", datetime(1969, 1, 1, tzinfo=UTC)),
            ("Event-Timestamp", datetime(2107, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_our_fault_and_not_shown(self, name: str, value: Value) -> None:
        with pytest.raises(UnencodableError, match=f"^{name} must be [^:]*$") as unencodable:
            attributes.encode(name, value)
        assert (unencodable.value.__cause__, unencodable.value.__context__) == (None, None)

    def test_a_value_that_is_too_long(self) -> None:
        assert len(attributes.encode("Reply-Message", "x" * 253)[1]) == 253
        with pytest.raises(UnencodableError, match="Reply-Message has 254 octets; shorten it to 253"):
            attributes.encode("Reply-Message", "é" * 127)


class TestEncodingSeveral:
    def test_pairs_keep_their_order_and_may_repeat_a_name(self) -> None:
        pairs: list[tuple[str, Value]] = [("Reply-Message", "one"), ("Class", b"x"), ("Reply-Message", "two")]
        assert attributes.encode_all(pairs) == ((18, b"one"), (25, b"x"), (18, b"two"))

    def test_a_mapping_will_do(self) -> None:
        values: dict[str, Value] = {"Idle-Timeout": 1, "Class": b"x"}
        assert attributes.encode_all(values) == ((28, b"\0\0\0\1"), (25, b"x"))
