from __future__ import annotations

from dataclasses import replace

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.aruba import Aruba
from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    BrowserForm,
    BrowserRedirect,
    Clue,
    Failure,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from foundation.mac_address import MacAddress
from tests.captive_portal.gateways.redirects import believed, changed, read, reason

DRIVER = Aruba()
GATEWAY = Gateway(1, 1, None, "https://wifi.example/arrive/aruba", "https://securelogin.example.org/")
DEVICE = MacAddress.parse("00-00-5E-00-53-01")
PARAMETERS = {
    "cmd": "login",
    "mac": "00:00:5e:00:53:01",
    "ip": "10.1.0.23",
    "essid": "CityWiFi",
    "apname": "ground-floor",
    "apmac": "00:00:5e:00:53:00",
    "vcname": "central",
    "switchip": "securelogin.example.org",
    "url": "http://example.org/",
}
PASS = Pass("tabc", "a password", {"mac": str(DEVICE)}, "https://wifi.example/j/ID/waiting")


def test_the_registry_finds_the_driver() -> None:
    assert DRIVERS["aruba"] == DRIVER


def test_a_redirect_of_instant_is_believed() -> None:
    arrival = believed(DRIVER.parse(read(changed(PARAMETERS)), GATEWAY))
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == DEVICE
    assert arrival.hand_over == {"mac": str(DEVICE), "ip": "10.1.0.23", "ssid": "CityWiFi"}


def test_instant_on_has_other_names_for_the_same() -> None:
    query = changed(
        PARAMETERS, cmd="Login", essid=None, switchip=None, network="CityWiFi", post="securelogin.example.org"
    )
    assert believed(DRIVER.parse(read(query), GATEWAY)).hand_over["ssid"] == "CityWiFi"
    elsewhere = changed(PARAMETERS, switchip=None, post="evil.example")
    assert reason(DRIVER.parse(read(elsewhere), GATEWAY)) is RefusalReason.WRONG_TARGET


def test_a_controller_need_not_say_who_takes_credentials_because_they_go_to_the_login_address() -> None:
    believed(DRIVER.parse(read(changed(PARAMETERS, switchip=None)), GATEWAY))


def test_after_a_reject_the_browser_comes_back_with_a_message() -> None:
    arrival = believed(DRIVER.parse(read(changed(PARAMETERS, errmsg="Authentication failed")), GATEWAY))
    assert arrival.outcome is Outcome.REFUSED
    assert arrival.failure is Failure.REJECTED


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("switchip", "evil.example", RefusalReason.WRONG_TARGET),
        ("switchip", "securelogin.example.org.evil.example", RefusalReason.WRONG_TARGET),
        ("switchip", "securelogin.example.org/../@evil.example", RefusalReason.WRONG_TARGET),
        ("cmd", "logout", RefusalReason.UNKNOWN_RESULT),
        ("cmd", None, RefusalReason.UNKNOWN_RESULT),
        ("mac", None, RefusalReason.MISSING),
        ("mac", "00:00:5e:00:53", RefusalReason.MALFORMED),
    ],
)
def test_a_hostile_redirect_is_refused(name: str, value: str | None, expected: RefusalReason) -> None:
    assert reason(DRIVER.parse(read(changed(PARAMETERS, **{name: value})), GATEWAY)) is expected


def test_an_entry_without_login_address_can_let_nobody_on() -> None:
    gateway = replace(GATEWAY, login_url=None)
    assert reason(DRIVER.parse(read(changed(PARAMETERS)), gateway)) is RefusalReason.INCOMPLETE_GATEWAY


@pytest.mark.parametrize("suffix", ["&switchip=evil.example", "&url=a%0d%0aSet-Cookie:x=1"])
def test_what_is_said_twice_or_breaks_a_line_is_refused(suffix: str) -> None:
    query = changed(PARAMETERS, url=None) + suffix
    assert Redirect.read(query) == Refusal(RefusalReason.MALFORMED)


def test_a_gateway_is_told_by_its_virtual_controller_and_access_point_or_its_own_address() -> None:
    assert DRIVER.identify(read(changed(PARAMETERS))) == Clue("central", MacAddress.parse("00-00-5E-00-53-00"))
    of_controller = changed(PARAMETERS, vcname=None, apmac=None)
    assert DRIVER.identify(read(of_controller)) == Refusal(RefusalReason.MISSING)
    assert DRIVER.identify(read(of_controller, "a-key")) == Clue(None, None)


def test_the_browser_posts_the_form_of_the_equipments_own_page() -> None:
    assert DRIVER.release(PASS, GATEWAY) == BrowserForm(
        "https://securelogin.example.org/cgi-bin/login",
        {"cmd": "authenticate", "user": "tabc", "password": "a password", "url": "https://wifi.example/j/ID/waiting"},
    )


def test_older_equipment_takes_it_at_another_path() -> None:
    gateway = replace(GATEWAY, options={"login_path": "/auth/index.html/u"})
    form = DRIVER.release(PASS, gateway)
    assert isinstance(form, BrowserForm)
    assert form.url == "https://securelogin.example.org/auth/index.html/u"


def test_logging_out_is_an_address_of_the_equipment_and_a_fresh_redirect_comes_by_itself() -> None:
    assert DRIVER.log_out({}, GATEWAY) == BrowserRedirect("https://securelogin.example.org/cgi-bin/login?cmd=logout")
    assert DRIVER.renew({}, GATEWAY) == BrowserRedirect(INTERCEPTED_URL)


def test_what_an_engineer_enters_names_the_arrival_address_and_the_walled_garden() -> None:
    site = Site(
        replace(GATEWAY, nas_identifier="central"),
        "https://wifi.example",
        "https://wifi.example/arrive/aruba/KEY",
        "https://wifi.example/api/capport/KEY",
        "radius.example",
        1812,
        1813,
        ("www.nhs.uk",),
    )
    instant, controller, instant_on = DRIVER.configuration(site).snippets
    assert ' url "/arrive/aruba/KEY"' in instant.text
    assert r" white-list www\.nhs\.uk" in instant.text
    assert " nas-id central" in instant.text
    assert "  name www.nhs.uk" in controller.text
    assert "https://wifi.example/arrive/aruba/KEY" in instant_on.text


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    shown = repr([GATEWAY, DRIVER.parse(read(changed(PARAMETERS)), GATEWAY), PASS, DRIVER.release(PASS, GATEWAY)])
    for private in ("a password", "00-00-5E", "00:00:5e", "10.1.0.23"):
        assert private not in shown
