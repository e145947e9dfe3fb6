"""Our dictionaries agree with the RFCs, and with FreeRADIUS's where those files are present."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyrad.dictionary import Dictionary

import radius
from radius.attribute_values import VALUE_TYPES
from radius.attributes import DEFINITIONS

DICTIONARIES = Path(radius.__file__).parent / "dictionaries"
FILES = sorted(path for path in DICTIONARIES.iterdir() if path.name != "dictionary")

# Where we differ from FreeRADIUS, and why.
OTHER_TYPES = {
    "User-Password": "octets",  # what travels is hidden, and passwords are octets
    "Vendor-Specific": "octets",  # pyrad skips FreeRADIUS's type "vsa"
    "Tunnel-Password": "octets",
    # pyrad skips the types "extended" and "long-extended", and with them what lies inside.
    **{f"Extended-Attribute-{number}": "tlv" for number in range(1, 7)},
    "Operator-NAS-Identifier": "octets",
    # FreeRADIUS has its number in a file that is not at hand.
    "Delegated-IPv6-Prefix": "ipv6prefix",
    "EAP-Key-Name": "octets",
    "MS-CHAP-Error": "octets",  # its first octet is a number
}
# Numbers of CoovaChilli's own sources that FreeRADIUS 3.2 has not taken over.
NOT_IN_FREERADIUS = {
    "ChilliSpot-Acct-View-Point": 10,
    "ChilliSpot-Session-State": 15,
    "ChilliSpot-Session-Id": 16,
    "ChilliSpot-AP-Session-Id": 17,
    "ChilliSpot-User-Agent": 18,
    "ChilliSpot-Accept-Language": 19,
    "ChilliSpot-Max-Input-Gigawords": 21,
    "ChilliSpot-Max-Output-Gigawords": 22,
    "ChilliSpot-Max-Total-Gigawords": 23,
    "ChilliSpot-VLAN-Id": 24,
    "ChilliSpot-Location": 25,
}
# FreeRADIUS 3.2 has them in a file that is not at hand (RFC 3580), or not at all (CoovaChilli).
VALUES_NOT_IN_FREERADIUS = {
    ("Acct-Terminate-Cause", "Supplicant-Restart"),
    ("Acct-Terminate-Cause", "Reauthentication-Failure"),
    ("Acct-Terminate-Cause", "Port-Reinitialized"),
    ("Acct-Terminate-Cause", "Port-Disabled"),
    ("Tunnel-Type", "VLAN"),
    # RFC 2548 section 2.4.5 says 2 and 4; FreeRADIUS 1 and 2.
    ("MS-MPPE-Encryption-Types", "RC4-40bit-Allowed"),
    ("MS-MPPE-Encryption-Types", "RC4-128bit-Allowed"),
    ("ChilliSpot-Acct-View-Point", "ChilliSpot-NAS-View-Point"),
    ("ChilliSpot-Acct-View-Point", "ChilliSpot-Client-View-Point"),
}
LOAD_ORDER = [
    *("rfc2865", "rfc2866", "rfc2868", "rfc2869", "rfc3162", "rfc3576", "rfc4372", "rfc4675", "rfc4849"),
    *("rfc5176", "rfc5580", "rfc6911", "rfc7268"),
    *("airespace", "aruba", "cambium", "chillispot", "cisco", "meraki", "microsoft", "mikrotik", "ruckus", "wispr"),
]


@pytest.fixture
def freeradius(shared_data: Path | None) -> Dictionary:
    if shared_data is None:
        pytest.skip("FreeRADIUS's dictionaries are not at hand; the tests beside this one compare with the RFCs")
    folder = shared_data / "dictionaries" / "freeradius-3.2"
    return Dictionary(*(str(folder / f"dictionary.{name}") for name in LOAD_ORDER))


@pytest.mark.shared_data
def test_names_numbers_and_types_are_freeradiuss(freeradius: Dictionary) -> None:
    for name, ours in DEFINITIONS.items():
        if name in NOT_IN_FREERADIUS:
            assert name not in freeradius
            assert (ours.vendor, ours.number) == (14559, NOT_IN_FREERADIUS[name])
        elif name in OTHER_TYPES:
            assert ours.type_name == OTHER_TYPES[name]
        else:
            theirs = freeradius[name]
            assert (ours.number, ours.type_name) == (theirs.code, theirs.type), name
            assert ours.vendor == freeradius.vendors.GetForward(theirs.vendor), name


@pytest.mark.shared_data
def test_named_values_are_freeradiuss(freeradius: Dictionary) -> None:
    ours = {
        (name, value_name): number
        for name, definition in DEFINITIONS.items()
        for value_name, number in definition.numbers_by_name.items()
    }
    for (name, value_name), number in ours.items():
        if (name, value_name) not in VALUES_NOT_IN_FREERADIUS:
            theirs = freeradius[name].values.GetForward(value_name)
            assert number == int.from_bytes(theirs, "big"), (name, value_name)
    assert ours.keys() >= VALUES_NOT_IN_FREERADIUS


@pytest.mark.parametrize(
    ("name", "vendor", "number", "type_name"),
    [
        # RFC 2865
        ("User-Name", 0, 1, "string"),
        ("CHAP-Password", 0, 3, "octets"),
        ("NAS-IP-Address", 0, 4, "ipaddr"),
        ("State", 0, 24, "octets"),
        ("Class", 0, 25, "octets"),
        ("Session-Timeout", 0, 27, "integer"),
        ("Called-Station-Id", 0, 30, "string"),
        ("Calling-Station-Id", 0, 31, "string"),
        ("Proxy-State", 0, 33, "octets"),
        ("CHAP-Challenge", 0, 60, "octets"),
        # RFC 2866
        ("Acct-Status-Type", 0, 40, "integer"),
        ("Acct-Session-Id", 0, 44, "string"),
        ("Acct-Terminate-Cause", 0, 49, "integer"),
        # RFC 2869 and 3579
        ("Acct-Input-Gigawords", 0, 52, "integer"),
        ("Event-Timestamp", 0, 55, "date"),
        ("EAP-Message", 0, 79, "octets"),
        ("Message-Authenticator", 0, 80, "octets"),
        ("Acct-Interim-Interval", 0, 85, "integer"),
        # RFC 3162, 4372, 5176, 5580
        ("NAS-IPv6-Address", 0, 95, "ipv6addr"),
        ("Chargeable-User-Identity", 0, 89, "octets"),
        ("Error-Cause", 0, 101, "integer"),
        ("Operator-Name", 0, 126, "string"),
        # RFC 2868, 4675, 4818, 4849, 7268, 8559
        ("Tunnel-Type", 0, 64, "integer"),
        ("Tunnel-Medium-Type", 0, 65, "integer"),
        ("Tunnel-Password", 0, 69, "octets"),
        ("Tunnel-Private-Group-Id", 0, 81, "string"),
        ("Egress-VLANID", 0, 56, "integer"),
        ("NAS-Filter-Rule", 0, 92, "string"),
        ("Delegated-IPv6-Prefix", 0, 123, "ipv6prefix"),
        ("EAP-Key-Name", 0, 102, "octets"),
        ("WLAN-AKM-Suite", 0, 188, "integer"),
        ("Operator-NAS-Identifier", 0, 8, "octets"),
        # Vendors
        ("MS-CHAP2-Response", 311, 25, "octets"),
        ("MS-MPPE-Send-Key", 311, 16, "octets"),
        ("MS-MPPE-Recv-Key", 311, 17, "octets"),
        ("WISPr-Bandwidth-Max-Up", 14122, 7, "integer"),
        ("WISPr-Bandwidth-Max-Down", 14122, 8, "integer"),
        ("ChilliSpot-Max-Total-Octets", 14559, 3, "integer"),
        ("Mikrotik-Rate-Limit", 14988, 8, "string"),
    ],
)
def test_attributes_are_what_the_documents_say(name: str, vendor: int, number: int, type_name: str) -> None:
    definition = DEFINITIONS[name]
    assert (definition.vendor, definition.number, definition.type_name) == (vendor, number, type_name)
    assert int.from_bytes(definition.vendor_id, "big") == vendor


def test_named_values_lead_back_to_their_names() -> None:
    for definition in DEFINITIONS.values():
        for value_name, number in definition.numbers_by_name.items():
            assert definition.names_by_number[number] == value_name, f"{definition.name}: two names for {number}"


def test_no_number_has_two_names() -> None:
    numbers = [(each.parent and each.parent.name, each.vendor, each.number) for each in DEFINITIONS.values()]
    assert len(set(numbers)) == len(numbers)


def test_every_line_that_defines_an_attribute_is_taken_over() -> None:
    """pyrad skips what it does not support with no more than a log line."""
    written = {name for file in FILES for name in re.findall(r"^ATTRIBUTE\s+(\S+)", file.read_text(), re.MULTILINE)}
    assert written == set(DEFINITIONS)
    assert {definition.type_name for definition in DEFINITIONS.values()} <= set(VALUE_TYPES)


def test_the_index_includes_every_file() -> None:
    index = (DICTIONARIES / "dictionary").read_text()
    assert re.findall(r"^\$INCLUDE (\S+)$", index, re.MULTILINE) == [file.name for file in FILES_IN_ORDER]


FILES_IN_ORDER = sorted(FILES, key=lambda file: (not file.name.startswith("dictionary.rfc"), file.name))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_names_the_source_of_its_numbers(file: Path) -> None:
    head = file.read_text().split("\n\n")[0]
    assert head.startswith("# ")
    assert re.search(r"RFC \d{4}|enterprise number|Wi-Fi Alliance", head)
