"""HPE Aruba's external captive portal: controllers (ArubaOS), Instant and Central, and Instant On.

From the vendor's description of the redirect's parameters (user guide of Instant, table of external captive portal
redirect parameters; Instant On's page on external captive portals) and PacketFence's Aruba module. The equipment
answers by itself for a name, such as ``securelogin.example.org``, whose certificate was put into it; the browser posts
user name and password there, and the equipment asks RADIUS by PAP. A reject brings the browser back with ``errmsg``.
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
    Failure,
    Outcome,
    Pass,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.parameters import is_host_of, read_clue, read_device, read_first
from foundation.mac_address import MacAddress

_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=None,
    garden=GardenSyntax(NameForm.WILDCARD),
)
_INSTANT_PATH: Final = "/cgi-bin/login"
_OPTIONS: Final = (
    Option(
        "login_path",
        "Where the browser posts: /cgi-bin/login (Instant, Instant On, and controllers), /auth/index.html/u (older"
        " controllers) or /swarm.cgi (older Instant).",
        default=_INSTANT_PATH,
        choices=(_INSTANT_PATH, "/auth/index.html/u", "/swarm.cgi"),
    ),
)
_MEANINGS: Final = {
    "cmd": "What it is about: login.",
    "mac": "The device's address.",
    "ip": "The device's IP address.",
    "essid": "The network's name.",
    "network": "The network's name, as Instant On calls it.",
    "apname": "The access point's name.",
    "apmac": "The access point's address.",
    "vcname": "The virtual controller's name (Instant), which is its NAS-Identifier unless another one was set.",
    "switchip": "The host that takes the credentials.",
    "post": "The same, as Instant On calls it.",
    "site": "The site's name in Instant On.",
    "url": "What the device wanted; nobody here reads it.",
    "errmsg": "Why RADIUS, or the equipment, said no.",
}


@dataclass(frozen=True, slots=True)
class Aruba:
    """The driver; see the protocol in base.py."""

    name: str = "aruba"
    title: str = "HPE Aruba"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = _OPTIONS
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``vcname`` may be NAS-Identifier; ``apmac`` is an access point. Controllers need an address of their own."""
        return read_clue(redirect, identifier="vcname", access_point=("apmac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check the command, the host that wants the credentials, and the device."""
        if redirect.parameters.get("cmd", "").lower() != "login":
            return Refusal(RefusalReason.UNKNOWN_RESULT)
        if gateway.login_url is None:
            return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
        target = read_first(redirect, "switchip", "post")
        # Controllers name the host only where they were told to; credentials go to the login address in any case.
        if target is not None and not is_host_of(target, gateway.login_url):
            return Refusal(RefusalReason.WRONG_TARGET)
        hand_over = read_device(redirect, mac=("mac",), ip=("ip",), network=("essid", "network"))
        if isinstance(hand_over, Refusal):
            return hand_over
        is_refused = bool(redirect.parameters.get("errmsg"))
        return Arrival(
            outcome=Outcome.REFUSED if is_refused else Outcome.CAPTIVE,
            device=MacAddress.parse(hand_over["mac"]),
            hand_over=hand_over,
            failure=Failure.REJECTED if is_refused else None,
        )

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """The form of the equipment's own login page; ``url`` is where the browser goes when it is on."""
        fields = {
            "cmd": "authenticate",
            "user": credentials.user_name,
            "password": credentials.password,
            "url": credentials.return_url,
        }
        return BrowserForm(f"{_base(gateway)}{gateway.options.get('login_path') or _INSTANT_PATH}", fields)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Any address by plain HTTP is redirected to the portal while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """The same on all of them, by what programs do that log in by themselves; the browser stays there."""
        return BrowserRedirect(f"{_base(gateway)}{_INSTANT_PATH}?cmd=logout")

    def configuration(self, site: Site) -> Configuration:
        """Commands of Instant and of controllers, and what Instant On calls the same."""
        allowed = (urlsplit(site.portal_url).hostname or "", *site.walled_garden)
        login_host = urlsplit(site.gateway.login_url or "").hostname or "securelogin.example.org"
        return Configuration(
            snippets=(
                Snippet(
                    "Instant and Central (template groups)",
                    "the virtual controller's command line",
                    "\n".join(_instant(site, allowed)),
                ),
                Snippet("Controller", "the command line, in configure terminal", "\n".join(_controller(site, allowed))),
                Snippet(
                    "Instant On",
                    "Networks, guest network, External captive portal",
                    "\n".join(_instant_on(site, allowed)),
                ),
            ),
            notes=(
                f"The equipment needs a certificate that phones trust for {login_host}, or they show a warning.",
                "Leave the profile's own redirect address empty, or residents do not come back to the portal's page.",
            ),
        )


def _instant(site: Site, allowed: tuple[str, ...]) -> tuple[str, ...]:
    portal, arrival = urlsplit(site.portal_url), urlsplit(site.arrival_url)
    is_https = portal.scheme == "https"
    return (
        "wlan external-captive-portal CityWiFi",
        f" server {portal.hostname}",
        f" port {portal.port or (443 if is_https else 80)}",
        f' url "{arrival.path}"',
        " no auto-whitelist-disable",
        " https" if is_https else " no https",
        "wlan auth-server CityWiFi",
        f" ip {site.radius_host}",
        f" port {site.authentication_port}",
        f" acctport {site.accounting_port}",
        " key SECRET",
        f" nas-id {site.gateway.nas_identifier or site.gateway.name}",
        " rfc3576",
        "wlan ssid-profile CityWiFi",
        " captive-portal external profile CityWiFi",
        " auth-server CityWiFi",
        " radius-accounting",
        " radius-interim-accounting-interval 10",
        "wlan walled-garden",
        *(f" white-list {_pattern(host)}" for host in allowed),
    )


def _controller(site: Site, allowed: tuple[str, ...]) -> tuple[str, ...]:
    return (
        "netdestination citywifi-walled-garden",
        *(f"  name {host}" for host in allowed),
        "!",
        'aaa authentication-server radius "CityWiFi"',
        f'  host "{site.radius_host}"',
        f"  authport {site.authentication_port}",
        f"  acctport {site.accounting_port}",
        "  key SECRET",
        "!",
        'aaa server-group "CityWiFi"',
        '  auth-server "CityWiFi"',
        "!",
        f'aaa rfc-3576-server "{site.radius_host}"',
        "  key SECRET",
        "!",
        'aaa authentication captive-portal "CityWiFi"',
        f'  login-page "{site.arrival_url}"',
        "  switchip-in-redirection-url",
        "  no enable-welcome-page",
        "  white-list citywifi-walled-garden",
        '  server-group "CityWiFi"',
    )


def _instant_on(site: Site, allowed: tuple[str, ...]) -> tuple[str, ...]:
    return (
        f"Server URL            {site.arrival_url}",
        f"RADIUS server         {site.radius_host}",
        f"Ports                 {site.authentication_port}, and {site.accounting_port} for accounting",
        "Shared secret         SECRET",
        "Allowed domains       " + ", ".join(allowed),
    )


def _base(gateway: Gateway) -> str:
    return (gateway.login_url or "").rstrip("/")


def _pattern(host: str) -> str:
    """As a walled garden of Instant has it: a regular expression of the host's name."""
    return host.removeprefix("*.").replace(".", r"\.")
