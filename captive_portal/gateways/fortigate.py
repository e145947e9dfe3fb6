"""FortiGate (FortiOS) with an external captive portal, as for FortiAPs that it manages.

From Fortinet's documentation and community articles (read in vendor documentation) and PacketFence's module. FortiOS
redirects with ``post``, its own log-in address, and ``magic``, what it knows the visit by; it takes user name, password
and magic there by a form, and asks RADIUS. Nothing hides the password, so it goes in a form and in no address; with
``auth-secure-http`` the form goes to HTTPS.

A FortiGate has no attributes of its own in our RADIUS server: its vendor is ``other``, and ``gateway_driver`` is this.
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
    BrowserForm,
    BrowserRedirect,
    Capabilities,
    Clue,
    Failure,
    Operation,
    Outcome,
    Pass,
    Reauthentication,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.fortigate_configuration import configure
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option, origin
from captive_portal.gateways.parameters import read_clue, read_mac

_PATH: Final = "/fgtauth"
_MAGIC: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")
# FortiOS gives up a visit after a while that can be configured; a fresh magic costs a page that goes on by itself.
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=180,
    garden=GardenSyntax(NameForm.WILDCARD),
)
_MEANINGS: Final = {
    "login": "Says that a login is wanted; has no value.",
    "post": "Where the FortiGate wants the login; must be the gateway's login address.",
    "magic": "What the FortiGate knows the visit by; good for some minutes.",
    "usermac": "The device's address.",
    "userip": "The device's IP address.",
    "apmac": "The access point's address.",
    "apip": "The access point's IP address.",
    "apname": "The access point's name.",
    "bssid": "The radio's address.",
    "ssid": "The network's name.",
    "Auth": "After a login that was refused: Failed.",
}


@dataclass(frozen=True, slots=True)
class FortiGate:
    """The driver; see the protocol in base.py."""

    name: str = "fortigate"
    title: str = "Fortinet FortiGate"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """By the access point; the FortiGate's own name is not among the parameters."""
        return read_clue(redirect, access_point=("apmac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check target, device and magic, in this order."""
        if gateway.login_url is None:
            return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
        target = redirect.parameters.get("post", "")
        if not target:
            return Refusal(RefusalReason.MISSING)
        if not gateway.allows(target):
            return Refusal(RefusalReason.WRONG_TARGET)
        device = read_mac(redirect, "usermac")
        if isinstance(device, Refusal):
            return device
        magic = redirect.parameters.get("magic", "")
        if not _MAGIC.fullmatch(magic):
            return Refusal(RefusalReason.MALFORMED if magic else RefusalReason.MISSING)
        hand_over = {"mac": str(device), "magic": magic}
        if redirect.parameters.get("Auth", "").lower() == "failed":
            return Arrival(Outcome.REFUSED, device, hand_over, failure=Failure.REJECTED)
        return Arrival(Outcome.CAPTIVE, device, hand_over)

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """A form to the registered login address, whatever path the redirect gave."""
        fields = {
            "username": credentials.user_name,
            "password": credentials.password,
            "magic": credentials.hand_over["magic"],
        }
        return BrowserForm(_login_page(gateway), fields, goes_on_elsewhere=True)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Any page by plain HTTP is redirected with a new ``magic`` while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """By a Disconnect-Request; of ``/logout?`` at the login's port there is only hearsay."""
        return Reauthentication(Operation.REVOKE, hand_over)

    def configuration(self, site: Site) -> Configuration:
        """For the FortiGate's command line."""
        return configure(site)


def _login_page(gateway: Gateway) -> str:
    parts = urlsplit(gateway.login_url or "")
    return f"{origin(gateway.login_url or '')}{parts.path if parts.path not in ('', '/') else _PATH}"
