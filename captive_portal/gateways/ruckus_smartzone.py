"""Ruckus SmartZone (and RUCKUS One) with a hotspot whose login page is elsewhere: the northbound portal interface.

From Ruckus's hotspot WISPr guide and PacketFence's SmartZone module. The redirect may hide the device's address in a
text that begins with ``ENC``; the controller tells what it means (GetConfig, Decrypt) and takes it back as it was. The
portal tells the controller to log the device in, and then the controller itself asks RADIUS, with the one-time name
and password, and sends accounting: that is the proof, as everywhere.
"""

from __future__ import annotations

import re
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
)
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.controller import CERTIFICATE_OPTION, Controller
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.parameters import read_clue, read_ip, read_mac
from captive_portal.gateways.smartzone_api import ASYNCHRONOUS, SYNCHRONOUS, PortalInterface, Station
from foundation.mac_address import MacAddress

_HIDDEN: Final = re.compile(r"ENC[0-9A-Fa-f]{16,128}")
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=None,
    garden=GardenSyntax(NameForm.WILDCARD),
)
_OPTIONS: Final = (
    Option(
        "login",
        "async: the controller is asked to log a device in, and then how it went; sync: it answers when it has.",
        default=ASYNCHRONOUS,
        choices=(ASYNCHRONOUS, SYNCHRONOUS),
    ),
    Option(
        "request_user_name", "Only where the northbound interface was given a user name; the secret is its password."
    ),
    CERTIFICATE_OPTION,
)
_MEANINGS: Final = {
    "client_mac": "The device's address, or a text beginning with ENC that only the controller can read.",
    "uip": "The device's IP address, or such a text.",
    "mac": "The access point's address.",
    "nbiIP": "The controller's own idea of its address; the portal calls the address that is configured here.",
    "proxy": "1 where the device's browser uses a proxy.",
    "reason": "Why it was redirected: Un-Auth-Captive, Un-Auth-SSL-Captive.",
    "ssid": "The network's name.",
    "wlan": "The network's number.",
    "vlan": "The device's VLAN.",
    "url": "What the device wanted; nobody here reads it.",
    "startUrl": "Where the controller would send it afterwards; nobody here reads it.",
    "sip": "The access point's or controller's host name.",
}


@dataclass(frozen=True, slots=True)
class RuckusSmartZone:
    """The driver; see the protocols in base.py."""

    name: str = "ruckus-smartzone"
    title: str = "Ruckus SmartZone"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = _OPTIONS
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``mac`` is the access point's address."""
        return read_clue(redirect, access_point=("mac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check the device and its IP address, each either plain or hidden."""
        if gateway.login_url is None or gateway.portal_secret is None:
            return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
        station = redirect.parameters.get("client_mac", "")
        address = redirect.parameters.get("uip", "")
        device: MacAddress | str | Refusal = station if _HIDDEN.fullmatch(station) else read_mac(redirect, "client_mac")
        if isinstance(device, Refusal):
            return device
        if not _HIDDEN.fullmatch(address):
            plain = read_ip(redirect, "uip")
            if isinstance(plain, Refusal):
                return plain
        # Both go back exactly as they came.
        hand_over = {"ue_mac": station, "ue_ip": address}
        if isinstance(device, MacAddress):
            hand_over["mac"] = str(device)
        if redirect.parameters.get("proxy") == "1":
            hand_over["proxy"] = "1"
        if ssid := redirect.parameters.get("ssid"):
            hand_over["ssid"] = ssid
        return Arrival(Outcome.CAPTIVE, device, hand_over)

    async def resolve(self, controller: Controller, hidden: str, gateway: Gateway) -> MacAddress:
        """GetConfig, Decrypt; see `ResolvingDriver`."""
        return await _interface(controller, gateway).decrypt(hidden)

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """The controller is told to log the device in with the one-time name and password."""
        login = {"user_name": credentials.user_name, "password": credentials.password}
        return ServerCall(Operation.GRANT, {**credentials.hand_over, **login}, credentials.limits)

    def renew(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """A captive device is redirected anew wherever it goes."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """The controller is told to log the device out, which it then tells RADIUS."""
        return ServerCall(Operation.REVOKE, hand_over)

    async def call(self, controller: Controller, call: ServerCall, gateway: Gateway) -> None:
        """Log the device in, or out; see `ControllerDriver`."""
        hand_over = call.hand_over
        station = Station(hand_over["ue_mac"], hand_over["ue_ip"], hand_over.get("proxy", "0"))
        interface = _interface(controller, gateway)
        if call.operation is Operation.REVOKE:
            await interface.log_out(station)
        else:
            await interface.log_in(station, hand_over["user_name"], hand_over["password"])

    def configuration(self, site: Site) -> Configuration:
        """The hotspot service and the northbound interface."""
        host = urlsplit(site.portal_url).netloc
        hotspot = (
            "Services & Profiles, Hotspots & Portals, Hotspot (WISPr):",
            "  Smart client support: none",
            f"  Logon URL: external, {site.arrival_url}",
            "  Start page: redirect to the URL that the user intends to visit",
            "  Walled garden:",
            *(f"    {name}" for name in (host, *site.walled_garden)),
            "Services & Profiles, Authentication, Proxy (SZ Authenticator): RADIUS",
            f"  Primary server: {site.radius_host}, port {site.authentication_port}, shared secret SECRET",
            "Services & Profiles, Accounting, Proxy:",
            f"  Primary server: {site.radius_host}, port {site.accounting_port}, shared secret SECRET",
            "  Interim update interval: 10 minutes",
        )
        return Configuration(
            snippets=(
                Snippet("The hotspot and its RADIUS", "SmartZone", "\n".join(hotspot)),
                Snippet(
                    "The portal's way in",
                    "Administration, External Services, WISPr Northbound Interface",
                    "Enable northbound portal interface support: on\nPassword: PORTAL-SECRET",
                ),
            ),
            notes=(
                "The login address is the controller's https://ADDRESS:9443; of a cluster, any node's.",
                "A user name is sent only where the option request_user_name is given: newer versions want one.",
            ),
        )


def _interface(controller: Controller, gateway: Gateway) -> PortalInterface:
    return PortalInterface(
        controller,
        (gateway.portal_secret or b"").decode(errors="replace"),
        gateway.options.get("request_user_name", ""),
        is_asynchronous=gateway.options.get("login", ASYNCHRONOUS) == ASYNCHRONOUS,
    )
