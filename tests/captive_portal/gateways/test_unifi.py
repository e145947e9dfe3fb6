from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    AccessLimits,
    Arrival,
    BrowserRedirect,
    Clue,
    Operation,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
    ServerCall,
)
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.unifi import UniFi
from captive_portal.gateways.unifi_api import _classic_limits, _integration_limits
from foundation.mac_address import MacAddress

DRIVER = UniFi()
GATEWAY = Gateway(1, 1, None, "", "https://192.0.2.9:8443", b"a password", name="Schools", nas_identifier="x7k2")
PARAMETERS = {
    "ap": "00:00:5e:00:53:00",
    "id": "02:00:00:00:00:01",
    "t": "1700000000",
    "url": "http://example.org/",
    "ssid": "Library WiFi",
    "site": "x7k2",
}


def read(**changed: str | None) -> Redirect:
    given = {name: value for name, value in {**PARAMETERS, **changed}.items() if value is not None}
    redirect = Redirect.read(urlencode(given))
    assert isinstance(redirect, Redirect)
    return redirect


def reason(result: object) -> RefusalReason:
    assert isinstance(result, Refusal)
    return result.reason


def test_it_is_registered() -> None:
    assert DRIVERS["unifi"] == DRIVER


def test_a_redirect_tells_site_and_access_point() -> None:
    assert DRIVER.identify(read()) == Clue("x7k2", MacAddress.parse("00-00-5E-00-53-00"))
    assert DRIVER.identify(read(ap=None)) == Clue("x7k2", None)
    assert DRIVER.identify(read(site=None)) == Clue(None, MacAddress.parse("00-00-5E-00-53-00"))


def test_a_redirect_that_tells_neither_is_nobodys() -> None:
    assert reason(DRIVER.identify(read(site=None, ap=None))) is RefusalReason.MISSING
    assert reason(DRIVER.identify(read(site="s" * 254))) is RefusalReason.MALFORMED


def test_a_device_arrives_with_what_the_controller_must_know() -> None:
    arrival = DRIVER.parse(read(), GATEWAY)
    assert isinstance(arrival, Arrival)
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == MacAddress.parse("02-00-00-00-00-01")
    assert arrival.hand_over == {"mac": "02-00-00-00-00-01", "ap": "00-00-5E-00-53-00", "ssid": "Library WiFi"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"id": None}, RefusalReason.MISSING),
        ({"id": "nobody"}, RefusalReason.MALFORMED),
        ({"id": "02:00:00:00:00:01' or 1"}, RefusalReason.MALFORMED),
        ({"ap": "roof"}, RefusalReason.MALFORMED),
        ({"site": "default"}, RefusalReason.UNKNOWN_GATEWAY),
    ],
    ids=["no device", "no address", "more than an address", "no access point", "another site"],
)
def test_a_redirect_that_is_wrong_is_not_believed(changed: dict[str, str | None], why: RefusalReason) -> None:
    assert reason(DRIVER.parse(read(**changed), GATEWAY)) is why


@pytest.mark.parametrize("query", ["id=1&id=2", "id=%0d%0aSet-Cookie:x", "id=%ff"], ids=["twice", "line end", "octets"])
def test_a_query_that_no_browser_sends_is_not_read(query: str) -> None:
    assert reason(Redirect.read(query)) is RefusalReason.MALFORMED


@pytest.mark.parametrize("missing", [{"login_url": None}, {"portal_secret": None}], ids=["address", "secret"])
def test_a_gateway_that_was_not_entered_wholly_lets_nobody_on(missing: dict[str, None]) -> None:
    gateway = replace(GATEWAY, **missing)  # type: ignore[arg-type]  # of two fields
    assert reason(DRIVER.parse(read(), gateway)) is RefusalReason.INCOMPLETE_GATEWAY


def test_the_first_site_is_called_default() -> None:
    nameless = replace(GATEWAY, nas_identifier=None)
    assert isinstance(DRIVER.parse(read(site="default"), nameless), Arrival)
    assert reason(DRIVER.parse(read(site="other"), nameless)) is RefusalReason.UNKNOWN_GATEWAY


def test_the_controller_is_told_without_the_one_time_password() -> None:
    limits = AccessLimits(seconds=60)
    action = DRIVER.release(Pass("name", "password", {"mac": "02-00-00-00-00-01"}, limits=limits), GATEWAY)
    assert action == ServerCall(Operation.GRANT, {"mac": "02-00-00-00-00-01"}, limits)
    assert DRIVER.log_out({"mac": "m"}, GATEWAY) == ServerCall(Operation.REVOKE, {"mac": "m"})
    assert isinstance(DRIVER.renew({}, GATEWAY), BrowserRedirect)


def test_limits_are_in_the_controllers_units() -> None:
    limits = AccessLimits(3_601, 5_999_999, download_kilobits_per_second=2_000, upload_kilobits_per_second=500)
    assert _classic_limits(limits) == {"minutes": 61, "bytes": 5, "down": 2_000, "up": 500}
    assert _integration_limits(limits) == {
        "timeLimitMinutes": 61,
        "dataUsageLimitMBytes": 5,
        "rxRateLimitKbps": 2_000,
        "txRateLimitKbps": 500,
    }
    assert _classic_limits(AccessLimits()) == {}
    assert _classic_limits(AccessLimits(1, 1)) == {"minutes": 1, "bytes": 1}


@pytest.mark.parametrize("api", ["classic", "integration"])
def test_the_configuration_names_the_portal_and_no_secret(api: str) -> None:
    gateway = replace(GATEWAY, options={"api": api})
    site = Site(gateway, "https://wifi.example", "", "", "192.0.2.1", 1812, 1813, ("nhs.uk",))
    made = DRIVER.configuration(site)
    assert "External portal server: wifi.example" in made.snippets[0].text
    assert "  nhs.uk" in made.snippets[0].text
    assert any("https://wifi.example/guest/s/x7k2/" in note for note in made.notes)
    assert ("API key" in made.notes[1]) == (api == "integration")
    assert "a password" not in repr(made)


def test_every_parameter_has_a_meaning() -> None:
    assert PARAMETERS.keys() == DRIVER.meanings.keys()


def test_nothing_personal_or_secret_shows_when_something_is_printed() -> None:
    text = repr([DRIVER.parse(read(), GATEWAY), GATEWAY, read(), DRIVER.log_out({"mac": "02-00-00-00-00-01"}, GATEWAY)])
    for word in ("a password", "02:00", "02-00-00"):
        assert word not in text
