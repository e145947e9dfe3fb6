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
    Operation,
    Outcome,
    Pass,
    Reauthentication,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.cambium import Cambium
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from foundation.mac_address import MacAddress

DRIVER = Cambium()
GATEWAY = Gateway(
    1, 1, None, "https://portal.example/arrive/cambium", None, network="10.20.0.0/24", nas_identifier="depot"
)
RELAYED = replace(GATEWAY, login_url="https://cnmaestro.example", network="192.0.2.1/32")
# A plus sign, both cases of hexadecimal digits, and what needs no escape but has one.
QV = "Zm9v+b%2ab%2Fr%7E~%61=%3D"
QUERY = (
    "ga_ssid=City%20WiFi&ga_ap_mac=00-00-5E-00-53-00&ga_nas_id=depot&ga_srvr=10.20.0.7&ga_cmac=00-00-5E-00-53-01"
    f"&ga_cip=10.1.0.23&ga_Qv={QV}&ga_orig_url=http%3a%2f%2fexample.org%2f"
)


def read(raw_query: str, arrival_key: str | None = None) -> Redirect:
    redirect = Redirect.read(raw_query, arrival_key)
    assert isinstance(redirect, Redirect)
    return redirect


def parse(query: str = QUERY, gateway: Gateway = GATEWAY) -> Arrival | Refusal:
    return DRIVER.parse(read(query), gateway)


def hand_over(query: str = QUERY, gateway: Gateway = GATEWAY) -> dict[str, str]:
    arrival = parse(query, gateway)
    assert isinstance(arrival, Arrival), arrival
    return dict(arrival.hand_over)


def test_the_registry_knows_it() -> None:
    assert DRIVERS["cambium"] == DRIVER


def test_a_captive_device_arrives_with_the_query_as_it_was_sent() -> None:
    arrival = parse()
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == MacAddress.parse("00-00-5E-00-53-01")
    assert arrival.hand_over == {"mac": "00-00-5E-00-53-01", "server": "10.20.0.7", "query": QUERY}


def test_the_query_goes_back_octet_for_octet_and_only_the_credentials_are_posted() -> None:
    action = DRIVER.release(Pass("tabc", "a password", hand_over()), GATEWAY)
    assert action == BrowserForm(
        f"http://10.20.0.7:880/cgi-bin/hotspot_login.cgi?{QUERY}",
        {"ga_user": "tabc", "ga_pass": "a password"},
        goes_on_elsewhere=True,
    )


@pytest.mark.parametrize(
    ("gateway", "base"),
    [
        (replace(GATEWAY, options={"login_scheme": "https"}), "https://10.20.0.7:444/cgi-bin/hotspot_login.cgi"),
        (replace(GATEWAY, options={"login_scheme": "http"}), "http://10.20.0.7:880/cgi-bin/hotspot_login.cgi"),
        (
            replace(GATEWAY, network="192.0.2.1/32", options={"access_points": "10.20.0.0/16"}),
            "http://10.20.0.7:880/cgi-bin/hotspot_login.cgi",
        ),
    ],
    ids=["https", "http", "access points behind another address"],
)
def test_the_entry_says_how_and_where_access_points_take_logins(gateway: Gateway, base: str) -> None:
    action = DRIVER.release(Pass("tabc", "x", hand_over(QUERY, gateway)), gateway)
    assert isinstance(action, BrowserForm)
    assert action.url == f"{base}?{QUERY}"


def test_an_access_point_by_ipv6_has_brackets() -> None:
    gateway = replace(GATEWAY, network="2001:db8::/64")
    action = DRIVER.release(Pass("tabc", "x", hand_over(QUERY.replace("10.20.0.7", "2001:db8::7"), gateway)), gateway)
    assert isinstance(action, BrowserForm)
    assert action.url.startswith("http://[2001:db8::7]:880/")


def test_with_a_login_address_nothing_else_is_posted_to() -> None:
    query = QUERY.replace("10.20.0.7", "cnmaestro.example")
    action = DRIVER.release(Pass("tabc", "x", hand_over(query, RELAYED)), RELAYED)
    assert isinstance(action, BrowserForm)
    assert action.url == f"https://cnmaestro.example/cgi-bin/hotspot_login.cgi?{query}"
    assert parse(QUERY, RELAYED) == Refusal(RefusalReason.WRONG_TARGET)


