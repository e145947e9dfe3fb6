"""TP-Link Omada with an external portal server, whose controller the portal calls.

From TP-Link's FAQ 3231 and 13080 (controllers from 5.0.15 on) and its Open API's reference. The redirect names the
device, its access point (or gateway) and the site; what the portal sends back must name them in the same words. The
external portal's interface wants a hotspot *operator*, and can only let devices on; the Open API (two driver names,
because it can do more) wants a client id and secret, and can take devices off again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from captive_portal.errors import ControllerRefusedError
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
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.omada_api import OpenApi, OperatorApi
from captive_portal.gateways.parameters import read_clue, read_device, read_mac
from foundation.mac_address import MacAddress

# What an access point and what a gateway say of where the device is; sent back as received.
_OF_ACCESS_POINT: Final = ("apMac", "ssidName", "radioId")
_OF_GATEWAY: Final = ("gatewayMac", "vid")
_LONGEST_WORD: Final = 64
_CAN_ONLY_GRANT: Final = Capabilities(sends_accounting=False, hand_over_lifetime_seconds=None, can_log_out=False)
_CAN_REVOKE: Final = Capabilities(sends_accounting=False, hand_over_lifetime_seconds=None)
_CONTROLLER_ID: Final = Option(
    "controller_id",
    "The controller's identifier (omadacId): the first part of the path in its address bar.",
    is_required=True,
)
_MEANINGS: Final = {
    "clientMac": "The device's address.",
    "apMac": "Of a wireless device: the access point's address.",
    "ssidName": "Of a wireless device: the network's name.",
    "radioId": "Of a wireless device: 0 is 2.4 GHz, 1 is 5 GHz.",
    "gatewayMac": "Of a wired device: the gateway's address.",
    "vid": "Of a wired device: its VLAN.",
    "site": "The controller's site; it must be the gateway's NAS-Identifier, where that is given.",
    "t": "When it was redirected, in microseconds since 1970.",
    "redirectUrl": "What the device wanted; nobody here reads it.",
}


@dataclass(frozen=True, slots=True)
class _Omada:
    """What both interfaces share."""

    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``site`` is the name that the gateway has here."""
        return read_clue(redirect, identifier="site", access_point=("apMac", "gatewayMac"))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check the site, the device, and what goes back to the controller."""
        if gateway.login_url is None or gateway.portal_secret is None or not gateway.options.get("controller_id"):
            return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
        site = redirect.parameters.get("site", "")
        if gateway.nas_identifier is not None and site != gateway.nas_identifier:
            return Refusal(RefusalReason.UNKNOWN_GATEWAY)
        hand_over = read_device(redirect, mac=("clientMac",), network=("ssidName",))
        if isinstance(hand_over, Refusal):
            return hand_over
        words = _read_words(redirect)
        if isinstance(words, Refusal):
            return words
        return Arrival(Outcome.CAPTIVE, MacAddress.parse(hand_over["mac"]), {**hand_over, **words})

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """The controller is told to let the device on; user name and password are not needed."""
        return ServerCall(Operation.GRANT, credentials.hand_over, credentials.limits)

    def renew(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """A captive device is redirected anew wherever it goes."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """The controller is told that the device is a stranger again."""
        return ServerCall(Operation.REVOKE, hand_over)


@dataclass(frozen=True, slots=True)
class Omada(_Omada):
    """The external portal's interface; see the protocols in base.py."""

    name: str = "omada"
    title: str = "TP-Link Omada (external portal)"
    capabilities: Capabilities = _CAN_ONLY_GRANT
    options: tuple[Option, ...] = (
        _CONTROLLER_ID,
        Option("user_name", "The name of a hotspot operator; the secret is the password.", is_required=True),
        CERTIFICATE_OPTION,
    )

    async def call(self, controller: Controller, call: ServerCall, gateway: Gateway) -> None:
        """Let the device on; see `ControllerDriver`."""
        if call.operation is Operation.REVOKE:
            raise ControllerRefusedError("the external portal's interface cannot take a device off")
        hand_over = call.hand_over
        words = {name: hand_over[name] for name in (*_OF_ACCESS_POINT, *_OF_GATEWAY, "site") if name in hand_over}
        user_name, secret = gateway.options["user_name"], (gateway.portal_secret or b"").decode(errors="replace")
        api = OperatorApi(controller, gateway.options["controller_id"], user_name, secret)
        await api.grant(MacAddress.parse(hand_over["mac"]), words, call.limits.seconds)

    def configuration(self, site: Site) -> Configuration:
        """What is entered under Portal, and the account."""
        return Configuration(
            snippets=(_portal_page(site),),
            notes=(
                "Make an operator under Hotspot Manager, Operators, for this site; an administrator's account is not "
                "taken. Give its password with --portal-secret-stdin.",
                "Speed and data limits are those of the controller's own settings: this interface takes only a time.",
                "Residents cannot log out: the controller has no call for it here. With the Open API "
                "(omada-open-api) they can.",
            ),
        )


