from __future__ import annotations

from dataclasses import replace

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    AccessLimits,
    BrowserForm,
    BrowserRedirect,
    Clue,
    Failure,
    Operation,
    Outcome,
    Pass,
    Reauthentication,
    Redirect,
    Refusal,
    RefusalReason,
    ReturningDriver,
)
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.meraki import Meraki
from captive_portal.gateways.meraki_click_through import MerakiClickThrough
from foundation.mac_address import MacAddress
from tests.captive_portal.gateways.redirects import believed, changed, read, reason

SIGN_ON = Meraki()
CLICK_THROUGH = MerakiClickThrough()
GATEWAY = Gateway(1, 1, None, "https://wifi.example/arrive/meraki", None)
DEVICE = MacAddress.parse("00-00-5E-00-53-01")
LOGIN = "https://n143.network-auth.com/splash/login?mauth=MM1SZQlK-_sb&continue_url=http%3A%2F%2Fexample.org%2F"
GRANT = "https://n143.network-auth.com/splash/grant"
LOGOUT = "https://n143.network-auth.com/splash/logout?key=abc"
RETURN = "https://wifi.example/j/ID/back/0123"
OF_SIGN_ON = {
    "login_url": LOGIN,
    "continue_url": "http://example.org/",
    "ap_mac": "00:00:5e:00:53:00",
    "ap_name": "Ground floor",
    "ap_tags": "library indoor",
    "client_mac": "00:00:5e:00:53:01",
    "client_ip": "10.1.0.23",
}
OF_CLICK_THROUGH = {
    "base_grant_url": GRANT,
    "user_continue_url": "http://example.org/",
    "node_id": "1301936",
    "node_mac": "00:00:5e:00:53:00",
    "gateway_id": "1301936",
    "client_ip": "10.1.0.23",
    "client_mac": "00:00:5e:00:53:01",
}
NOT_MERAKIS = [
    "https://evil.example/splash/login?mauth=x",
    "https://network-auth.com.evil.example/splash/login",
    "https://n143.network-auth.com.evil.example/splash/login",
    "https://evilnetwork-auth.com/splash/login",
    "https://network-auth.com/splash/login",
    "https://n143.network-auth.com@evil.example/splash/login",
    "https://n143.network-auth.com:8443/splash/login",
    "https://n143.network-auth.com",
    "https://evil.example/https://n143.network-auth.com/splash/login",
    "https://evil.example#.network-auth.com/splash/login",
    "https://evil.example\\.network-auth.com/splash/login",
    "http://n143.network-auth.com/splash/login",
    "javascript://n143.network-auth.com/%0aalert(1)",
    "//n143.network-auth.com/splash/login",
    'https://n143.network-auth.com/splash/login" onfocus="alert(1)',
    " https://n143.network-auth.com/splash/login",
]


def test_the_registry_finds_the_drivers() -> None:
    assert DRIVERS["meraki"] == SIGN_ON
    assert DRIVERS["meraki-click-through"] == CLICK_THROUGH


def test_a_redirect_for_sign_on_is_believed() -> None:
    arrival = believed(SIGN_ON.parse(read(changed(OF_SIGN_ON)), GATEWAY))
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == DEVICE
    assert arrival.hand_over == {"mac": str(DEVICE), "ip": "10.1.0.23", "login_url": LOGIN}


def test_after_a_reject_the_browser_comes_back_with_a_message() -> None:
    arrival = believed(SIGN_ON.parse(read(changed(OF_SIGN_ON, error_message="Access denied")), GATEWAY))
    assert arrival.outcome is Outcome.REFUSED
    assert arrival.failure is Failure.REJECTED


@pytest.mark.parametrize("address", NOT_MERAKIS)
def test_credentials_grants_and_log_outs_are_asked_for_at_merakis_domain_only(address: str) -> None:
    wrong = RefusalReason.WRONG_TARGET
    assert reason(SIGN_ON.parse(read(changed(OF_SIGN_ON, login_url=address)), GATEWAY)) is wrong
    assert reason(CLICK_THROUGH.parse(read(changed(OF_CLICK_THROUGH, base_grant_url=address)), GATEWAY)) is wrong
    assert SIGN_ON.returned(read(changed({}, logout_url=address)), GATEWAY) == Refusal(wrong)


def test_a_login_address_narrows_it_to_the_hosts_of_this_network() -> None:
    gateway = replace(GATEWAY, login_url="https://n143.network-auth.com")
    believed(SIGN_ON.parse(read(changed(OF_SIGN_ON)), gateway))
    elsewhere = LOGIN.replace("n143", "n144")
    assert reason(SIGN_ON.parse(read(changed(OF_SIGN_ON, login_url=elsewhere)), gateway)) is RefusalReason.WRONG_TARGET


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("login_url", None, RefusalReason.MISSING),
        ("client_mac", None, RefusalReason.MISSING),
        ("client_mac", "ff:ff:96:d5:d5", RefusalReason.MALFORMED),
    ],
)
def test_a_redirect_that_lacks_something_is_refused(name: str, value: str | None, expected: RefusalReason) -> None:
    assert reason(SIGN_ON.parse(read(changed(OF_SIGN_ON, **{name: value})), GATEWAY)) is expected