@pytest.mark.parametrize(
    "server",
    ["10.20.1.7", "evil.example", "10.20.0.7@evil.example", "10.20.0.7:80", "10.20.0.7%2f.evil.example", "%00"],
)
def test_credentials_go_nowhere_but_to_the_gateways_network(server: str) -> None:
    redirect = Redirect.read(QUERY.replace("10.20.0.7", server))
    expected = RefusalReason.MALFORMED if isinstance(redirect, Refusal) else RefusalReason.WRONG_TARGET
    result = redirect if isinstance(redirect, Refusal) else DRIVER.parse(redirect, GATEWAY)
    assert result == Refusal(expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (QUERY.replace("ga_srvr", "x"), RefusalReason.MISSING),
        (QUERY.replace("ga_cmac", "x"), RefusalReason.MISSING),
        (QUERY.replace("00-00-5E-00-53-01", "x"), RefusalReason.MALFORMED),
        (QUERY.replace("ga_Qv", "x"), RefusalReason.MISSING),
        (f"{QUERY}&ga_user=somebody", RefusalReason.MALFORMED),
        (f"{QUERY}&ga_%70ass=x", RefusalReason.MALFORMED),
        (f'{QUERY}&x="', RefusalReason.MALFORMED),
        (f"{QUERY}&x=<", RefusalReason.MALFORMED),
        (f"{QUERY}&x=é", RefusalReason.MALFORMED),
        (f"{QUERY}&x=#", RefusalReason.MALFORMED),
    ],
)
def test_what_is_missing_misshapen_or_no_browser_sends_is_refused(query: str, expected: RefusalReason) -> None:
    assert parse(query) == Refusal(expected)


def test_a_query_with_two_values_of_one_name_is_refused() -> None:
    assert Redirect.read(f"{QUERY}&ga_Qv=x") == Refusal(RefusalReason.MALFORMED)


def test_a_gateway_of_which_neither_network_nor_address_is_known_cannot_release_anybody() -> None:
    assert parse(gateway=replace(GATEWAY, network=None)) == Refusal(RefusalReason.INCOMPLETE_GATEWAY)
    assert parse(gateway=replace(GATEWAY, options={"access_points": "no network"})) == Refusal(
        RefusalReason.WRONG_TARGET
    )


def test_an_access_point_is_told_by_its_name_and_address() -> None:
    access_point = MacAddress.parse("00-00-5E-00-53-00")
    assert DRIVER.identify(read(QUERY)) == Clue("depot", access_point)
    assert DRIVER.identify(read("ga_ap_mac=00-00-5E-00-53-00")) == Clue(None, access_point)
    assert DRIVER.identify(read("ga_ssid=x")) == Refusal(RefusalReason.MISSING)


def test_renewing_is_being_intercepted_again_and_logging_out_is_radius_matter() -> None:
    assert DRIVER.renew({}, GATEWAY) == BrowserRedirect(INTERCEPTED_URL)
    assert DRIVER.log_out({"mac": "x"}, GATEWAY) == Reauthentication(Operation.REVOKE, {"mac": "x"})


def test_the_configuration_names_this_gateway() -> None:
    site = Site(
        gateway=GATEWAY,
        portal_url="https://portal.example",
        arrival_url="https://portal.example/arrive/cambium/k",
        api_url="https://portal.example/api",
        radius_host="192.0.2.9",
        authentication_port=1812,
        accounting_port=1813,
        walled_garden=("www.nhs.uk",),
    )
    everything = "\n".join(snippet.text for snippet in DRIVER.configuration(site).snippets)
    assert " guest-access external-page-url https://portal.example/arrive/cambium/k\n" in everything
    assert " guest-access whitelist 1 portal.example\n guest-access whitelist 2 www.nhs.uk" in everything
    assert " radius-server authentication host 1 192.0.2.9\n" in everything


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    credentials = Pass("tabc", "a password", hand_over())
    shown = repr([GATEWAY, parse(), credentials, DRIVER.release(credentials, GATEWAY)])
    for private in ("a password", "00-00-5E", QV):
        assert private not in shown
