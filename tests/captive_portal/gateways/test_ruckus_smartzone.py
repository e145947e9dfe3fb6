from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    Arrival,
    BrowserRedirect,
    Clue,
    Operation,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
    ServerCall,
)
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.ruckus_smartzone import RuckusSmartZone
from foundation.mac_address import MacAddress

DRIVER = RuckusSmartZone()
GATEWAY = Gateway(1, 1, None, "", "https://192.0.2.9:9443", b"a password")
HIDDEN = "ENC12bc24c4777703327f2e0aabbf6b9f9e"
PARAMETERS = {
    "nbiIP": "10.20.30.40",
    "client_mac": "02:00:00:00:00:01",
    "uip": "10.1.0.23",
    "mac": "00:00:5e:00:53:00",
    "proxy": "0",
    "reason": "Un-Auth-Captive",
    "ssid": "Library WiFi",
    "wlan": "3",
    "vlan": "20",
    "url": "http://example.org/",
    "startUrl": "",
    "sip": "scg.ruckuswireless.com",
}


def read(**changed: str | None) -> Redirect:
    given = {name: value for name, value in {**PARAMETERS, **changed}.items() if value is not None}
    redirect = Redirect.read(urlencode(given))
    assert isinstance(redirect, Redirect)
    return redirect


def parse(**changed: str | None) -> Arrival:
    arrival = DRIVER.parse(read(**changed), GATEWAY)
    assert isinstance(arrival, Arrival)
    return arrival


def reason(result: object) -> RefusalReason:
    assert isinstance(result, Refusal)
    return result.reason


def test_it_is_registered() -> None:
    assert DRIVERS["ruckus-smartzone"] == DRIVER


def test_a_redirect_tells_the_access_point() -> None:
    assert DRIVER.identify(read()) == Clue(None, MacAddress.parse("00-00-5E-00-53-00"))


def test_a_device_in_clear_is_known_at_once_and_goes_back_as_it_came() -> None:
    arrival = parse()
    assert arrival.device == MacAddress.parse("02-00-00-00-00-01")
    assert arrival.hand_over == {
        "ue_mac": "02:00:00:00:00:01",
        "ue_ip": "10.1.0.23",
        "mac": "02-00-00-00-00-01",
        "ssid": "Library WiFi",
    }


def test_a_hidden_device_is_the_controllers_to_tell() -> None:
    arrival = parse(client_mac=HIDDEN, uip=HIDDEN, proxy="1")
    assert arrival.device == HIDDEN
    assert arrival.hand_over == {"ue_mac": HIDDEN, "ue_ip": HIDDEN, "proxy": "1", "ssid": "Library WiFi"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"client_mac": None}, RefusalReason.MISSING),
        ({"client_mac": "ENC"}, RefusalReason.MALFORMED),
        ({"client_mac": "ENCxyz"}, RefusalReason.MALFORMED),
        ({"client_mac": HIDDEN + "\u0661"}, RefusalReason.MALFORMED),
        ({"client_mac": "ENC" + 129 * "a"}, RefusalReason.MALFORMED),
        ({"uip": None}, RefusalReason.MISSING),
        ({"uip": "library"}, RefusalReason.MALFORMED),
    ],
    ids=["no device", "nothing hidden", "no hexadecimal", "other digits", "too long", "no address", "a name"],
)
def test_a_redirect_that_is_wrong_is_not_believed(changed: Mapping[str, str | None], why: RefusalReason) -> None:
    assert reason(DRIVER.parse(read(**changed), GATEWAY)) is why


@pytest.mark.parametrize("nbi", ["192.0.2.66", "evil.example", None], ids=["another", "a name", "none"])
def test_where_the_redirect_says_that_the_controller_is_makes_no_difference(nbi: str | None) -> None:
    assert parse(nbiIP=nbi) == parse()


def test_a_gateway_that_was_not_entered_wholly_lets_nobody_on() -> None:
    for gateway in (replace(GATEWAY, login_url=None), replace(GATEWAY, portal_secret=None)):
        assert reason(DRIVER.parse(read(), gateway)) is RefusalReason.INCOMPLETE_GATEWAY


def test_the_controller_is_given_the_one_time_name_and_password_for_radius() -> None:
    action = DRIVER.release(Pass("name", "password", {"ue_mac": HIDDEN, "ue_ip": HIDDEN}), GATEWAY)
    assert isinstance(action, ServerCall)
    assert action.operation is Operation.GRANT
    assert action.hand_over == {"ue_mac": HIDDEN, "ue_ip": HIDDEN, "user_name": "name", "password": "password"}
    assert DRIVER.capabilities.sends_accounting
    assert isinstance(DRIVER.renew({}, GATEWAY), BrowserRedirect)


def test_the_configuration_names_what_to_enter_and_no_secret() -> None:
    arrival_url = "https://wifi.example/arrive/ruckus-smartzone/k"
    site = Site(GATEWAY, "https://wifi.example", arrival_url, "", "192.0.2.1", 1812, 1813, ("nhs.uk",))
    made = DRIVER.configuration(site)
    assert f"external, {arrival_url}" in made.snippets[0].text
    assert "192.0.2.1, port 1812" in made.snippets[0].text
    assert "    nhs.uk" in made.snippets[0].text
    assert "a password" not in repr(made)


def test_every_parameter_has_a_meaning() -> None:
    assert PARAMETERS.keys() == DRIVER.meanings.keys()


def test_nothing_personal_or_secret_shows_when_something_is_printed() -> None:
    action = DRIVER.release(Pass("name", "password", {"ue_mac": HIDDEN, "ue_ip": HIDDEN}), GATEWAY)
    text = repr([DRIVER.parse(read(client_mac=HIDDEN), GATEWAY), GATEWAY, read(), action])
    for word in ("a password", "password'", "02:00", HIDDEN):
        assert word not in text
