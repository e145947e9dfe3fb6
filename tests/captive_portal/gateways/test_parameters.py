from __future__ import annotations

import pytest

from captive_portal.gateways.base import Clue, Refusal, RefusalReason
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.parameters import (
    check_target,
    is_host_of,
    is_within,
    read_clue,
    read_device,
    read_ip,
    read_mac,
    target_base,
)
from foundation.mac_address import MacAddress
from tests.captive_portal.gateways.redirects import read

DEVICE = MacAddress.parse("00-00-5E-00-53-01")
KEY = "an-arrival-key-of-this"


@pytest.mark.parametrize("text", ["00-00-5E-00-53-01", "00:00:5e:00:53:01", "00005e005301", "0000.5e00.5301"])
def test_an_address_is_read_in_every_makers_spelling(text: str) -> None:
    assert read_mac(read(f"mac={text}"), "mac") == DEVICE


def test_the_first_name_that_has_a_value_counts() -> None:
    assert read_mac(read("ap=&apMac=00-00-5E-00-53-01"), "ap", "apMac") == DEVICE
    assert read_mac(read("other=1"), "ap", "apMac") == Refusal(RefusalReason.MISSING)
    assert read_mac(read("ap=ENC1234"), "ap") == Refusal(RefusalReason.MALFORMED)


def test_an_ip_address_is_written_in_its_usual_spelling() -> None:
    assert read_ip(read("ip=10.1.0.23"), "ip") == "10.1.0.23"
    assert read_ip(read("ip=2001:DB8:0:0::1"), "ip") == "2001:db8::1"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", RefusalReason.MISSING),
        ("ip=", RefusalReason.MISSING),
        ("ip=evil.example", RefusalReason.MALFORMED),
        ("ip=10.1.0.1@evil.example", RefusalReason.MALFORMED),
        ("ip=fe80::1%25eth0", RefusalReason.MALFORMED),
        ("ip=167837697", RefusalReason.MALFORMED),
    ],
)
def test_what_is_no_ip_address_is_refused(query: str, expected: RefusalReason) -> None:
    assert read_ip(read(query), "ip") == Refusal(expected)


def test_a_device_is_its_address_and_what_else_is_good() -> None:
    query = "mac=00005e005301&ip=10.1.0.23&ssid=City%20WiFi"
    names = {"mac": ("mac",), "ip": ("ip",), "network": ("ssid",)}
    assert read_device(read(query), **names) == {"mac": str(DEVICE), "ip": "10.1.0.23", "ssid": "City WiFi"}
    assert read_device(read("mac=00005e005301&ip=here"), **names) == {"mac": str(DEVICE)}
    assert read_device(read("ip=10.1.0.23"), **names) == Refusal(RefusalReason.MISSING)


def test_a_gateway_is_told_by_name_or_access_point_or_its_own_address() -> None:
    def clue(query: str, arrival_key: str | None = None) -> Clue | Refusal:
        return read_clue(read(query, arrival_key), identifier="nas", access_point=("ap",))

    assert clue("nas=central&ap=00005e005301") == Clue("central", DEVICE)
    assert clue("nas=central&ap=upstairs") == Clue("central", None)
    assert clue("ap=upstairs", KEY) == Clue(None, None)
    assert clue("ap=upstairs") == Refusal(RefusalReason.MALFORMED)
    assert clue("") == Refusal(RefusalReason.MISSING)
    assert clue(f"nas={'n' * 254}") == Refusal(RefusalReason.MALFORMED)


@pytest.mark.parametrize(
    ("host", "url", "is_its"),
    [
        ("securelogin.example.org", "https://securelogin.example.org/", True),
        ("SecureLogin.Example.org.", "https://securelogin.example.org", True),
        ("10.1.0.1", "http://10.1.0.1:9997", True),
        ("2001:db8:0::1", "http://[2001:db8::1]:9997", True),
        ("evil.example", "https://securelogin.example.org", False),
        ("securelogin.example.org.evil.example", "https://securelogin.example.org", False),
        ("https://securelogin.example.org", "https://securelogin.example.org", False),
        ("securelogin.example.org:444", "https://securelogin.example.org", False),
        ("user@securelogin.example.org", "https://securelogin.example.org", False),
        ("", "https://securelogin.example.org", False),
        ("", None, False),
        ("10.1.0.1", "http://[broken", False),
    ],
)
def test_a_host_is_the_login_addresses_or_is_not(host: str, url: str | None, is_its: bool) -> None:
    assert is_host_of(host, url) is is_its


def test_only_ip_addresses_are_within_a_network() -> None:
    assert is_within("10.1.0.7", "10.1.0.0/24")
    assert not is_within("10.1.1.7", "10.1.0.0/24")
    assert not is_within("10.1.0.7.evil.example", "10.1.0.0/24")
    assert not is_within("10.1.0.7", None)
    assert is_within("fe80::1", "fe80::/64")
    assert not is_within("fe80::1%]@evil.example/", "fe80::/64")


def test_a_target_is_the_login_address_or_in_the_network() -> None:
    by_name = Gateway(1, 1, None, "", "https://zd.example.org:9998", network="10.1.0.0/24")
    assert check_target(by_name, "zd.example.org") is None
    assert check_target(by_name, "10.1.0.1") is None
    assert check_target(by_name, "10.9.9.9", "zd.example.org") is None
    assert check_target(by_name, "10.9.9.9", "evil.example") is RefusalReason.WRONG_TARGET
    assert check_target(by_name, "10.9.9.9", "10.1.0.1") is RefusalReason.WRONG_TARGET
    assert check_target(by_name, None, "") is RefusalReason.MISSING
    assert check_target(Gateway(1, 1, None, "", None), "10.1.0.1") is RefusalReason.INCOMPLETE_GATEWAY


def test_credentials_go_to_the_login_address_whatever_was_compared() -> None:
    by_name = Gateway(1, 1, None, "", "https://zd.example.org:9998/", network="10.1.0.0/24")
    assert target_base(by_name, "10.1.0.1", 9997) == "https://zd.example.org:9998"
    nameless = Gateway(1, 1, None, "", None, network="10.1.0.0/24")
    assert target_base(nameless, "10.1.0.1", 9997) == "http://10.1.0.1:9997"
    assert target_base(nameless, "2001:db8::1", 9997) == "http://[2001:db8::1]:9997"
