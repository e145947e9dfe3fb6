from __future__ import annotations

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
from captive_portal.gateways.omada import Omada, OmadaOpenApi
from foundation.mac_address import MacAddress

DRIVER = Omada()
SITE = "69bca1d3470cf665361476f0"
OPTIONS = {"controller_id": "9ba1", "user_name": "portal", "client_id": "an application"}
GATEWAY = Gateway(1, 1, None, "", "https://192.0.2.9:8043", b"a password", nas_identifier=SITE, options=OPTIONS)
DEVICE = {"clientMac": "02-00-00-00-00-01", "t": "1700000000000000", "site": SITE, "redirectUrl": "http://example.org"}
WIRELESS = DEVICE | {"apMac": "00-00-5E-00-53-00", "ssidName": "Library WiFi", "radioId": "1"}
WIRED = DEVICE | {"gatewayMac": "00-00-5E-00-53-02", "vid": "20"}


def read(parameters: dict[str, str], **changed: str | None) -> Redirect:
    given = {name: value for name, value in {**parameters, **changed}.items() if value is not None}
    redirect = Redirect.read(urlencode(given))
    assert isinstance(redirect, Redirect)
    return redirect


def reason(result: object) -> RefusalReason:
    assert isinstance(result, Refusal)
    return result.reason


def test_both_interfaces_are_registered() -> None:
    assert DRIVERS["omada"] == Omada()
    assert DRIVERS["omada-open-api"] == OmadaOpenApi()


def test_a_redirect_tells_site_and_access_point_or_gateway() -> None:
    assert DRIVER.identify(read(WIRELESS)) == Clue(SITE, MacAddress.parse("00-00-5E-00-53-00"))
    assert DRIVER.identify(read(WIRED)) == Clue(SITE, MacAddress.parse("00-00-5E-00-53-02"))


def test_a_wireless_device_arrives_with_where_it_is_in_the_controllers_own_words() -> None:
    arrival = DRIVER.parse(read(WIRELESS), GATEWAY)
    assert isinstance(arrival, Arrival)
    assert arrival.device == MacAddress.parse("02-00-00-00-00-01")
    assert arrival.hand_over == {
        "mac": "02-00-00-00-00-01",
        "ssid": "Library WiFi",
        "apMac": "00-00-5E-00-53-00",
        "ssidName": "Library WiFi",
        "radioId": "1",
        "site": SITE,
    }


def test_a_wired_device_arrives_from_the_gateway() -> None:
    arrival = DRIVER.parse(read(WIRED), GATEWAY)
    assert isinstance(arrival, Arrival)
    assert arrival.hand_over == {
        "mac": "02-00-00-00-00-01",
        "gatewayMac": "00-00-5E-00-53-02",
        "vid": "20",
        "site": SITE,
    }


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"clientMac": None}, RefusalReason.MISSING),
        ({"clientMac": "nobody"}, RefusalReason.MALFORMED),
        ({"apMac": None}, RefusalReason.MISSING),
        ({"apMac": "roof"}, RefusalReason.MALFORMED),
        ({"radioId": "-1"}, RefusalReason.MALFORMED),
        ({"radioId": "²"}, RefusalReason.MALFORMED),
        ({"ssidName": "x" * 65}, RefusalReason.MALFORMED),
        ({"site": "another"}, RefusalReason.UNKNOWN_GATEWAY),
        ({"site": None}, RefusalReason.UNKNOWN_GATEWAY),
    ],
    ids=["no device", "no address", "nowhere", "no access point", "less", "no digit", "long", "elsewhere", "no site"],
)
def test_a_redirect_that_is_wrong_is_not_believed(changed: dict[str, str | None], why: RefusalReason) -> None:
    assert reason(DRIVER.parse(read(WIRELESS, **changed), GATEWAY)) is why


@pytest.mark.parametrize(
    "gateway",
    [replace(GATEWAY, login_url=None), replace(GATEWAY, portal_secret=None), replace(GATEWAY, options={})],
    ids=["address", "secret", "controller's identifier"],
)
def test_a_gateway_that_was_not_entered_wholly_lets_nobody_on(gateway: Gateway) -> None:
    assert reason(DRIVER.parse(read(WIRELESS), gateway)) is RefusalReason.INCOMPLETE_GATEWAY


def test_a_gateway_without_a_site_takes_what_its_own_address_brings() -> None:
    assert isinstance(DRIVER.parse(read(WIRELESS, site="any"), replace(GATEWAY, nas_identifier=None)), Arrival)


@pytest.mark.parametrize("driver", [Omada(), OmadaOpenApi()], ids=["operator", "open api"])
def test_the_controller_is_told_without_the_one_time_password(driver: Omada | OmadaOpenApi) -> None:
    assert driver.release(Pass("n", "p", {"mac": "m"}), GATEWAY) == ServerCall(Operation.GRANT, {"mac": "m"})
    assert isinstance(driver.renew({}, GATEWAY), BrowserRedirect)


def test_only_the_open_api_takes_devices_off() -> None:
    assert not Omada().capabilities.can_log_out
    assert OmadaOpenApi().capabilities.can_log_out
    assert OmadaOpenApi().log_out({"mac": "m"}, GATEWAY) == ServerCall(Operation.REVOKE, {"mac": "m"})


@pytest.mark.parametrize("driver", [Omada(), OmadaOpenApi()], ids=["operator", "open api"])
def test_the_configuration_names_the_arrival_address_and_no_secret(driver: Omada | OmadaOpenApi) -> None:
    arrival_url = "https://wifi.example/arrive/omada/k"
    made = driver.configuration(Site(GATEWAY, "https://wifi.example", arrival_url, "", "", 1812, 1813, ("nhs.uk",)))
    assert f"Custom portal server: {arrival_url}" in made.snippets[0].text
    assert "  nhs.uk" in made.snippets[0].text
    assert "a password" not in repr(made)


def test_every_parameter_has_a_meaning() -> None:
    assert (WIRELESS | WIRED).keys() == DRIVER.meanings.keys()


def test_nothing_personal_or_secret_shows_when_something_is_printed() -> None:
    text = repr([DRIVER.parse(read(WIRELESS), GATEWAY), GATEWAY, read(WIRELESS)])
    for word in ("a password", "02-00-00"):
        assert word not in text
