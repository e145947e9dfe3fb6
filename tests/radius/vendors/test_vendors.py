"""What each vendor's equipment is told, in its own attributes and units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.attributes import DEFINITIONS, encode_all
from radius.nas import Quarantine
from radius.vendors import NAMES, VENDORS, Change, Pairs, Vendor, vendor_of
from radius.vendors.base import split_octets

ALL = pytest.mark.parametrize("vendor", VENDORS.values(), ids=NAMES)
DOWNLOAD, UPLOAD = 10_000, 2_000
WISPR = {"WISPr-Bandwidth-Max-Down": 10_000_000, "WISPr-Bandwidth-Max-Up": 2_000_000}
VLAN_CAPABLE = ("cisco", "meraki", "aruba", "ruckus", "unifi", "omada", "cambium", "hostapd", "other")
VLAN_20 = {"Tunnel-Type": 13, "Tunnel-Medium-Type": 6, "Tunnel-Private-Group-Id": "20"}
FULL = Quarantine(vlan=99, role="guests-wait", url="https://wifi.example.org/arrive/cisco/7")


def test_every_kind_of_equipment_that_the_contracts_name_has_an_entry() -> None:
    assert (
        *("coovachilli", "mikrotik", "cisco", "meraki", "aruba", "ruckus", "unifi", "omada", "cambium", "hostapd"),
        *("opennds", "other"),
    ) == NAMES
    assert [vendor.name for vendor in VENDORS.values()] == list(NAMES)


def test_equipment_of_an_unknown_name_is_told_in_the_rfcs_own_attributes() -> None:
    assert vendor_of("a box from somewhere") is VENDORS["other"]


@pytest.mark.parametrize(
    ("name", "speed"),
    [
        # Bits a second beside its own attributes in kilobits.
        ("coovachilli", WISPR | {"ChilliSpot-Bandwidth-Max-Down": 10_000, "ChilliSpot-Bandwidth-Max-Up": 2_000}),
        # The router receives what the resident uploads.
        ("mikrotik", {"Mikrotik-Rate-Limit": "2000k/10000k"}),
        (
            "cisco",
            {
                "Airespace-Data-Bandwidth-Average-Contract": 10_000,
                "Airespace-Data-Bandwidth-Burst-Contract": 10_000,
                "Airespace-Data-Bandwidth-Average-Contract-Upstream": 2_000,
                "Airespace-Data-Bandwidth-Burst-Contract-Upstream": 2_000,
            },
        ),
        # Part of a group policy or role there.
        *((name, {}) for name in ("meraki", "aruba", "opennds")),
        *((name, WISPR) for name in ("ruckus", "unifi", "omada", "cambium", "hostapd", "other")),
    ],
)
def test_speed_is_told_in_the_vendors_unit(name: str, speed: dict[str, object]) -> None:
    assert dict(VENDORS[name].speed(DOWNLOAD, UPLOAD)) == speed


def test_coovachilli_is_never_told_a_speed_that_overflows_its_32_bits_when_it_multiplies_by_a_thousand() -> None:
    told = dict(VENDORS["coovachilli"].speed(10_000_000, 10_000_000))
    assert int(str(told["ChilliSpot-Bandwidth-Max-Down"])) * 1000 < 2**32
    assert told["WISPr-Bandwidth-Max-Down"] == 2**32 - 1


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("coovachilli", "ChilliSpot-Max-Total-Octets", "ChilliSpot-Max-Total-Gigawords"),
        ("mikrotik", "Mikrotik-Total-Limit", "Mikrotik-Total-Limit-Gigawords"),
        ("cambium", "Cambium-Traffic-Quota-Limit-Total", "Cambium-Traffic-Quota-Limit-Total-Gigwords"),
    ],
)
def test_data_beyond_four_gigabytes_is_told_with_gigawords(name: str, low: str, high: str) -> None:
    assert dict(VENDORS[name].data(5 * 2**32 + 7)) == {low: 7, high: 5}
    assert dict(VENDORS[name].data(2_000_000_000)) == {low: 2_000_000_000, high: 0}


@given(st.integers(0, 2**64 - 1))
def test_octets_and_gigawords_together_are_the_whole(octets: int) -> None:
    low, gigawords = split_octets(octets)
    assert low + gigawords * 2**32 == octets
    assert split_octets(octets + 2**64) == (2**32 - 1, 2**32 - 1)


@pytest.mark.parametrize("name", VLAN_CAPABLE)
def test_a_vlan_is_rfc_3580s_three_attributes(name: str) -> None:
    assert dict(VENDORS[name].vlan(20)) == VLAN_20


def test_an_untagged_vlan_has_the_octets_that_equipment_expects() -> None:
    """RFC 2868: a tag of zero in the numbers, none in the text."""
    octets = dict(encode_all(VENDORS["hostapd"].vlan(20)))
    assert octets == {64: b"\0\0\0\x0d", 65: b"\0\0\0\x06", 81: b"20"}


def test_mikrotik_gets_a_vlan_in_its_own_attributes_too() -> None:
    expected = {"Mikrotik-Wireless-VLANID": 20, "Mikrotik-Wireless-VLANID-Type": 0}
    assert dict(VENDORS["mikrotik"].vlan(20)) == VLAN_20 | expected


@pytest.mark.parametrize("name", ["coovachilli", "opennds"])
def test_gateways_that_are_behind_the_vlan_are_told_of_none(name: str) -> None:
    assert VENDORS[name].vlan(20) == ()


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        *((name, "Filter-Id") for name in ("coovachilli", "meraki", "unifi", "omada", "cambium", "other")),
        ("mikrotik", "Mikrotik-Address-List"),
        ("cisco", "Airespace-ACL-Name"),
        ("aruba", "Aruba-User-Role"),
        ("ruckus", "Ruckus-User-Groups"),
    ],
)
def test_a_filter_is_named_in_the_vendors_attribute(name: str, attribute: str) -> None:
    assert VENDORS[name].filter("guests") == ((attribute, "guests"),)


def test_ciscos_redirect_names_the_acl_and_ends_with_a_question_mark() -> None:
    shut_in = VENDORS["cisco"].quarantine(Quarantine(role="REDIRECT", url="https://wifi.example.org/a"))
    assert shut_in == (
        ("Cisco-AVPair", "url-redirect-acl=REDIRECT"),
        ("Cisco-AVPair", "url-redirect=https://wifi.example.org/a?"),
    )
    asked = VENDORS["cisco"].quarantine(Quarantine(role="REDIRECT", url="https://wifi.example.org/a?site=4"))
    assert asked[1] == ("Cisco-AVPair", "url-redirect=https://wifi.example.org/a?site=4")


@pytest.mark.parametrize("name", ["cisco", "meraki"])
def test_a_redirect_without_its_acl_is_no_quarantine(name: str) -> None:
    assert VENDORS[name].quarantine(Quarantine(url="https://wifi.example.org/a")) == ()


def test_ciscos_acl_without_an_address_is_no_quarantine() -> None:
    assert VENDORS["cisco"].quarantine(Quarantine(role="REDIRECT")) == ()


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("mikrotik", "Mikrotik-Address-List"),
        ("aruba", "Aruba-User-Role"),
        ("ruckus", "Ruckus-User-Groups"),
        ("meraki", "Filter-Id"),
        ("other", "Filter-Id"),
    ],
)
def test_a_role_shuts_a_device_in(name: str, attribute: str) -> None:
    assert VENDORS[name].quarantine(Quarantine(role="wait")) == ((attribute, "wait"),)


@pytest.mark.parametrize("name", VLAN_CAPABLE)
def test_a_vlan_shuts_a_device_in(name: str) -> None:
    assert dict(VENDORS[name].quarantine(Quarantine(vlan=20))) == VLAN_20


@pytest.mark.parametrize("name", ["unifi", "omada", "cambium", "hostapd"])
def test_where_only_a_vlan_shuts_in_a_role_alone_does_not(name: str) -> None:
    assert VENDORS[name].quarantine(Quarantine(role="wait", url="https://wifi.example.org/")) == ()


@ALL
def test_settings_that_say_nothing_shut_nobody_in(vendor: Vendor) -> None:
    assert vendor.quarantine(Quarantine()) == ()


@pytest.mark.parametrize("name", ["coovachilli", "opennds"])
def test_a_gateway_that_shows_the_portal_to_whom_it_rejects_quarantines_nobody(name: str) -> None:
    assert VENDORS[name].quarantine(FULL) == ()


@ALL
@given(
    download=st.integers(1, 2**40),
    upload=st.integers(1, 2**40),
    octets=st.integers(0, 2**80),
    vlan=st.integers(1, 4094),
    name=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64),
)
def test_whatever_the_limits_they_can_be_encoded(
    vendor: Vendor, download: int, upload: int, octets: int, vlan: int, name: str
) -> None:
    told: Pairs = (
        *vendor.speed(download, upload),
        *vendor.data(octets),
        *vendor.vlan(vlan),
        *vendor.filter(name),
        *vendor.quarantine(Quarantine(vlan, name, f"https://{name}")),
    )
    assert len(encode_all(told)) == len(told)


@ALL
def test_what_names_a_session_are_attributes_and_the_needed_ones_are_among_them(vendor: Vendor) -> None:
    wanted = vendor.dynamic_authorization
    if wanted is None:
        assert not vendor.speaks_radius
        return
    assert all(name in DEFINITIONS for name in wanted.identifying)
    assert set(wanted.required) <= set(wanted.identifying)
    assert bool(wanted.reauthenticate) == (wanted.change is Change.REAUTHENTICATE)
    assert len(encode_all(wanted.reauthenticate)) == len(wanted.reauthenticate)


def test_hostapd_is_not_sent_names_that_make_it_refuse() -> None:
    """Its list of attributes (src/radius/radius_das.c) has no Framed-IP-Address."""
    wanted = VENDORS["hostapd"].dynamic_authorization
    assert wanted is not None
    assert "Framed-IP-Address" not in wanted.identifying


def test_coovachilli_wants_the_user_name_and_cisco_the_devices_address() -> None:
    chilli, cisco = VENDORS["coovachilli"].dynamic_authorization, VENDORS["cisco"].dynamic_authorization
    assert chilli is not None
    assert cisco is not None
    assert (chilli.required, chilli.default_port, chilli.change) == (("User-Name",), 3799, Change.LIMITS)
    assert (cisco.required, cisco.default_port, cisco.other_ports) == (("Calling-Station-Id",), 1700, (3799,))


@ALL
def test_every_vendor_says_what_an_engineer_must_know(vendor: Vendor) -> None:
    assert vendor.title
    assert vendor.quarantine_needs
    assert vendor.shortest_interim_seconds >= 60
