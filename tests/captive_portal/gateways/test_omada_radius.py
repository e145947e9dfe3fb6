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
from captive_portal.gateways.omada_radius import OmadaRadius
from foundation.mac_address import MacAddress
from tests.captive_portal.gateways.redirects import believed, changed, read, reason

DRIVER = OmadaRadius()
ADDRESS = "https://wifi.example/arrive/omada-radius"
CONTROLLER = Gateway(1, 1, None, ADDRESS, "https://omada.example.org:8843", network="192.0.2.8/32")
STANDALONE = Gateway(1, 1, None, ADDRESS, None, network="10.1.0.0/24", options={"login_path": "/portal/auth"})
DEVICE = MacAddress.parse("00-00-5E-00-53-01")
RETURN = "https://wifi.example/j/ID/waiting"
OF_CONTROLLER = {
    "target": "192.0.2.8",
    "targetPort": "8843",
    "scheme": "https",
    "clientMac": "00-00-5E-00-53-01",
    "clientIp": "10.1.0.23",
    "apMac": "00-00-5E-00-53-00",
    "ssidName": "CityWiFi",
    "radioId": "1",
    "raidusServerIp": "192.0.2.10",
    "originUrl": "http://example.org/",
}
OF_ACCESS_POINT = {
    "target": "10.1.0.7",
    "clientMac": "00-00-5E-00-53-01",
    "clientIP": "10.1.0.23",
    "raidusServerIp": "192.0.2.10",
    "ap": "00-00-5E-00-53-00",
    "ssid": "CityWiFi",
    "radioId": "0",
    "redirectUrl": "http://example.org/",
}


def posted(parameters: dict[str, str], gateway: Gateway) -> BrowserForm:
    """The form that a redirect leads to."""
    hand_over = believed(DRIVER.parse(read(changed(parameters)), gateway)).hand_over
    form = DRIVER.release(Pass("tabc", "a password", hand_over, RETURN), gateway)
    assert isinstance(form, BrowserForm)
    return form


def test_the_registry_finds_the_driver() -> None:
    assert DRIVERS["omada-radius"] == DRIVER


def test_a_controllers_redirect_is_believed() -> None:
    arrival = believed(DRIVER.parse(read(changed(OF_CONTROLLER)), CONTROLLER))
    assert arrival.outcome is Outcome.CAPTIVE
    assert arrival.device == DEVICE
    assert {"mac": str(DEVICE), "ip": "10.1.0.23", "ssid": "CityWiFi"}.items() <= arrival.hand_over.items()


def test_the_form_repeats_what_came_as_it_came_and_names_the_way_back() -> None:
    form = posted(OF_CONTROLLER, CONTROLLER)
    assert form.url == "https://omada.example.org:8843/portal/radius/browserauth"
    assert form.fields == {
        "clientMac": "00-00-5E-00-53-01",
        "clientIp": "10.1.0.23",
        "apMac": "00-00-5E-00-53-00",
        "ssidName": "CityWiFi",
        "radioId": "1",
        "raidusServerIp": "192.0.2.10",
        "authType": "2",
        "username": "tabc",
        "password": "a password",
        "originUrl": RETURN,
        "redirectUrl": RETURN,
    }


def test_a_device_on_a_gateways_wire_has_no_access_point() -> None:
    wired = {name: value for name, value in OF_CONTROLLER.items() if name not in ("apMac", "ssidName", "radioId")}
    wired |= {"gatewayMac": "00-00-5E-00-53-00", "vid": "20"}
    assert DRIVER.identify(read(changed(wired))) == Clue(None, MacAddress.parse("00-00-5E-00-53-00"))
    fields = posted(wired, CONTROLLER).fields
    assert (fields["gatewayMac"], fields["vid"]) == ("00-00-5E-00-53-00", "20")


