"""Local web authentication with an external page: Cisco's AireOS controllers and the Catalyst 9800.

The controller redirects the browser here with ``switch_url``, where it wants the login to be posted; then it asks
RADIUS itself. Parameters of AireOS are as Cisco's guides and published pages for it have them (partly second-hand); the
9800 appends the device's and the access point's address only when told to (Cisco's configuration guides).

A form it is, because the controller takes nothing else, and because nothing hides the password in an address. It is
good once and for this device only. Where the virtual interface is plain HTTP, a browser that came to the portal by
HTTPS may warn that the form is not secure; a certificate on the virtual interface ends that.
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
from captive_portal.gateways.cisco_configuration import configure
from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option, origin
from captive_portal.gateways.parameters import read_clue, read_mac

# Without it the controller only redirects once more.
_SUBMIT: Final = {"buttonClicked": "4", "err_flag": "0"}
# What is posted depends on nothing that the redirect brought but the device, so one can do it again.
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=None,
    garden=GardenSyntax(NameForm.WILDCARD, most=20),
)
_ALREADY_LOGGED_IN: Final = "1"
_FAILURES: Final = {
    "2": Failure.OTHER,
    "3": Failure.OTHER,
    "4": Failure.OTHER,
    "5": Failure.REJECTED,
}
_MEANINGS: Final = {
    "switch_url": "Where the controller wants the login: its virtual interface; must be the gateway's login address.",
    "ap_mac": "The access point's address.",
    "client_mac": "The device's address. A Catalyst 9800 sends it only when its parameter-map says so.",
    "wlan": "The network's name.",
    "redirect": "What the device wanted, often cut off; nobody here reads it.",
    "statusCode": "After a login: 1 already logged in, 2 the network is not set up for web authentication, 3 the user "
    "name cannot be used now (session limit), 4 the device is excluded, 5 wrong user name or password.",
}


@dataclass(frozen=True, slots=True)
class Cisco:
    """The driver; see the protocol in base.py."""

    name: str = "cisco"
    title: str = "Cisco WLC and Catalyst 9800, local web authentication"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """By the access point; the controller does not give its own name."""
        return read_clue(redirect, access_point=("ap_mac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check target and device, in this order."""
        if gateway.login_url is None:
            return Refusal(RefusalReason.INCOMPLETE_GATEWAY)
        target = redirect.parameters.get("switch_url", "")
        if not target:
            return Refusal(RefusalReason.MISSING)
        if not gateway.allows(target):
            return Refusal(RefusalReason.WRONG_TARGET)
        device = read_mac(redirect, "client_mac")
        if isinstance(device, Refusal):
            return device
        hand_over = {"mac": str(device)}
        status = redirect.parameters.get("statusCode", "")
        if not status:
            return Arrival(Outcome.CAPTIVE, device, hand_over)
        if status == _ALREADY_LOGGED_IN:
            return Arrival(Outcome.ALREADY_ONLINE, device, hand_over)
        return Arrival(Outcome.REFUSED, device, hand_over, failure=_FAILURES.get(status, Failure.OTHER))

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """A form to the registered login address, whatever path the redirect gave."""
        fields = {
            "username": credentials.user_name,
            "password": credentials.password,
            "redirect_url": credentials.return_url,
            **_SUBMIT,
        }
        return BrowserForm(_login_page(gateway), fields)

    def renew(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """Its login page redirects to the portal, as any page does while the device is captive."""
        # An entry can lose its login address while residents are on their way.
        return BrowserRedirect(INTERCEPTED_URL if gateway.login_url is None else _login_page(gateway))

    def log_out(self, _hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """``/logout.html`` of the virtual interface (general knowledge; to be tried on the firmware in use)."""
        return BrowserRedirect(f"{origin(gateway.login_url or '')}/logout.html")

    def configuration(self, site: Site) -> Configuration:
        """For the Catalyst 9800 and, separately, for AireOS."""
        return configure(site)


def _login_page(gateway: Gateway) -> str:
    parts = urlsplit(gateway.login_url or "")
    path = parts.path if parts.path not in ("", "/") else "/login.html"
    return f"{origin(gateway.login_url or '')}{path}"
