from __future__ import annotations

from dataclasses import replace

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Arrival,
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
)
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.fortigate import FortiGate
from captive_portal.gateways.gateway import Gateway
from foundation.mac_address import MacAddress

DRIVER = FortiGate()
GATEWAY = Gateway(1, 1, None, "https://portal.example/arrive/fortigate", "https://10.0.1.3:1003/fgtauth")
# As it is sent: nothing is encoded.
QUERY = (
    "login&post=https://10.0.1.3:1003/fgtauth&magic=0a04059bcdef0123&usermac=00:00:5e:00:53:01"
    "&apmac=00:00:5e:00:53:00&apip=192.0.2.7&userip=10.1.0.23&ssid=CityWiFi&apname=depot&bssid=00:00:5e:00:53:02"
)


def read(raw_query: str, arrival_key: str | None = None) -> Redirect:
    redirect = Redirect.read(raw_query, arrival_key)
    assert isinstance(redirect, Redirect)
    return redirect


def parse(query: str = QUERY, gateway: Gateway = GATEWAY) -> Arrival | Refusal:
    return DRIVER.parse(read(query), gateway)


def test_the_registry_knows_it() -> None:
    assert DRIVERS["fortigate"] == DRIVER


def test_a_captive_device_arrives_with_its_magic() -> None:
    arrival = parse()
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == MacAddress.parse("00-00-5E-00-53-01")
    assert arrival.hand_over == {"mac": "00-00-5E-00-53-01", "magic": "0a04059bcdef0123"}


def test_user_name_password_and_magic_are_posted_to_the_registered_address() -> None:
    expected = BrowserForm(
        "https://10.0.1.3:1003/fgtauth",
        {"username": "tabc", "password": "a password", "magic": "0a04059bcdef0123"},
        goes_on_elsewhere=True,
    )
    credentials = Pass("tabc", "a password", {"magic": "0a04059bcdef0123"})
    assert DRIVER.release(credentials, GATEWAY) == expected
    assert DRIVER.release(credentials, replace(GATEWAY, login_url="https://10.0.1.3:1003")) == expected


def test_a_login_that_failed_is_a_refusal() -> None:
    arrival = parse(f"Auth=Failed&{QUERY}")
    assert isinstance(arrival, Arrival)
    assert (arrival.outcome, arrival.failure) == (Outcome.REFUSED, Failure.REJECTED)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example:1003/fgtauth",
        "https://10.0.1.3/fgtauth",
        "http://10.0.1.3:1003/fgtauth",
        "https://10.0.1.3:1003@evil.example/fgtauth",
        "javascript:alert(1)",
    ],
)
def test_credentials_go_nowhere_but_to_the_address_that_we_have(target: str) -> None:
    assert parse(QUERY.replace("https://10.0.1.3:1003/fgtauth", target)) == Refusal(RefusalReason.WRONG_TARGET)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (QUERY.replace("post=", "x="), RefusalReason.MISSING),
        (QUERY.replace("usermac=", "x="), RefusalReason.MISSING),
        (QUERY.replace("usermac=00", "usermac=<"), RefusalReason.MALFORMED),
        (QUERY.replace("magic=", "x="), RefusalReason.MISSING),
        (QUERY.replace("magic=0a04", "magic=%22%3E"), RefusalReason.MALFORMED),
        (QUERY.replace("magic=", f"magic={'a' * 128}"), RefusalReason.MALFORMED),
    ],
    ids=["no target", "no device", "misshapen device", "no magic", "magic with markup", "long magic"],
)
def test_what_is_missing_or_misshapen_is_refused(query: str, expected: RefusalReason) -> None:
    assert parse(query) == Refusal(expected)


def test_a_gateway_without_login_address_cannot_release_anybody() -> None:
    assert parse(gateway=replace(GATEWAY, login_url=None)) == Refusal(RefusalReason.INCOMPLETE_GATEWAY)


@pytest.mark.parametrize("more", ["&magic=x", "&x=%0d%0aLocation:x"], ids=["two values", "line end"])
def test_a_query_that_means_two_things_or_nothing_is_refused(more: str) -> None:
    assert Redirect.read(f"{QUERY}{more}") == Refusal(RefusalReason.MALFORMED)


def test_a_fortigate_is_told_by_its_access_point_or_its_own_address() -> None:
    assert DRIVER.identify(read(QUERY)) == Clue(None, MacAddress.parse("00-00-5E-00-53-00"))
    assert DRIVER.identify(read("login", "a-key")) == Clue(None, None)
    assert DRIVER.identify(read("login")) == Refusal(RefusalReason.MISSING)


def test_renewing_is_being_intercepted_again_and_logging_out_is_radius_matter() -> None:
    assert DRIVER.renew({}, GATEWAY) == BrowserRedirect(INTERCEPTED_URL)
    assert DRIVER.log_out({"mac": "x"}, GATEWAY) == Reauthentication(Operation.REVOKE, {"mac": "x"})


def test_the_configuration_names_this_gateway() -> None:
    site = Site(
        gateway=GATEWAY,
        portal_url="https://portal.example",
        arrival_url="https://portal.example/arrive/fortigate/k",
        api_url="https://portal.example/api",
        radius_host="192.0.2.9",
        authentication_port=1812,
        accounting_port=1813,
        walled_garden=("www.nhs.uk",),
    )
    everything = "\n".join(snippet.text for snippet in DRIVER.configuration(site).snippets)
    assert '        set external-web "https://portal.example/arrive/fortigate/k"\n' in everything
    assert '        set dstaddr "citywifi-portal.example" "citywifi-www.nhs.uk"\n' in everything
    assert "        set captive-portal-exempt enable\n" in everything
    assert '        set server "192.0.2.9"\n' in everything


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    credentials = Pass("tabc", "a password", {"mac": "00-00-5E-00-53-01", "magic": "0a04059bcdef0123"})
    shown = repr([GATEWAY, parse(), credentials, DRIVER.release(credentials, GATEWAY)])
    for private in ("a password", "00-00-5E", "0a04059bcdef0123"):
        assert private not in shown
