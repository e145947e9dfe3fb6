"""``citywifi radius explain``, as a tired engineer types it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from foundation.schema import network_access_servers
from radius import attributes
from radius.packet import Code, encode_request
from tests.citywifi.commands.conftest import CommandLine

SECRET = b"a shared secret of a test"
REQUEST = 'User-Name = "nobody", User-Password = "nothing"\n'


@pytest.fixture
def equipped(command_line: CommandLine) -> CommandLine:
    now = datetime.now(UTC)
    command_line.insert(
        network_access_servers, council_id=command_line.council_id, name="hall", network="192.0.2.0/24",
        vendor="hostapd", secret_encrypted=command_line.keyring.encrypt("nas secret", SECRET),
        created_at=now, updated_at=now,
    )  # fmt: skip
    return command_line


def test_attributes_from_standard_input_are_explained_to_the_reason(equipped: CommandLine) -> None:
    said = equipped.run("radius", "explain", "-", "--from", "192.0.2.7", typed=REQUEST)
    assert "192.0.2.7 is hall (192.0.2.0/24, vendor hostapd)" in said
    assert "nobody has this user name" in said


def test_every_request_of_a_capture_is_explained_or_the_chosen_one(equipped: CommandLine, tmp_path: Path) -> None:
    accounting = {"Acct-Status-Type": "Start", "Acct-Session-Id": "1"}
    packets = [
        encode_request(Code.ACCESS_REQUEST, 1, attributes.encode_all({"User-Name": "first"}), SECRET),
        encode_request(Code.ACCOUNTING_REQUEST, 2, attributes.encode_all(accounting), SECRET),
    ]
    file = tmp_path / "seen.pcap"
    wrpcap(
        str(file),
        [
            Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
            / IP(src="192.0.2.9", dst="192.0.2.1")
            / UDP(sport=40_000, dport=1812)
            / packet.octets
            for packet in packets
        ],
    )
    both = equipped.run("radius", "explain", str(file))
    assert "Request 1" in both
    assert "Stored, then answered" in both
    assert "Stored" not in equipped.run("radius", "explain", str(file), "--packet", "1")
    assert "has 2 RADIUS requests" in equipped.refusal("radius", "explain", str(file), "--packet", "3")


@pytest.mark.parametrize(
    ("arguments", "typed", "sentence"),
    [
        (("-",), REQUEST, "whose request is it"),
        (("-", "--from", "hall"), REQUEST, "is not an IP address"),
        (("-", "--from", "203.0.113.1"), REQUEST, "is none of the equipment"),
        (("-", "--from", "192.0.2.7"), "User-Name demo", "line 1 is not an attribute"),
        (("-", "--from", "192.0.2.7"), "Colour = 1", "no attribute is named 'Colour'"),
        (("no-such-file",), "", "cannot be read"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_a_sentence(
    equipped: CommandLine, arguments: tuple[str, ...], typed: str, sentence: str
) -> None:
    assert sentence in equipped.refusal("radius", "explain", *arguments, typed=typed)
