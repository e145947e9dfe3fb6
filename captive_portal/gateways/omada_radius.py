"""TP-Link Omada with RADIUS and an external web portal: controllers, and access points without one.

From TP-Link's pages on the API for a RADIUS server with an external web portal (support.omadanetworks.com 13025 for
controllers from 5.3.1 on, 12995 and its predecessor for older ones and for single access points). The browser posts
user name and password to the controller or access point with what the redirect brought; that asks RADIUS. Its answer
to a reject is a text that no resident understands, and the browser stays there: the portal hears of it by waiting.
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
    RefusalReason,
)
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.parameters import check_target, read_clue, read_device, target_base
from foundation.mac_address import MacAddress

_CAPABILITIES: Final = Capabilities(sends_accounting=True, hand_over_lifetime_seconds=None, can_log_out=False)
_BROWSER_PATH: Final = "/portal/radius/browserauth"
_STANDALONE_PORT: Final = "80"
# authType of a RADIUS server outside.
_EXTERNAL_RADIUS: Final = "2"
_OPTIONS: Final = (
    Option(
        "login_path",
        "Where the browser posts: /portal/radius/browserauth (controllers from 5.3.1 on), /portal/radius/auth (before)"
        " or /portal/auth (an access point without controller).",
        default=_BROWSER_PATH,
        choices=(_BROWSER_PATH, "/portal/radius/auth", "/portal/auth"),
    ),
)
# The same under other names: vendor's pages, and versions, do not agree.
_ACCESS_POINT: Final = ("apMac", "ap", "gatewayMac", "GatewayMac")
# What the form repeats is kept under its name behind this.
_REPEAT: Final = "form "
_REPEATED: Final = (
    "clientMac",
    "clientIp",
    "clientIP",
    *_ACCESS_POINT,
    "ssidName",
    "ssid",
    "radioId",
    "vid",
    "site",
    "raidusServerIp",
    "radiusServerIp",
)
_MEANINGS: Final = {
    "target": "The controller or access point that takes the credentials.",
    "targetPort": "The port of that.",
    "scheme": "http or https, for that.",
    "clientMac": "The device's address.",
    "clientIp": "The device's IP address; some versions write clientIP.",
    "apMac": "The access point's address; old versions call it ap.",
    "gatewayMac": "The gateway's address, where the device is on its wire.",
    "ssidName": "The network's name; old versions call it ssid.",
    "radioId": "0 is 2.4 GHz, 1 is 5 GHz.",
    "vid": "The VLAN, where the device is on a gateway's wire.",
    "site": "The site's name in the controller.",
    "raidusServerIp": "The RADIUS server's address, in the vendor's spelling.",
    "originUrl": "What the device wanted; nobody here reads it. Old versions call it redirectUrl.",
    "redirectUrl": "As originUrl.",
    "ap": "As apMac.",
    "ssid": "As ssidName.",
    "clientIP": "As clientIp.",
    "GatewayMac": "As gatewayMac.",
}


@dataclass(frozen=True, slots=True)
class OmadaRadius:
    """The driver; see the protocol in base.py."""

    name: str = "omada-radius"
    title: str = "TP-Link Omada, RADIUS"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = _OPTIONS
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """By the address of the access point, or of the gateway."""
        return read_clue(redirect, access_point=_ACCESS_POINT)

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check who wants the credentials, its port, and the device."""
        parameters = redirect.parameters
        wrong = check_target(gateway, parameters.get("target")) or _check_port(redirect)
        if wrong is not None:
            return Refusal(wrong)
        hand_over = read_device(redirect, mac=("clientMac",), ip=("clientIp", "clientIP"), network=("ssidName", "ssid"))
        if isinstance(hand_over, Refusal):
            return hand_over
        hand_over |= {f"{_REPEAT}{name}": parameters[name] for name in _REPEATED if parameters.get(name)}
        port = int(parameters.get("targetPort") or _STANDALONE_PORT)
        hand_over["login_url"] = target_base(gateway, parameters["target"], port)
        return Arrival(Outcome.CAPTIVE, MacAddress.parse(hand_over["mac"]), hand_over)

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """What came with the redirect, as it came, with the credentials and the way back."""
        hand_over = credentials.hand_over
        fields = {
            **{name: value for name in _REPEATED if (value := hand_over.get(f"{_REPEAT}{name}"))},
            "authType": _EXTERNAL_RADIUS,
            "username": credentials.user_name,
            "password": credentials.password,
            "originUrl": credentials.return_url,
            "redirectUrl": credentials.return_url,
        }
        return BrowserForm(f"{hand_over['login_url']}{gateway.options.get('login_path') or _BROWSER_PATH}", fields)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Any address by plain HTTP is redirected to the portal while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """The vendor describes none: the session ends by its time, or in the controller."""
        return BrowserRedirect(INTERCEPTED_URL)

    def configuration(self, site: Site) -> Configuration:
        """What to enter on the controller's pages."""
        profile = "\n".join(
            (
                "Name                        CityWiFi",
                f"Authentication server       {site.radius_host}, port {site.authentication_port}, password SECRET",
                f"Accounting server           {site.radius_host}, port {site.accounting_port}, password SECRET",
                "Interim update              enabled, 600 seconds",
            )
        )
        portal = "\n".join(
            (
                "Authentication type         RADIUS Server",
                "RADIUS profile              CityWiFi",
                f"NAS ID                      {site.gateway.nas_identifier or site.gateway.name}",
                "Authentication mode         PAP",
                "Portal customization        External Web Portal",
                f"External web portal URL     {site.arrival_url}",
                "HTTPS redirection           off",
            )
        )
        allowed = "\n".join((urlsplit(site.portal_url).hostname or "", *site.walled_garden))
        return Configuration(
            snippets=(
                Snippet("RADIUS profile", "Settings, Profiles, RADIUS Profile", profile),
                Snippet("Portal", "Settings, Authentication, Portal", portal),
                Snippet(
                    "Walled garden", "Settings, Authentication, Portal, Access Control, Pre-Authentication", allowed
                ),
            ),
            notes=(
                "The browser posts to the controller (8843 by HTTPS, 8088 by HTTP). Put a certificate that phones trust"
                " into it and enter its name as login address: Android refuses to post to the one that it comes with.",
                "Access points without controller take credentials themselves: leave out the login address and set"
                " login_path to /portal/auth.",
            ),
        )


def _check_port(redirect: Redirect) -> RefusalReason | None:
    """Whether ``targetPort`` is a port, where it came."""
    port = redirect.parameters.get("targetPort") or _STANDALONE_PORT
    is_port = port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536
    return None if is_port else RefusalReason.MALFORMED
