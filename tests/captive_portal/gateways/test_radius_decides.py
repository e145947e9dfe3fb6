"""Cisco's central web authentication, and hostapd and a Linux gateway with our own redirector."""

from __future__ import annotations

from dataclasses import replace

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Arrival,
    BrowserRedirect,
    Clue,
    GatewayDriver,
    Operation,
    Outcome,
    Pass,
    Reauthentication,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.cisco_central import CiscoCentral
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.hostapd import Hostapd
from captive_portal.gateways.nftables import Nftables
from captive_portal.gateways.our_redirector import seal
from foundation.mac_address import MacAddress

SECRET = b"a secret of both"
KEY = "A" * 22
GATEWAY = Gateway(1, 1, None, f"https://portal.example/arrive/hostapd/{KEY}", None, SECRET, "Hall", arrival_key=KEY)
QUERY = "mac=00:00:5e:00:53:01&ip=10.99.0.23"
HAND_OVER = {"mac": "00-00-5E-00-53-01", "session": "0A01"}
SITE = Site(
    gateway=GATEWAY,
    portal_url="https://wifi.example",
    arrival_url=GATEWAY.portal_address,
    api_url=f"https://wifi.example/api/capport/{KEY}/",
    radius_host="192.0.2.10",
    authentication_port=1812,
    accounting_port=1813,
)
BOTH = pytest.mark.parametrize("driver", [CiscoCentral(), Hostapd()], ids=["cisco-central", "hostapd"])


def read(raw_query: str, arrival_key: str | None = KEY) -> Redirect:
    redirect = Redirect.read(raw_query, arrival_key)
    assert isinstance(redirect, Redirect)
    return redirect


def parse(query: str, gateway: Gateway = GATEWAY, *, sealed: bool = True) -> Arrival | Refusal:
    return Hostapd().parse(read(f"{query}&seal={seal(query, SECRET)}" if sealed else query), gateway)


def reason(result: Arrival | Refusal) -> RefusalReason:
    assert isinstance(result, Refusal)
    return result.reason


@BOTH
def test_the_registry_knows_it(driver: GatewayDriver) -> None:
    assert DRIVERS[driver.name] == driver


@BOTH
def test_radius_has_the_equipment_ask_anew_to_let_a_device_on_and_off(driver: GatewayDriver) -> None:
    assert driver.release(Pass("tabc", "a password", HAND_OVER), GATEWAY) == Reauthentication(
        Operation.GRANT, HAND_OVER
    )
    assert driver.log_out(HAND_OVER, GATEWAY) == Reauthentication(Operation.REVOKE, HAND_OVER)
    assert driver.renew({}, GATEWAY) == BrowserRedirect(INTERCEPTED_URL)


@BOTH
def test_nothing_private_shows_in_a_traceback(driver: GatewayDriver) -> None:
    shown = repr([GATEWAY, driver.release(Pass("tabc", "a password", HAND_OVER), GATEWAY), parse(QUERY)])
    for private in ("secret of both", "a password", "00-00-5E", "0A01", "10.99.0.23"):
        assert private not in shown


@BOTH
def test_what_is_pasted_names_the_place_and_no_secret(driver: GatewayDriver) -> None:
    configuration = driver.configuration(SITE)
    text = "\n".join(snippet.text for snippet in configuration.snippets)
    assert "192.0.2.10" in text
    assert "SECRET" in text
    assert SECRET.decode() not in text
    assert "citywifi nas change 'Hall' --unknown-devices quarantine" in text


def test_ciscos_unknown_devices_get_an_address_each() -> None:
    [own, *_] = CiscoCentral().configuration(SITE).snippets
    assert "'https://wifi.example/r/{session}'" in own.text


def test_cisco_never_arrives_by_a_redirect_that_anybody_could_have_made() -> None:
    driver = CiscoCentral()
    assert driver.identify(read("redirect_url=http://example.org/", None)) == Refusal(RefusalReason.MISSING)
    assert reason(driver.parse(read("mac=00-00-5E-00-53-01"), GATEWAY)) is RefusalReason.UNSEALED


