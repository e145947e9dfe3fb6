from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Arrival,
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
from captive_portal.gateways.cisco import Cisco
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from foundation.mac_address import MacAddress

DRIVER = Cisco()
GATEWAY = Gateway(1, 1, None, "https://portal.example/arrive/cisco", "https://192.0.2.1/login.html", name="Depot")
PARAMETERS = {
    "switch_url": "https://192.0.2.1/login.html",
    "ap_mac": "00:00:5e:00:53:00",
    "client_mac": "00:00:5e:00:53:01",
    "wlan": "CityWiFi",
    "redirect": "example.org/",
}
RETURN_URL = "https://portal.example/j/x/waiting"


def read(raw_query: str, arrival_key: str | None = None) -> Redirect:
    redirect = Redirect.read(raw_query, arrival_key)
    assert isinstance(redirect, Redirect)
    return redirect


def parse(gateway: Gateway = GATEWAY, /, **changed: str | None) -> Arrival | Refusal:
    given = {**PARAMETERS, **changed}
    return DRIVER.parse(read(urlencode({name: value for name, value in given.items() if value is not None})), gateway)


def test_the_registry_knows_it() -> None:
    assert DRIVERS["cisco"] == DRIVER


def test_a_captive_device_arrives() -> None:
    arrival = parse()
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == MacAddress.parse("00-00-5E-00-53-01")
    assert arrival.hand_over == {"mac": "00-00-5E-00-53-01"}


def test_the_controllers_form_is_posted_with_its_button_to_the_registered_address() -> None:
    action = DRIVER.release(Pass("tabc", "a password", {"mac": "00-00-5E-00-53-01"}, RETURN_URL), GATEWAY)
    assert action == BrowserForm(
        "https://192.0.2.1/login.html",
        {
            "username": "tabc",
            "password": "a password",
            "redirect_url": RETURN_URL,
            "buttonClicked": "4",
            "err_flag": "0",
        },
    )


@pytest.mark.parametrize("registered", ["https://192.0.2.1", "https://192.0.2.1/", "https://192.0.2.1/login.html"])
def test_a_login_address_without_a_page_gets_the_usual_one(registered: str) -> None:
    action = DRIVER.release(Pass("tabc", "x", {}), replace(GATEWAY, login_url=registered))
    assert isinstance(action, BrowserForm)
    assert action.url == "https://192.0.2.1/login.html"


@pytest.mark.parametrize(
    ("status", "outcome", "failure"),
    [
        ("1", Outcome.ALREADY_ONLINE, None),
        ("2", Outcome.REFUSED, Failure.OTHER),
        ("3", Outcome.REFUSED, Failure.OTHER),
        ("4", Outcome.REFUSED, Failure.OTHER),
        ("5", Outcome.REFUSED, Failure.REJECTED),
        ("99", Outcome.REFUSED, Failure.OTHER),
        ("", Outcome.CAPTIVE, None),
    ],
)
def test_every_status_code_has_its_meaning(status: str, outcome: Outcome, failure: Failure | None) -> None:
    arrival = parse(statusCode=status)
    assert isinstance(arrival, Arrival)
    assert (arrival.outcome, arrival.failure) == (outcome, failure)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/login.html",
        "https://192.0.2.1.evil.example/login.html",
        "https://192.0.2.1@evil.example/login.html",
        "https://192.0.2.1:8443/login.html",
        "http://192.0.2.1/login.html",
        "javascript:alert(1)",
        "https://[",
    ],
)
def test_credentials_go_nowhere_but_to_the_address_that_we_have(target: str) -> None:
    assert parse(switch_url=target) == Refusal(RefusalReason.WRONG_TARGET)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"switch_url": None}, RefusalReason.MISSING),
        ({"client_mac": None}, RefusalReason.MISSING),
        ({"client_mac": "<script>"}, RefusalReason.MALFORMED),
    ],
    ids=["no target", "a 9800 without its opt-in", "no address"],
)
def test_what_is_missing_or_misshapen_is_refused(changed: dict[str, str | None], expected: RefusalReason) -> None:
    assert parse(**changed) == Refusal(expected)


def test_a_gateway_without_login_address_cannot_release_anybody() -> None:
    assert parse(replace(GATEWAY, login_url=None)) == Refusal(RefusalReason.INCOMPLETE_GATEWAY)


def test_an_original_address_that_repeats_our_parameters_is_refused() -> None:
    query = f"{urlencode(PARAMETERS)}?x=1&client_mac=00:00:5e:00:53:02"
    assert Redirect.read(query) == Refusal(RefusalReason.MALFORMED)


def test_a_controller_is_told_by_the_access_point_or_its_own_address() -> None:
    assert DRIVER.identify(read(urlencode(PARAMETERS))) == Clue(None, MacAddress.parse("00-00-5E-00-53-00"))
    assert DRIVER.identify(read("switch_url=x", "a-key")) == Clue(None, None)
    assert DRIVER.identify(read("switch_url=x")) == Refusal(RefusalReason.MISSING)


def test_renewing_and_logging_out_are_pages_of_the_virtual_interface() -> None:
    assert DRIVER.renew({}, GATEWAY) == BrowserRedirect("https://192.0.2.1/login.html")
    assert DRIVER.log_out({}, GATEWAY) == BrowserRedirect("https://192.0.2.1/logout.html")


def test_an_entry_that_lost_its_login_address_stops_nobody_from_beginning_again() -> None:
    assert DRIVER.renew({}, replace(GATEWAY, login_url=None)) == BrowserRedirect(INTERCEPTED_URL)


def test_the_configuration_is_for_both_kinds_of_controller() -> None:
    site = Site(
        gateway=GATEWAY,
        portal_url="https://portal.example",
        arrival_url="https://portal.example/arrive/cisco/k",
        api_url="https://portal.example/api",
        radius_host="192.0.2.9",
        authentication_port=1812,
        accounting_port=1813,
        walled_garden=("www.nhs.uk",),
    )
    everything = "\n".join(snippet.text for snippet in DRIVER.configuration(site).snippets)
    assert " redirect for-login https://portal.example/arrive/cisco/k\n" in everything
    assert " redirect append client-mac tag client_mac\n" in everything
    assert " url portal.example\n url www.nhs.uk" in everything
    assert "config custom-web ext-webauth-url https://portal.example/arrive/cisco/k\n" in everything
    assert "config radius auth add 1 192.0.2.9 1812 ascii SECRET" in everything
    assert DRIVER.configuration(site).captive_portal_option is None


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    credentials = Pass("tabc", "a password", {"mac": "00-00-5E-00-53-01"}, RETURN_URL)
    shown = repr([GATEWAY, parse(), credentials, DRIVER.release(credentials, GATEWAY)])
    for private in ("a password", "00-00-5E", "/j/x"):
        assert private not in shown