def test_what_is_said_twice_is_refused() -> None:
    assert Redirect.read(f"{changed(OF_SIGN_ON)}&login_url=x") == Refusal(RefusalReason.MALFORMED)


def test_a_gateway_is_told_by_its_access_point_or_its_own_address() -> None:
    access_point = MacAddress.parse("00-00-5E-00-53-00")
    assert SIGN_ON.identify(read(changed(OF_SIGN_ON))) == Clue(None, access_point)
    assert CLICK_THROUGH.identify(read(changed(OF_CLICK_THROUGH))) == Clue(None, access_point)
    assert CLICK_THROUGH.identify(read("", "a-key")) == Clue(None, None)


def test_the_browser_posts_to_the_login_address_of_this_visit_and_comes_back() -> None:
    credentials = Pass("tabc", "a password", {"mac": str(DEVICE), "login_url": LOGIN}, RETURN)
    assert SIGN_ON.release(credentials, GATEWAY) == BrowserForm(
        LOGIN, {"username": "tabc", "password": "a password", "success_url": RETURN}
    )


def test_the_way_back_brings_the_address_for_log_out() -> None:
    assert isinstance(SIGN_ON, ReturningDriver)
    news = SIGN_ON.returned(read(changed({}, logout_url=LOGOUT)), GATEWAY)
    assert news == {"logout_url": LOGOUT}
    assert SIGN_ON.log_out({"mac": str(DEVICE), **news}, GATEWAY) == BrowserRedirect(LOGOUT)


def test_without_an_address_for_log_out_radius_is_asked_to_end_the_session() -> None:
    assert SIGN_ON.returned(read(""), GATEWAY) == {}
    hand_over = {"mac": str(DEVICE)}
    assert SIGN_ON.log_out(hand_over, GATEWAY) == Reauthentication(Operation.REVOKE, hand_over)


def test_a_click_through_follows_the_grant_and_comes_back() -> None:
    arrival = believed(CLICK_THROUGH.parse(read(changed(OF_CLICK_THROUGH)), GATEWAY))
    assert arrival.hand_over == {"mac": str(DEVICE), "ip": "10.1.0.23", "base_grant_url": GRANT}
    back = "continue_url=https%3A%2F%2Fwifi.example%2Fj%2FID%2Fback%2F0123"
    credentials = Pass("tabc", "a password", arrival.hand_over, RETURN)
    assert CLICK_THROUGH.release(credentials, GATEWAY) == BrowserRedirect(f"{GRANT}?{back}")
    limited = replace(credentials, limits=AccessLimits(seconds=3600))
    assert CLICK_THROUGH.release(limited, GATEWAY) == BrowserRedirect(f"{GRANT}?{back}&duration=3600")


def test_a_grant_that_has_parameters_keeps_them() -> None:
    credentials = Pass("tabc", "a password", {"base_grant_url": f"{GRANT}?site=1"}, RETURN)
    action = CLICK_THROUGH.release(credentials, GATEWAY)
    assert isinstance(action, BrowserRedirect)
    assert action.url.startswith(f"{GRANT}?site=1&continue_url=")


def test_a_click_through_sends_no_accounting_has_no_log_out_and_tells_only_that_the_browser_came_back() -> None:
    assert not CLICK_THROUGH.capabilities.sends_accounting
    assert not CLICK_THROUGH.capabilities.can_log_out
    assert isinstance(CLICK_THROUGH, ReturningDriver)
    assert CLICK_THROUGH.returned(read("continue_url=x"), GATEWAY) == {}


def test_a_fresh_redirect_comes_by_itself() -> None:
    for driver in (SIGN_ON, CLICK_THROUGH):
        assert driver.renew({}, GATEWAY) == BrowserRedirect(INTERCEPTED_URL)


@pytest.mark.parametrize("driver", [SIGN_ON, CLICK_THROUGH], ids=["sign-on", "click-through"])
def test_what_an_engineer_enters_names_the_arrival_address_and_the_walled_garden(
    driver: Meraki | MerakiClickThrough,
) -> None:
    arrival = "https://wifi.example/arrive/meraki/KEY"
    site = Site(GATEWAY, "https://wifi.example", arrival, "", "radius.example", 1812, 1813, ("www.nhs.uk",))
    access, splash = driver.configuration(site).snippets
    assert arrival in splash.text
    for host in ("wifi.example", "*.network-auth.com", "www.nhs.uk"):
        assert f" {host}\n" in f"{access.text}\n"


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    arrival = believed(SIGN_ON.parse(read(changed(OF_SIGN_ON)), GATEWAY))
    credentials = Pass("tabc", "a password", arrival.hand_over, RETURN)
    shown = repr([arrival, credentials, SIGN_ON.release(credentials, GATEWAY)])
    for private in ("a password", "00-00-5E", "mauth", "10.1.0.23", "/j/ID"):
        assert private not in shown
