"""UniFi Network (Ubiquiti) with an external portal server.

From Ubiquiti's help pages, PacketFence's UniFi module and the Integration API's reference. An access point redirects
browsers to ``http://PORTAL/guest/s/SITE/``, a path that cannot be changed; the portal then tells the controller to let
the device on. No RADIUS is asked and no accounting comes: the portal keeps the session, and asks who is on.

A redirect proves nothing, and names the site and the access point only; the controller's answer is what counts.
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
    BrowserRedirect,
    Capabilities,
    Clue,
    Operation,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
    ServerCall,
    Usage,
)
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.controller import CERTIFICATE_OPTION, Controller
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.parameters import LONGEST_NAS_IDENTIFIER, read_device, read_mac
from captive_portal.gateways.unifi_api import CLASSIC, INTEGRATION, UNIFI_OS, ClassicApi, IntegrationApi
from foundation.mac_address import MacAddress

DEFAULT_SITE: Final = "default"
_CAPABILITIES: Final = Capabilities(sends_accounting=False, hand_over_lifetime_seconds=None)
_OPTIONS: Final = (
    Option(
        "api",
        "Which of the controller's interfaces: classic (a self-hosted Network application), unifi-os (a console, by "
        "the same commands), or integration (an API key; Network 9.1.105 or later).",
        default=CLASSIC,
        choices=(CLASSIC, UNIFI_OS, INTEGRATION),
    ),
    Option("user_name", "Of the classic and unifi-os interfaces: a local administrator; the secret is the password."),
    CERTIFICATE_OPTION,
)
_MEANINGS: Final = {
    "site": "The controller's site, from the path /guest/s/SITE/; it must be the gateway's NAS-Identifier.",
    "ap": "The access point's address.",
    "id": "The device's address.",
    "t": "When it was redirected, in seconds since 1970.",
    "ssid": "The network's name.",
    "url": "What the device wanted; nobody here reads it.",
}


@dataclass(frozen=True, slots=True)
class UniFi:
    """The driver; see the protocols in base.py."""

    name: str = "unifi"
    title: str = "UniFi Network"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = _OPTIONS
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``site`` is the name that the gateway has here, ``ap`` the access point's address."""
        site = redirect.parameters.get("site") or None
        if site is not None and len(site) > LONGEST_NAS_IDENTIFIER:
            return Refusal(RefusalReason.MALFORMED)
        access_point = read_mac(redirect, "ap")
        if isinstance(access_point, MacAddress):
            return Clue(site, access_point)
        if site is not None or redirect.arrival_key is not None:
            return Clue(site, None)
        return access_point

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check the site, the device and the access point."""
        if gateway.login_url is None or gateway.portal_secret is None:
            return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
        site = redirect.parameters.get("site")
        if site is not None and site != site_of(gateway):
            return Refusal(RefusalReason.UNKNOWN_GATEWAY)
        hand_over = read_device(redirect, mac=("id",), network=("ssid",))
        if isinstance(hand_over, Refusal):
            return hand_over
        if redirect.parameters.get("ap"):
            access_point = read_mac(redirect, "ap")
            if isinstance(access_point, Refusal):
                return access_point
            hand_over["ap"] = str(access_point)
        return Arrival(Outcome.CAPTIVE, MacAddress.parse(hand_over["mac"]), hand_over)

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """The controller is told to let the device on; user name and password are not needed."""
        return ServerCall(Operation.GRANT, credentials.hand_over, credentials.limits)

    def renew(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """A captive device is redirected anew wherever it goes."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """The controller is told that the device is a stranger again."""
        return ServerCall(Operation.REVOKE, hand_over)

    async def call(self, controller: Controller, call: ServerCall, gateway: Gateway) -> None:
        """Let the device on, or off; see `ControllerDriver`."""
        device = MacAddress.parse(call.hand_over["mac"])
        access_point = MacAddress.parse(call.hand_over["ap"]) if "ap" in call.hand_over else None
        api = _api(controller, gateway)
        if call.operation is Operation.GRANT:
            await api.grant(device, access_point, call.limits)
        else:
            await api.revoke(device, access_point)

    async def usage(self, controller: Controller, gateway: Gateway) -> Mapping[MacAddress, Usage]:
        """Guests that are let on and connected now, with what they used since they connected."""
        return await _api(controller, gateway).usage()

    def configuration(self, site: Site) -> Configuration:
        """What is entered under Hotspot (Landing Page) of the Network application."""
        host = urlsplit(site.portal_url).netloc
        lines = [
            "Hotspot portal: on, for the guest network",
            "Authentication: External portal server",
            f"External portal server: {host}",
            "Secure portal (HTTPS): on" if site.portal_url.startswith("https:") else "Secure portal (HTTPS): off",
            f"Domain (redirect using hostname): {host}",
            "Pre-authorisation access:",
            *(f"  {name}" for name in (host, *site.walled_garden)),
        ]
        is_by_key = site.gateway.options.get("api") == INTEGRATION
        account = (
            "Make an API key under Settings, Control Plane, Integrations, and give it with --portal-secret-stdin."
            if is_by_key
            else "Make a local administrator for the portal with the right to manage guests of this site only, without "
            "a second factor, and give its password with --portal-secret-stdin."
        )
        return Configuration(
            snippets=(Snippet("The guest network's portal", "UniFi Network, Hotspot, Landing Page", "\n".join(lines)),),
            notes=(
                f"Browsers come to {site.portal_url}/guest/s/{site_of(site.gateway)}/; the path cannot be changed.",
                account,
                "Each access point's MAC address is to be entered here too (citywifi nas access-point add), above all "
                "where several controllers have a site called default.",
            ),
        )


def site_of(gateway: Gateway) -> str:
    """The controller's name of the site, as in its addresses."""
    return gateway.nas_identifier or DEFAULT_SITE


def _api(controller: Controller, gateway: Gateway) -> ClassicApi | IntegrationApi:
    secret = (gateway.portal_secret or b"").decode(errors="replace")
    site, api = site_of(gateway), gateway.options.get("api", CLASSIC)
    if api == INTEGRATION:
        return IntegrationApi(controller, site, secret)
    return ClassicApi(controller, site, gateway.options.get("user_name", ""), secret, is_console=api == UNIFI_OS)