@dataclass(frozen=True, slots=True)
class OmadaOpenApi(_Omada):
    """The Open API; see the protocols in base.py."""

    name: str = "omada-open-api"
    title: str = "TP-Link Omada (Open API)"
    capabilities: Capabilities = _CAN_REVOKE
    options: tuple[Option, ...] = (
        _CONTROLLER_ID,
        Option("client_id", "The client id of an Open API application; the secret is its client secret.", "", (), True),
        Option("site_id", "The site's identifier in the Open API; without it the redirect's site is taken for it."),
        CERTIFICATE_OPTION,
    )

    async def call(self, controller: Controller, call: ServerCall, gateway: Gateway) -> None:
        """Let the device on, or off; see `ControllerDriver`."""
        options, secret = gateway.options, (gateway.portal_secret or b"").decode(errors="replace")
        site = options.get("site_id") or call.hand_over.get("site") or gateway.nas_identifier or ""
        if not site:
            raise ControllerRefusedError("the site is not known; give the option site_id")
        api = OpenApi(controller, options["controller_id"], site, options["client_id"], secret)
        device = MacAddress.parse(call.hand_over["mac"])
        if call.operation is Operation.GRANT:
            await api.grant(device, call.limits.seconds)
        else:
            await api.revoke(device)

    def configuration(self, site: Site) -> Configuration:
        """What is entered under Portal, and the application."""
        return Configuration(
            snippets=(_portal_page(site),),
            notes=(
                "Make an application under Settings, Platform Integration, Open API, in client mode, for this site "
                "and hotspot only. Give its client secret with --portal-secret-stdin.",
                "The Open API may have another port than the controller's pages; the login address is its own.",
                "Speed and data limits are those of the controller's own settings: the call takes only a time.",
            ),
        )


def _read_words(redirect: Redirect) -> dict[str, str] | Refusal:
    """What goes back to the controller in its own words; each is an address, a number, or a word."""
    found = {}
    for name in (*_OF_ACCESS_POINT, *_OF_GATEWAY, "site"):
        value = redirect.parameters.get(name)
        if not value:
            continue
        if len(value) > _LONGEST_WORD or (name in ("radioId", "vid") and not (value.isascii() and value.isdigit())):
            return Refusal(RefusalReason.MALFORMED)
        if name in ("apMac", "gatewayMac") and isinstance(wrong := read_mac(redirect, name), Refusal):
            return wrong
        found[name] = value
    return found if "apMac" in found or "gatewayMac" in found else Refusal(RefusalReason.MISSING)


def _portal_page(site: Site) -> Snippet:
    host = urlsplit(site.portal_url).netloc
    lines = (
        "Portal: on, for the guest network",
        "Authentication type: External Portal Server",
        f"Custom portal server: {site.arrival_url}",
        "HTTPS redirection: off",
        "Pre-authentication access:",
        *(f"  {name}" for name in (host, *site.walled_garden)),
    )
    return Snippet("The portal of the guest network", "Omada controller, Settings, Authentication", "\n".join(lines))
