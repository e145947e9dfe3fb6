"""Cambium Networks' enterprise access points (cnPilot, XV) with an external hotspot page and RADIUS.

Read in the vendor's own answers to integrators (community.cambiumnetworks.com 47012, 82858) and in PacketFence's module
for e410 with 3.7: the access point redirects with parameters ``ga_…``, and takes the login at port 880 (HTTP) or 444
(HTTPS) by a form with ``ga_user`` and ``ga_pass``. There is no other way in, so a browser that came to the portal by
HTTPS may warn of the form. Relaying through cnMaestro, which has a name and a certificate, ends that: its address is
then the gateway's login address.

``ga_Qv`` must come back octet for octet; the vendor tells of logins that fail because it was decoded and encoded
again. A browser's form cannot do that: it encodes the text of a field anew, after its own rules. The query of the
form's address is what a browser leaves alone, and where the vendor wants the parameters. So the whole query goes back
there as it came, and only the two fields are posted. Its limit: a browser's URL parser encodes spaces, quotes, angle
brackets and what is not ASCII; what came here has been through such a parser once, which changes nothing the second
time, and a query that has not is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    Operation,
    Outcome,
    Pass,
    Reauthentication,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.cambium_configuration import configure
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option, origin
from captive_portal.gateways.parameters import check_target, read_clue, read_ip, read_mac

_PATH: Final = "/cgi-bin/hotspot_login.cgi"
_PORTS: Final = {"http": 880, "https": 444}
# What a browser's URL parser would write otherwise, and what could not be in a query.
_LEFT_ALONE: Final = re.compile(r"[!$-;=?-~]+")
_CREDENTIALS: Final = ("ga_user", "ga_pass")
# The vendor does not say how long ga_Qv is good; a fresh one costs a page that goes on by itself.
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=300,
    garden=GardenSyntax(NameForm.WILDCARD),
)
_MEANINGS: Final = {
    "ga_ssid": "The network's name.",
    "ga_ap_mac": "The access point's address.",
    "ga_nas_id": "The access point's name, as in NAS-Identifier.",
    "ga_srvr": "The access point's own address, where the login goes; must be of the gateway's network.",
    "ga_cmac": "The device's address.",
    "ga_cip": "The device's IP address.",
    "ga_Qv": "What the access point knows the visit by; goes back octet for octet.",
    "ga_orig_url": "What the device wanted, where the access point sends it after the login.",
}
_OPTIONS: Final = (
    Option(
        "login_scheme",
        "How the access points take logins: http (port 880) or https (port 444).",
        "http",
        ("http", "https"),
    ),
    Option(
        "access_points",
        "The network (CIDR) of the access points' own addresses, where RADIUS packets come from another one.",
    ),
)


@dataclass(frozen=True, slots=True)
class Cambium:
    """The driver; see the protocol in base.py."""

    name: str = "cambium"
    title: str = "Cambium cnPilot and XV"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = _OPTIONS
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``ga_nas_id`` is NAS-Identifier, ``ga_ap_mac`` the access point's address."""
        return read_clue(redirect, identifier="ga_nas_id", access_point=("ga_ap_mac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check target, device and the query that will be sent back, in this order."""
        wrong = check_target(_with_access_points(gateway), redirect.parameters.get("ga_srvr"))
        if wrong is not None:
            return Refusal(wrong)
        device = read_mac(redirect, "ga_cmac")
        if isinstance(device, Refusal):
            return device
        if not redirect.parameters.get("ga_Qv"):
            return Refusal(RefusalReason.MISSING)
        # Ours are posted; others in the address could be taken in their place.
        has_credentials = any(name in redirect.parameters for name in _CREDENTIALS)
        if has_credentials or not _LEFT_ALONE.fullmatch(redirect.raw_query):
            return Refusal(RefusalReason.MALFORMED)
        server = read_ip(redirect, "ga_srvr")
        # A name is only let through where it is the login address's, which is then used in its place.
        host = server if isinstance(server, str) else ""
        return Arrival(Outcome.CAPTIVE, device, {"mac": str(device), "server": host, "query": redirect.raw_query})

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """A form with the two credentials, to an address with the redirect's query as it came."""
        target = _target(credentials.hand_over["server"], gateway)
        fields = {"ga_user": credentials.user_name, "ga_pass": credentials.password}
        return BrowserForm(f"{target}?{credentials.hand_over['query']}", fields, goes_on_elsewhere=True)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Any page by plain HTTP is redirected with a new ``ga_Qv`` while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """By a Disconnect-Request, because no page of the access point for it is known."""
        return Reauthentication(Operation.REVOKE, hand_over)

    def configuration(self, site: Site) -> Configuration:
        """For the access point's command line, or the same fields in cnMaestro."""
        return configure(site)


def _with_access_points(gateway: Gateway) -> Gateway:
    return replace(gateway, network=gateway.options.get("access_points") or gateway.network)


def _target(server: str, gateway: Gateway) -> str:
    if gateway.login_url is not None:
        path = urlsplit(gateway.login_url).path
        return f"{origin(gateway.login_url)}{path if path not in ('', '/') else _PATH}"
    scheme = "https" if gateway.options.get("login_scheme") == "https" else "http"
    host = f"[{server}]" if ":" in server else server
    return f"{scheme}://{host}:{_PORTS[scheme]}{_PATH}"
