"""Ruckus ZoneDirector and Unleashed as a hotspot (WISPr) with a login page elsewhere.

From the vendor's application note on WISPr in the ZoneDirector and PacketFence's Ruckus module. The controller
redirects browsers to the portal and takes credentials on a port of its own (9997, or 9998 by HTTPS), by a form; then
it asks RADIUS by PAP. SmartZone and RUCKUS One have a like redirect, but the portal calls them: ruckus-smartzone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Action,
    Arrival,
    BrowserForm,
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
from captive_portal.gateways.parameters import check_target, read_clue, read_device, read_ip, target_base
from foundation.mac_address import MacAddress

_LOGIN_PORT: Final = 9997
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=None,
    garden=GardenSyntax(NameForm.WILDCARD, most=35),
)
_MEANINGS: Final = {
    "sip": "The controller's IP address, where the browser is to log in.",
    "dn": "The controller's name, from its certificate.",
    "mac": "The access point's address.",
    "lid": "The location's identifier, as in WISPr-Location-ID.",
    "loc": "The location's name.",
    "uip": "The device's IP address, which the login form repeats.",
    "client_mac": "The device's address. One that begins with ENC comes from SmartZone, which is another driver.",
    "ssid": "The network's name.",
    "vlan": "The device's VLAN.",
    "url": "What the device wanted; nobody here reads it.",
    "uid": "On the way to the start page, after a login: the user name.",
}


@dataclass(frozen=True, slots=True)
class Ruckus:
    """The driver; see the protocol in base.py."""

    name: str = "ruckus"
    title: str = "Ruckus ZoneDirector and Unleashed"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``mac`` is the access point's address."""
        return read_clue(redirect, access_point=("mac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check the controller that wants the credentials, the device, and its IP address."""
        parameters = redirect.parameters
        wrong = check_target(gateway, parameters.get("sip"), parameters.get("dn"))
        if wrong is not None:
            return Refusal(wrong)
        hand_over = read_device(redirect, mac=("client_mac",), network=("ssid",))
        if isinstance(hand_over, Refusal):
            return hand_over
        address = read_ip(redirect, "uip")
        if isinstance(address, Refusal):
            return address
        hand_over["ip"] = address
        hand_over["login_url"] = target_base(gateway, parameters.get("sip", ""), _LOGIN_PORT)
        return Arrival(Outcome.CAPTIVE, MacAddress.parse(hand_over["mac"]), hand_over)

    def release(self, credentials: Pass, _gateway: Gateway) -> Action:
        """The login form of the application note; ``ip`` lets devices on that the controller sees through a router."""
        fields = {
            "ip": credentials.hand_over["ip"],
            "username": credentials.user_name,
            "password": credentials.password,
        }
        return BrowserForm(f"{credentials.hand_over['login_url']}/login", fields)

    def named(self, redirect: Redirect) -> str | None:
        """``uid``, on the way to the start page."""
        return None if "client_mac" in redirect.parameters else redirect.parameters.get("uid")

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Any address by plain HTTP is redirected to the portal while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """The controller knows the device by where the request comes from; the browser stays there."""
        return BrowserRedirect(f"{hand_over['login_url']}/logout")

    def configuration(self, site: Site) -> Configuration:
        """What to enter on the console's pages; the hotspot service has no commands in common."""
        host = urlsplit(site.portal_url).hostname or ""
        servers = "\n".join(
            (
                "Name                       CityWiFi",
                "Type                       RADIUS, and another one of type RADIUS Accounting",
                "Auth method                PAP",
                f"IP address                 {site.radius_host}",
                f"Ports                      {site.authentication_port}, and {site.accounting_port} for accounting",
                "Shared secret              SECRET",
            )
        )
        hotspot = "\n".join(
            (
                "Name                       CityWiFi",
                f"Login page                 {site.arrival_url}",
                f"Start page                 redirect to the following URL: {site.arrival_url}",
                "Authentication server      CityWiFi",
                "Accounting server          CityWiFi, interim update every 10 minutes",
                "Walled garden              " + ", ".join((host, *site.walled_garden)),
            )
        )
        return Configuration(
            snippets=(
                Snippet(
                    "RADIUS", "Configure, AAA Servers (Unleashed: Admin & Services, Services, AAA Servers)", servers
                ),
                Snippet("Hotspot", "Configure, Hotspot Services (Unleashed: Services, Hotspot Services)", hotspot),
                Snippet("WLAN", "Configure, WLANs", "Type                       Hotspot Service (WISPr): CityWiFi"),
            ),
            notes=(
                "A login address such as http://10.1.0.1:9997 or https://zd.example.org:9998 names the port. By HTTPS"
                " the controller needs a certificate that phones trust.",
                "Without a login address, credentials go to whichever controller of the gateway's network asks.",
            ),
        )