def test_an_access_point_without_controller_takes_credentials_at_its_own_address() -> None:
    form = posted(OF_ACCESS_POINT, STANDALONE)
    assert form.url == "http://10.1.0.7:80/portal/auth"
    assert form.fields["clientIP"] == "10.1.0.23"
    assert posted(OF_ACCESS_POINT | {"targetPort": "22080"}, STANDALONE).url == "http://10.1.0.7:22080/portal/auth"


def test_older_controllers_take_it_at_another_path() -> None:
    gateway = replace(CONTROLLER, options={"login_path": "/portal/radius/auth"})
    assert posted(OF_CONTROLLER, gateway).url == "https://omada.example.org:8843/portal/radius/auth"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("target", "192.0.2.66", RefusalReason.WRONG_TARGET),
        ("target", "evil.example", RefusalReason.WRONG_TARGET),
        ("target", "omada.example.org.evil.example", RefusalReason.WRONG_TARGET),
        ("target", "https://evil.example/", RefusalReason.WRONG_TARGET),
        ("target", None, RefusalReason.MISSING),
        ("targetPort", "80@evil.example", RefusalReason.MALFORMED),
        ("targetPort", "99999", RefusalReason.MALFORMED),
        ("targetPort", "٤٤٣", RefusalReason.MALFORMED),
        ("clientMac", None, RefusalReason.MISSING),
        ("clientMac", "00-00-5E-00-53-01<", RefusalReason.MALFORMED),
    ],
)
@pytest.mark.parametrize("gateway", [CONTROLLER, STANDALONE], ids=["controller", "access point"])
def test_a_hostile_redirect_is_refused(gateway: Gateway, name: str, value: str | None, expected: RefusalReason) -> None:
    own = OF_CONTROLLER if gateway is CONTROLLER else OF_ACCESS_POINT
    assert reason(DRIVER.parse(read(changed(own, **{name: value})), gateway)) is expected


def test_the_scheme_of_a_redirect_changes_nothing() -> None:
    assert posted(OF_CONTROLLER | {"scheme": "http"}, CONTROLLER).url.startswith("https://omada.example.org:8843/")


def test_what_is_said_twice_is_refused() -> None:
    assert Redirect.read(f"{changed(OF_CONTROLLER)}&target=evil.example") == Refusal(RefusalReason.MALFORMED)


def test_parameters_that_nobody_knows_are_not_repeated() -> None:
    assert "password2" not in posted(OF_CONTROLLER | {"password2": "x"}, CONTROLLER).fields


def test_a_redirect_cannot_put_words_into_the_form_that_are_ours() -> None:
    fields = posted(OF_CONTROLLER | {"username": "somebody", "password": "else", "authType": "0"}, CONTROLLER).fields
    assert (fields["username"], fields["password"], fields["authType"]) == ("tabc", "a password", "2")


def test_there_is_no_log_out_and_a_fresh_redirect_comes_by_itself() -> None:
    assert not DRIVER.capabilities.can_log_out
    assert DRIVER.renew({}, CONTROLLER) == BrowserRedirect(INTERCEPTED_URL)


def test_what_an_engineer_enters_names_the_arrival_address_and_the_walled_garden() -> None:
    arrival = f"{ADDRESS}/KEY"
    site = Site(CONTROLLER, "https://wifi.example", arrival, "", "radius.example", 1812, 1813, ("www.nhs.uk",))
    profile, portal, garden = DRIVER.configuration(site).snippets
    assert "radius.example, port 1812" in profile.text
    assert arrival in portal.text
    assert garden.text.splitlines() == ["wifi.example", "www.nhs.uk"]


def test_secrets_and_addresses_do_not_show_in_a_traceback() -> None:
    arrival = believed(DRIVER.parse(read(changed(OF_CONTROLLER)), CONTROLLER))
    credentials = Pass("tabc", "a password", arrival.hand_over, RETURN)
    shown = repr([arrival, credentials, DRIVER.release(credentials, CONTROLLER)])
    for private in ("a password", "00-00-5E", "10.1.0.23", "/j/ID"):
        assert private not in shown
