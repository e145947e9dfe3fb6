"""Cisco's central web authentication (CWA): RADIUS redirects the device, and later has the controller ask again.

From Cisco's Catalyst 9800 configuration guide for central web authentication and PacketFence's module for Cisco
controllers (behaviour only); the commands to paste are general knowledge, tried on no equipment. A device that nobody
registered is accepted with an address to go to and an ACL that shuts it in. The address has a token that RADIUS
sealed (``radius.quarantine``), so nothing that the browser brings needs to be believed: the device arrives at
``/r/TOKEN``. When it may go on, CoA-Request reauthenticate makes the controller send a new Access-Request, whose
Access-Accept redirects no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from captive_portal.gateways.base import (
    INTERCEPTED_URL,
    Action,
    Arrival,
    BrowserRedirect,
    Capabilities,
    Clue,
    Operation,
    Pass,
    Reauthentication,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option

_NAME: Final = "citywifi"
_ACL: Final = "CITYWIFI-REDIRECT"
_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=None,
    can_log_out=True,
    needs_address_only=True,
    garden=GardenSyntax(NameForm.ADDRESS),
)
_MEANINGS: Final = {
    "redirect_url": "What the device wanted, which Cisco appends in any case; nobody here reads it.",
}
_NOTES: Final = (
    "The equipment's record must say where it listens for CoA-Request: port 1700, on some releases 3799.",
    "In a Catalyst 9800's redirect ACL permit means redirect, and deny means let through. In one of AireOS it is the "
    "other way about.",
    "Replace PORTAL-ADDRESS and DNS-ADDRESS. Only port 80 is redirected: HTTPS would show a certificate error.",
    "Switch on accounting for the WLAN: its Accounting-Start is how a resident's page knows that the device is on.",
    "DHCP option 114 stays empty unless the DHCP server can put the device's address into it.",
)


@dataclass(frozen=True, slots=True)
class CiscoCentral:
    """The driver; see the protocol in base.py."""

    name: str = "cisco-central"
    title: str = "Cisco central web authentication"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: _MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """Its redirect names nobody; a device comes to the address that RADIUS gave it."""
        return Clue(None, None) if redirect.arrival_key else Refusal(RefusalReason.MISSING)

    def parse(self, _redirect: Redirect, _gateway: Gateway) -> Arrival | Refusal:
        """What came without a token could be anybody's."""
        return Refusal(RefusalReason.UNSEALED)

    def release(self, credentials: Pass, _gateway: Gateway) -> Action:
        """RADIUS has the controller ask about the device anew."""
        return Reauthentication(Operation.GRANT, credentials.hand_over)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """A page that the controller redirects while the device is captive."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """RADIUS has the controller end the session; the device comes back captive."""
        return Reauthentication(Operation.REVOKE, hand_over)

    def configuration(self, site: Site) -> Configuration:
        """A Catalyst 9800's commands, and what this installation is told of the controller."""
        return Configuration(
            snippets=(
                Snippet("Here: what unknown devices are told", "shell", _own_command(site)),
                Snippet("Catalyst 9800: RADIUS and dynamic authorisation", "configure terminal", _radius(site)),
                Snippet("Catalyst 9800: redirect ACL", "configure terminal", _redirect_acl(site)),
                Snippet("Catalyst 9800: WLAN and policy profile", "configure terminal", _WLAN),
            ),
            notes=_NOTES,
        )


def _own_command(site: Site) -> str:
    return (
        f"citywifi nas change '{site.gateway.name}' --unknown-devices quarantine --quarantine-role {_ACL} "
        f"--quarantine-url '{site.portal_url}/r/{{session}}'"
    )


def _radius(site: Site) -> str:
    return f"""\
aaa new-model
radius server {_NAME}
 address ipv4 {site.radius_host} auth-port {site.authentication_port} acct-port {site.accounting_port}
 key 0 SECRET
aaa group server radius {_NAME}
 server name {_NAME}
aaa authorization network {_NAME} group {_NAME}
aaa accounting identity {_NAME} start-stop group {_NAME}
aaa accounting update periodic 10
aaa server radius dynamic-author
 client {site.radius_host} server-key 0 SECRET
radius-server attribute 31 mac format ietf upper-case
radius-server attribute wireless authentication call-station-id ap-macaddress-ssid
radius-server attribute wireless accounting call-station-id ap-macaddress-ssid"""


def _redirect_acl(site: Site) -> str:
    opened = "".join(
        f" deny tcp any host {address} eq 443\n deny tcp host {address} eq 443 any\n" for address in site.walled_garden
    )
    return f"""\
ip access-list extended {_ACL}
 deny udp any any eq 67
 deny udp any any eq 68
 deny udp any host DNS-ADDRESS eq 53
 deny udp host DNS-ADDRESS eq 53 any
 deny tcp any host PORTAL-ADDRESS eq 443
 deny tcp host PORTAL-ADDRESS eq 443 any
{opened} permit tcp any any eq 80"""


_WLAN: Final = f"""\
wlan WLAN-PROFILE
 no security wpa
 mac-filtering {_NAME}
wireless profile policy POLICY-PROFILE
 aaa-override
 nac
 accounting-list {_NAME}"""
