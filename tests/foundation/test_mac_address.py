from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.mac_address import MacAddress, NotAMacAddressError

ADDRESS = MacAddress(bytes.fromhex("00005e005301"))


@pytest.mark.parametrize(
    "spelling",
    [
        "00-00-5E-00-53-01",
        "00:00:5e:00:53:01",
        "00005E005301",
        "0000.5e00.5301",
        "0000-5E00-5301",
        "00005e-005301",
    ],
)
def test_every_vendors_spelling_is_one_address(spelling: str) -> None:
    assert MacAddress.parse(spelling) == ADDRESS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-00-5E-00-53",
        "00-00-5E-00-53-01-02",
        "00:00-5e:00:53:01",
        "0000.5e00-5301",
        "zz005e005301",
        "é" * 12,
    ],
)
def test_anything_else_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(NotAMacAddressError) as refusal:
        MacAddress.parse(text)
    assert str(refusal.value) == "not a MAC address; write it like 00-00-5E-00-53-01"


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("00-00-5E-00-53-01:Coventry Free WiFi", "Coventry Free WiFi"),
        ("00005e005301:x:y", "x:y"),
        ("00-00-5E-00-53-01", ""),
    ],
)
def test_a_station_id_is_address_and_network_name(text: str, network: str) -> None:
    assert MacAddress.parse_station_id(text) == (ADDRESS, network)


@pytest.mark.parametrize("text", ["hotspot1", "00-00-5E-00-53-01 Coventry", ""])
def test_a_station_id_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotAMacAddressError):
        MacAddress.parse_station_id(text)


def test_an_address_that_a_phone_made_up_is_known() -> None:
    assert MacAddress.parse("da-a1-19-00-00-01").is_locally_administered
    assert not ADDRESS.is_locally_administered


def test_its_representation_does_not_give_it_away() -> None:
    assert "53" not in repr(ADDRESS)


@given(
    st.binary(min_size=6, max_size=6),
    st.sampled_from([("-", 2), (":", 2), ("", 2), (".", 4), ("-", 4), ("-", 6)]),
    st.booleans(),
)
def test_what_is_written_is_read_back(octets: bytes, style: tuple[str, int], upper: bool) -> None:
    separator, group_size = style
    text = MacAddress(octets).format(separator, group_size=group_size, upper=upper)
    assert MacAddress.parse(text).octets == octets
