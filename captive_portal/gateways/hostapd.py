"""hostapd (OpenWrt) with MAC authentication: unknown devices in a network of their own, then Disconnect-Request.

From hostapd's hostapd.conf, src/ap/ieee802_11_auth.c and src/radius/radius_das.c (read in source). A device that is
rejected cannot even join, so one that nobody registered is accepted into a quarantine VLAN. The gateway of that VLAN,
which is ours for plain Linux (deploy/nftables-gateway), redirects its browser to the portal with its address. When it
may go on, Disconnect-Request makes it join anew, and RADIUS's next answer has the open VLAN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from captive_portal.gateways import our_redirector
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
)
from captive_portal.gateways.configuration import Configuration, Site, Snippet
from captive_portal.gateways.garden_syntax import GardenSyntax, NameForm
from captive_portal.gateways.gateway import Gateway, Option

_CAPABILITIES: Final = Capabilities(
    sends_accounting=True,
    hand_over_lifetime_seconds=None,
    can_log_out=True,
    needs_address_only=True,
    garden=GardenSyntax(NameForm.SUFFIX),
)
_QUARANTINE_VLAN: Final = 99
_NOTES: Final = (
    "It keeps RADIUS's answers for 30 seconds: who registers faster than that is put off twice.",
    "The quarantine VLAN needs a gateway that shows the portal: see docs/gateways/nftables.md.",
    "Devices lose the network for a second or two while they join anew.",
)


@dataclass(frozen=True, slots=True)
class Hostapd:
    """The driver; see the protocol in base.py."""

    name: str = "hostapd"
    title: str = "hostapd with MAC authentication"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=lambda: our_redirector.MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """By its own arrival address."""
        return our_redirector.identify(redirect)

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """The quarantine network's gateway says which device it is."""
        return our_redirector.parse(redirect, gateway, needs_secret=False)

    def release(self, credentials: Pass, _gateway: Gateway) -> Action:
        """RADIUS makes it join anew."""
        return Reauthentication(Operation.GRANT, credentials.hand_over)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """A page that the quarantine network's gateway redirects."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """RADIUS makes it join anew, in quarantine."""
        return Reauthentication(Operation.REVOKE, hand_over)

    def configuration(self, site: Site) -> Configuration:
        """hostapd.conf, and what this installation is told of the access point."""
        gateway = site.gateway
        lines = {
            "macaddr_acl": "2",
            "nas_identifier": gateway.nas_identifier or gateway.name,
            "auth_server_addr": site.radius_host,
            "auth_server_port": str(site.authentication_port),
            "auth_server_shared_secret": "SECRET",
            "acct_server_addr": site.radius_host,
            "acct_server_port": str(site.accounting_port),
            "acct_server_shared_secret": "SECRET",
            "dynamic_vlan": "2",
            "radius_das_port": "3799",
            "radius_das_client": f"{site.radius_host} SECRET",
            "radius_das_require_event_timestamp": "1",
            "radius_das_require_message_authenticator": "1",
        }
        command = (
            f"citywifi nas change '{gateway.name}' --unknown-devices quarantine --quarantine-vlan {_QUARANTINE_VLAN} "
            "--disconnect-host ADDRESS-OF-THE-ACCESS-POINT"
        )
        return Configuration(
            snippets=(
                Snippet("Here: where unknown devices go", "shell", command),
                Snippet("hostapd", "hostapd.conf", "\n".join(f"{name}={value}" for name, value in lines.items())),
                Snippet(
                    "The quarantine network's gateway",
                    "/etc/citywifi-gateway.toml",
                    f'portal = "{site.portal_url}"\narrival = "{site.arrival_url}"\nsecret = "PORTAL-SECRET"',
                ),
                our_redirector.garden_of(site),
            ),
            notes=_NOTES,
            captive_portal_option=None,
        )