def test_our_redirector_says_which_device_it_saw() -> None:
    arrival = parse(QUERY)
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == MacAddress.parse("00-00-5E-00-53-01")
    assert arrival.hand_over == {"mac": "00-00-5E-00-53-01", "ip": "10.99.0.23"}


def test_its_gateway_has_an_arrival_address_of_its_own_and_its_access_point_tells_the_venue() -> None:
    driver = Hostapd()
    assert driver.identify(read(QUERY)) == Clue(None, None)
    access_point = MacAddress.parse("00-00-5E-00-53-00")
    assert driver.identify(read(f"{QUERY}&ap=00:00:5e:00:53:00")) == Clue(None, access_point)
    assert driver.identify(read(QUERY, None)) == Refusal(RefusalReason.MISSING)


def test_without_a_shared_secret_there_is_no_seal() -> None:
    assert isinstance(parse(QUERY, replace(GATEWAY, portal_secret=None), sealed=False), Arrival)


def test_with_one_an_unsealed_redirect_is_refused() -> None:
    assert reason(parse(QUERY, sealed=False)) is RefusalReason.UNSEALED


@pytest.mark.parametrize("given", ["", "0" * 64, "x" * 64, "0" * 63, "%C3%A9" * 64])
def test_a_wrong_seal_is_refused(given: str) -> None:
    assert reason(Hostapd().parse(read(f"{QUERY}&seal={given}"), GATEWAY)) is RefusalReason.WRONG_SEAL


def test_a_redirect_that_was_changed_after_sealing_is_refused() -> None:
    changed = QUERY.replace("53:01", "53:02")
    redirect = read(f"{changed}&seal={seal(QUERY, SECRET)}")
    assert reason(Hostapd().parse(redirect, GATEWAY)) is RefusalReason.WRONG_SEAL
    appended = read(f"{QUERY}&seal={seal(QUERY, SECRET)}&lang=cy")
    assert reason(Hostapd().parse(appended, GATEWAY)) is RefusalReason.WRONG_SEAL


def test_another_gateways_seal_is_refused() -> None:
    other = replace(GATEWAY, portal_secret=b"of another")
    assert reason(parse(QUERY, other)) is RefusalReason.WRONG_SEAL


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ip=10.99.0.23", RefusalReason.MISSING),
        ("mac=00:00:5e:00:53:01", RefusalReason.MISSING),
        ("mac=00:00:5e:00:53&ip=10.99.0.23", RefusalReason.MALFORMED),
        ("mac=00:00:5e:00:53:01&ip=elsewhere", RefusalReason.MALFORMED),
    ],
)
def test_what_is_missing_or_misshapen_is_refused(query: str, expected: RefusalReason) -> None:
    assert reason(parse(query)) is expected


@pytest.mark.parametrize("query", [f"{QUERY}&mac=00:00:5e:00:53:02", f"{QUERY}%0d%0aSet-Cookie:x=1"])
def test_a_query_that_means_two_things_is_refused(query: str) -> None:
    assert Redirect.read(query) == Refusal(RefusalReason.MALFORMED)


def test_the_linux_gateway_is_told_by_seal_only() -> None:
    driver = Nftables()
    assert DRIVERS["nftables"] == driver
    unsealed = driver.parse(read(QUERY), replace(GATEWAY, portal_secret=None))
    assert reason(unsealed) is RefusalReason.INCOMPLETE_GATEWAY
    assert isinstance(driver.parse(read(f"{QUERY}&seal={seal(QUERY, SECRET)}"), GATEWAY), Arrival)


def test_its_option_114_is_its_own_name_or_none() -> None:
    named = replace(SITE, gateway=replace(GATEWAY, options={"api_name": "wifi-hall.example.org"}))
    configuration = Nftables().configuration(named)
    assert configuration.captive_portal_option == "https://wifi-hall.example.org/"
    text = "\n".join(snippet.text for snippet in configuration.snippets)
    assert "dhcp-option=114,https://wifi-hall.example.org/" in text
    assert f'key = "{KEY}"' in text
    assert SECRET.decode() not in text
    nameless = Nftables().configuration(SITE)
    assert nameless.captive_portal_option is None
    assert "114" not in "\n".join(snippet.text for snippet in nameless.snippets)
