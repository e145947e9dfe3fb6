"""Cisco Meraki's click-through splash page (EXCAP), as developer.cisco.com describes it.

The browser follows ``base_grant_url``, and Meraki's cloud lets the device on: there is no RADIUS and no secret, and
anyone who is captive can open that address by themselves. What the portal asks of residents before is therefore
advisory here. No accounting comes either; all that the portal learns is that the browser came back by the
``continue_url`` that it was sent away with, which counts as a session of source ``browser``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Action,
    Arrival,
    BrowserRedirect,
    Capabilities,
    Clue,
    Outcome,
    Pass,
    Redirect,
    Refusal,
)
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.meraki import access_lines, read_hand_over
from captive_portal.gateways.parameters import read_clue
from foundation.mac_address import MacAddress

_CAPABILITIES: Final = Capabilities(
    sends_accounting=False,
    hand_over_lifetime_seconds=600,
    can_log_out=False,
    garden=GardenSyntax(NameForm.WILDCARD, own=2),
)
_MEANINGS: Final = {
    "base_grant_url": "Where the browser is to go to be let on; always under network-auth.com.",
    "user_continue_url": "What the device wanted; nobody here reads it.",
    "node_id": "The access point's number in Meraki's cloud.",
    "node_mac": "The access point's address.",
    "gateway_id": "The number of the access point that is its way to the internet.",
    "client_mac": "The device's address.",
    "client_ip": "The device's IP address.",
}


@dataclass(frozen=True, slots=True)
class MerakiClickThrough:
    """The driver; see the protocol in base.py."""

    name: str = "meraki-click-through"
    title: str = "Cisco Meraki, click-through"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``node_mac`` is the access point's address."""
        return read_clue(redirect, access_point=("node_mac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check where the grant is, and the device."""
        target = redirect.parameters.get("base_grant_url", "")
        hand_over = read_hand_over(redirect, gateway, target)
        if isinstance(hand_over, Refusal):
            return hand_over
        return Arrival(
            outcome=Outcome.CAPTIVE,
            device=MacAddress.parse(hand_over["mac"]),
            hand_over={**hand_over, "base_grant_url": target},
        )

    def release(self, credentials: Pass, _gateway: Gateway) -> Action:
        """To the grant of the redirect, and from there back to the portal."""
        query = {"continue_url": credentials.return_url}
        if credentials.limits.seconds is not None:
            query["duration"] = str(credentials.limits.seconds)
        target = credentials.hand_over["base_grant_url"]
        return BrowserRedirect(f"{target}{'&' if '?' in target else '?'}{urlencode(query)}")

    def returned(self, _redirect: Redirect, _gateway: Gateway) -> Mapping[str, str] | Refusal:
        """Coming back says it all."""
        return {}

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Any address by plain HTTP is redirected to the portal while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Meraki has no such thing here: the session ends by its time."""
        return BrowserRedirect(INTERCEPTED_URL)

    def configuration(self, site: Site) -> Configuration:
        """What to enter in the dashboard."""
        access = "\n".join(("Splash page               Click-through", *access_lines(site)))
        splash = "\n".join(
            (
                f"Custom splash URL         {site.arrival_url}",
                "Where should users go     The URL they were trying to fetch",
                "Splash frequency          as long as a session is to be",
            )
        )
        return Configuration(
            snippets=(
                Snippet("Access control", "Wireless, Access control, the SSID", access),
                Snippet("Splash page", "Wireless, Splash page, the SSID", splash),
            ),
            notes=(
                "Residents can get on without the portal: the address that lets them on is in the redirect itself.",
                "Without 'The URL they were trying to fetch' nobody comes back to the portal, which then takes nobody"
                " for online.",
            ),
        )
