"""Cisco Meraki's sign-on splash page with one's own RADIUS servers (EXCAP), as developer.cisco.com describes it.

Meraki's cloud redirects a browser with a ``login_url`` of its own; the browser posts user name and password there, and
the cloud (not the access point) asks RADIUS. After an accept it sends the browser to ``success_url`` with a
``logout_url`` appended; after a reject back to the portal with ``error_message``.

Whoever has a Meraki network has addresses under network-auth.com. A password posted there by a false redirect is of no
use: it is good once, for this device, behind this gateway. A login address in the gateway's entry narrows it further.
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
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option
from captive_portal.gateways.parameters import read_clue, read_device
from foundation.mac_address import MacAddress

MERAKI_DOMAIN: Final = "network-auth.com"
# Nothing in it that could end an attribute, an authority or a header.
_ADDRESS: Final = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,4}network-auth\.com(?::443)?/[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*"
)
# Nobody says how long a login_url is good; a device that was let on, or refused, fetches another one.
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=600,
    garden=GardenSyntax(NameForm.WILDCARD, own=2),
)
_MEANINGS: Final = {
    "login_url": "Where the browser is to post the credentials; always under network-auth.com.",
    "continue_url": "What the device wanted; nobody here reads it.",
    "ap_mac": "The access point's address.",
    "ap_name": "The access point's name.",
    "ap_tags": "The access point's tags.",
    "client_mac": "The device's address.",
    "client_ip": "The device's IP address.",
    "error_message": "Why RADIUS, or Meraki, said no.",
    "logout_url": "On the way back after an accept: where a log-out is asked for.",
}


@dataclass(frozen=True, slots=True)
class Meraki:
    """The driver; see the protocol in base.py."""

    name: str = "meraki"
    title: str = "Cisco Meraki, sign-on"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """``ap_mac`` is the access point's address."""
        return read_clue(redirect, access_point=("ap_mac",))

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check where the credentials are wanted, and the device."""
        target = redirect.parameters.get("login_url", "")
        hand_over = read_hand_over(redirect, gateway, target)
        if isinstance(hand_over, Refusal):
            return hand_over
        is_refused = bool(redirect.parameters.get("error_message"))
        return Arrival(
            outcome=Outcome.REFUSED if is_refused else Outcome.CAPTIVE,
            device=MacAddress.parse(hand_over["mac"]),
            hand_over={**hand_over, "login_url": target},
            failure=Failure.REJECTED if is_refused else None,
        )

    def release(self, credentials: Pass, _gateway: Gateway) -> Action:
        """A form to the ``login_url`` of the redirect, which was checked when it came."""
        fields = {
            "username": credentials.user_name,
            "password": credentials.password,
            "success_url": credentials.return_url,
        }
        return BrowserForm(credentials.hand_over["login_url"], fields)

    def returned(self, redirect: Redirect, gateway: Gateway) -> Mapping[str, str] | Refusal:
        """Keep the ``logout_url``, if it is Meraki's."""
        address = redirect.parameters.get("logout_url", "")
        if not address:
            return {}
        wrong = check_address(address, gateway)
        return {"logout_url": address} if wrong is None else Refusal(wrong)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """Any address by plain HTTP is redirected to the portal while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """To Meraki's address for it; where the browser never came back with one, RADIUS ends the session."""
        if "logout_url" in hand_over:
            return BrowserRedirect(hand_over["logout_url"])
        return Reauthentication(Operation.REVOKE, hand_over)

    def configuration(self, site: Site) -> Configuration:
        """What to enter in the dashboard."""
        splash = "\n".join(
            (
                "Splash page               Sign-on with my RADIUS server",
                f"RADIUS servers            {site.radius_host}, port {site.authentication_port}, secret SECRET",
                f"RADIUS accounting         {site.radius_host}, port {site.accounting_port}, secret SECRET",
                "RADIUS CoA                enabled (for log-out and for ending sessions from the console)",
                *access_lines(site),
            )
        )
        return Configuration(
            snippets=(
                Snippet("Access control", "Wireless, Access control, the SSID", splash),
                Snippet(
                    "Splash page", "Wireless, Splash page, the SSID", f"Custom splash URL         {site.arrival_url}"
                ),
            ),
            notes=(
                "Meraki's cloud asks RADIUS, not the access points: let the addresses in that the dashboard shows under"
                " Help, Firewall info, and enter their network for this gateway.",
                "Accounting comes every five minutes or more (Acct-Interim-Interval of 300 or more).",
                "Ending a session goes to the organisation's Meraki host name, UDP port 3799 (--disconnect-host).",
            ),
        )


def read_hand_over(redirect: Redirect, gateway: Gateway, target: str) -> dict[str, str] | Refusal:
    """The device of a redirect whose target is Meraki's, as kept in the journey."""
    wrong = check_address(target, gateway) if target else RefusalReason.MISSING
    if wrong is not None:
        return Refusal(wrong)
    return read_device(redirect, mac=("client_mac",), ip=("client_ip",))


def check_address(address: str, gateway: Gateway) -> RefusalReason | None:
    """Why an address is not Meraki's, or not that of this gateway's login address where it has one."""
    if not _ADDRESS.fullmatch(address):
        return RefusalReason.WRONG_TARGET
    return None if gateway.login_url is None or gateway.allows(address) else RefusalReason.WRONG_TARGET


def access_lines(site: Site) -> tuple[str, ...]:
    """Of the dashboard's page on access control, what both kinds of splash page need."""
    hosts = (urlsplit(site.portal_url).hostname or "", f"*.{MERAKI_DOMAIN}", *site.walled_garden)
    return (
        "Captive portal strength   Block all access until sign-on is complete",
        "Walled garden             enabled; one on a line:",
        *(f"                          {host}" for host in hosts),
        "Simultaneous logins       allowed",
    )
