from __future__ import annotations

from dataclasses import replace

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    BrowserForm,
    BrowserRedirect,
    Clue,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.ruckus import Ruckus
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from tests.captive_portal.gateways.redirects import believed, changed, read, reason

DRIVER = Ruckus()
ADDRESS = "https://wifi.example/arrive/ruckus"
GATEWAY = Gateway(1, 1, None, ADDRESS, "http://10.1.0.1:9997")
NAMELESS = Gateway(1, 1, None, ADDRESS, None, network="10.1.0.0/24")
DEVICE = MacAddress.parse("00-00-5E-00-53-01")
PARAMETERS = {
    "sip": "10.1.0.1",
    "mac": "00005e005300",
    "client_mac": "00005e005301",
    "uip": "10.1.0.23",
    "lid": "library",
    "dn": "",
    "url": "http://example.org/",
    "ssid": "CityWiFi",
    "loc": "Library",
    "vlan": "20",
}


def test_the_registry_finds_the_driver() -> None:
    assert DRIVERS["ruckus"] == DRIVER


def test_a_redirect_of_the_controller_that_we_know_is_believed() -> None:
    arrival = believed(DRIVER.parse(read(changed(PARAMETERS)), GATEWAY))
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == DEVICE
    assert arrival.hand_over == {
        "mac": str(DEVICE),
        "ip": "10.1.0.23",
        "ssid": "CityWiFi",
        "login_url": "http://10.1.0.1:9997",
    }


def test_the_form_goes_to_the_login_address_and_repeats_the_devices_ip_address() -> None:
    hand_over = believed(DRIVER.parse(read(changed(PARAMETERS)), GATEWAY)).hand_over
    assert DRIVER.release(Pass("tabc", "a password", hand_over), GATEWAY) == BrowserForm(
        "http://10.1.0.1:9997/login", {"ip": "10.1.0.23", "username": "tabc", "password": "a password"}
    )


def test_a_controller_with_a_certificate_is_known_by_its_name_or_by_its_network() -> None:
    gateway = replace(GATEWAY, login_url="https://zd.example.org:9998", network="10.1.0.0/24")
    for query in (changed(PARAMETERS, sip="192.0.2.1", dn="zd.example.org"), changed(PARAMETERS)):
        hand_over = believed(DRIVER.parse(read(query), gateway)).hand_over
        form = DRIVER.release(Pass("tabc", "a password", hand_over), gateway)
        assert isinstance(form, BrowserForm)
        assert form.url == "https://zd.example.org:9998/login"


def test_without_login_address_whichever_controller_of_the_network_asks_gets_the_credentials() -> None:
    hand_over = believed(DRIVER.parse(read(changed(PARAMETERS, sip="10.1.0.7")), NAMELESS)).hand_over
    form = DRIVER.release(Pass("tabc", "a password", hand_over), NAMELESS)
    assert isinstance(form, BrowserForm)
    assert form.url == "http://10.1.0.7:9997/login"
    assert DRIVER.log_out(hand_over, NAMELESS) == BrowserRedirect("http://10.1.0.7:9997/logout")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("sip", "192.0.2.66", RefusalReason.WRONG_TARGET),
        ("sip", "evil.example", RefusalReason.WRONG_TARGET),
        ("sip", "10.1.0.1@evil.example", RefusalReason.WRONG_TARGET),
        ("sip", "10.1.0.1:80", RefusalReason.WRONG_TARGET),
        ("sip", None, RefusalReason.MISSING),
        ("client_mac", "ENC1a2b3c", RefusalReason.MALFORMED),
        ("client_mac", None, RefusalReason.MISSING),
        ("uip", None, RefusalReason.MISSING),
        ("uip", "10.1.0.23 onclick=alert(1)", RefusalReason.MALFORMED),
    ],
)
@pytest.mark.parametrize("gateway", [GATEWAY, NAMELESS], ids=["known by address", "known by network"])
def test_a_hostile_redirect_is_refused(gateway: Gateway, name: str, value: str | None, expected: RefusalReason) -> None:
    assert reason(DRIVER.parse(read(changed(PARAMETERS, **{name: value})), gateway)) is expected


@pytest.mark.parametrize("sip", ["evil.example", "192.0.2.66"])
def test_another_address_in_the_redirect_does_not_vouch_for_the_one_that_gets_the_credentials(sip: str) -> None:
    query = changed(PARAMETERS, sip=sip, dn="10.1.0.7")
    assert reason(DRIVER.parse(read(query), NAMELESS)) is RefusalReason.WRONG_TARGET


def test_what_is_said_twice_is_refused() -> None:
    assert Redirect.read(f"{changed(PARAMETERS)}&sip=192.0.2.66") == Refusal(RefusalReason.MALFORMED)


def test_a_gateway_is_told_by_its_access_point() -> None:
    assert DRIVER.identify(read(changed(PARAMETERS))) == Clue(None, MacAddress.parse("00-00-5E-00-53-00"))
    assert DRIVER.identify(read(changed(PARAMETERS, mac=None))) == Refusal(RefusalReason.MISSING)


def test_the_start_page_is_told_who_logged_in() -> None:
    assert DRIVER.named(read("uid=tabc&mac=00005e005300&url=http://example.org/")) == "tabc"
    assert DRIVER.named(read(changed(PARAMETERS, uid="tabc"))) is None
    assert DRIVER.named(read("mac=00005e005300")) is None


def test_logging_out_is_an_address_of_the_controller_and_a_fresh_redirect_comes_by_itself() -> None:
    hand_over = believed(DRIVER.parse(read(changed(PARAMETERS)), GATEWAY)).hand_over
    assert DRIVER.log_out(hand_over, GATEWAY) == BrowserRedirect("http://10.1.0.1:9997/logout")
    assert DRIVER.renew({}, GATEWAY) == BrowserRedirect(INTERCEPTED_URL)


def test_a_one_time_password_is_short_enough_for_the_controller(keyring: Keyring) -> None:
    assert len(keyring.one_time_password("t" + "a" * 26)) <= 31


def test_what_an_engineer_enters_names_the_arrival_address_for_login_and_start_page() -> None:
    arrival = f"{ADDRESS}/KEY"
    site = Site(GATEWAY, "https://wifi.example", arrival, "", "radius.example", 1812, 1813, ("www.nhs.uk",))
    _servers, hotspot, _wlan = DRIVER.configuration(site).snippets
    assert hotspot.text.count(arrival) == 2
    assert "wifi.example, www.nhs.uk" in hotspot.text


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    arrival = believed(DRIVER.parse(read(changed(PARAMETERS)), GATEWAY))
    credentials = Pass("tabc", "a password", arrival.hand_over)
    shown = repr([arrival, credentials, DRIVER.release(credentials, GATEWAY)])
    for private in ("a password", "00-00-5E", "00005e", "10.1.0.23"):
        assert private not in shown
