"""The redirect that a gateway's page offers is one that its driver believes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import pytest

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import Outcome
from captive_portal.gateways.gateway import Gateway
from captive_portal.laboratory import KnownGateway, explain
from captive_portal.laboratory.examples import example_redirect
from foundation.arrival_tokens import unseal
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring

PORTAL: Final = "https://wifi.example"
KEY: Final = "abcdefghijklmnopqrstuv"
STATION: Final = MacAddress.parse("00-00-5E-00-53-00")
LOGIN_URLS: Final = {
    "cisco": "https://virtual.example/login.html",
    "coovachilli": "http://10.1.0.1:3990",
    "fortigate": "https://192.0.2.1:1003/fgtauth",
    "meraki": None,
    "meraki-click-through": None,
    "mikrotik": "http://hotspot.example/login",
    "opennds": "http://192.168.1.1:2050",
}
KEYRING: Final = Keyring.demo()
# The others' devices come by an address that RADIUS made.
REDIRECTING: Final = [driver for driver in DRIVERS if driver != "cisco-central"]


def known(driver: str, **options: str) -> KnownGateway:
    defaults = {
        option.name: option.default or ("0123456789abcdef" * 2 if option.is_required else "")
        for option in DRIVERS[driver].options
    }
    login_url = LOGIN_URLS.get(driver, "https://gateway.example:8443")
    gateway = Gateway(
        1, 1, None, f"{PORTAL}/arrive/{driver}/{KEY}", login_url, b"a secret of thirty-two characters and more",
        name="Hall", nas_identifier="hall", network="10.1.0.0/24", arrival_key=KEY, options={**defaults, **options},
    )  # fmt: skip
    return KnownGateway(driver, gateway, frozenset({STATION}))


def outcome(one: KnownGateway) -> Outcome | None:
    url = example_redirect(one, PORTAL, KEYRING)
    explanation = explain(url, [one], PORTAL)
    assert explanation.problem is None, explanation
    assert explanation.driver == one.driver
    return explanation.outcome


@pytest.mark.parametrize("driver", REDIRECTING)
def test_it_is_believed_as_one_of_a_device_that_is_not_on_yet(driver: str) -> None:
    assert outcome(known(driver)) is Outcome.CAPTIVE


@pytest.mark.parametrize("level", ["0", "1", "2", "3", "4"])
def test_openndss_is_of_its_level(level: str) -> None:
    assert outcome(known("opennds", level=level, gateway_name="Leith Library: hall")) is Outcome.CAPTIVE


@pytest.mark.parametrize("driver", ["cambium", "omada-radius", "ruckus"])
def test_one_that_is_entered_by_its_network_names_an_address_of_it(driver: str) -> None:
    entry = known(driver)
    gateway = replace(entry.gateway, login_url=None, network="10.1.0.7/32")
    assert outcome(replace(entry, gateway=gateway)) is Outcome.CAPTIVE


def test_ciscos_central_one_is_an_address_of_the_devices_own() -> None:
    url = example_redirect(known("cisco-central"), PORTAL, KEYRING)
    token = unseal(KEYRING, urlsplit(url).path.removeprefix("/r/"), datetime.now(UTC))
    assert token is not None
    assert (token.nas_id, token.device.is_locally_administered) == (1, True)
