"""Our own gateway for plain Linux: nftables, dnsmasq and a small agent (deploy/nftables-gateway).

The agent redirects browsers under a seal, answers the captive portal API for its devices, and asks the portal every few
seconds which of the devices that it sees may be on: MAC authentication over HTTPS instead of RADIUS. What it tells of
them makes their sessions.
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
    sends_accounting=False,
    hand_over_lifetime_seconds=None,
    can_log_out=True,
    needs_address_only=True,
    asks_by_itself=True,
    garden=GardenSyntax(NameForm.SUFFIX),
)
_NAME: Final = Option(
    "api_name",
    "The gateway's own name in the certificate that it has for the captive portal API, such as wifi-hall.example.org;"
    " without one, devices find the portal by their probes only.",
)
_NOTES: Final = (
    "Debian 12 or later, with nftables, dnsmasq and Python 3.11; the files are in deploy/nftables-gateway.",
    "The gateway's record needs a portal secret: the agent proves itself by it, and seals redirects.",
    "The certificate must be one that phones trust: its name is the gateway's, not the portal's.",
    "IPv4 only: what devices send by IPv6 is not let through.",
)


@dataclass(frozen=True, slots=True)
class Nftables:
    """The driver; see the protocol in base.py."""

    name: str = "nftables"
    title: str = "Linux gateway with nftables"
    capabilities: Capabilities = _CAPABILITIES
    options: tuple[Option, ...] = (_NAME,)
    meanings: Mapping[str, str] = field(default_factory=lambda: our_redirector.MEANINGS)

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """By its own arrival address."""
        return our_redirector.identify(redirect)

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """The agent says which device it is, under its seal."""
        return our_redirector.parse(redirect, gateway, needs_secret=True)

    def release(self, credentials: Pass, _gateway: Gateway) -> Action:
        """The agent asks again within seconds."""
        return Reauthentication(Operation.GRANT, credentials.hand_over)

    def renew(self, _hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """A page that the agent redirects."""
        return BrowserRedirect(INTERCEPTED_URL)

    def log_out(self, hand_over: Mapping[str, str], _gateway: Gateway) -> Action:
        """The agent hears of it within seconds."""
        return Reauthentication(Operation.REVOKE, hand_over)

    def configuration(self, site: Site) -> Configuration:
        """The agent's settings, and what dnsmasq says of the captive portal API."""
        gateway, name = site.gateway, site.gateway.options.get("api_name", "")
        option = f"https://{name}/" if name else None
        settings = [
            f'portal = "{site.portal_url}"',
            'driver = "nftables"',
            f'key = "{gateway.arrival_key or ""}"',
            'secret = "PORTAL-SECRET"',
            'interface = "lan"',
        ]
        if name:
            settings += [
                f'certificate = "/etc/letsencrypt/live/{name}/fullchain.pem"',
                f'private_key = "/etc/letsencrypt/live/{name}/privkey.pem"',
            ]
        snippets = [
            Snippet("The agent (chmod 600)", "/etc/citywifi-gateway.toml", "\n".join(settings)),
            our_redirector.garden_of(site),
        ]  # fmt: skip
        if option:
            snippets.append(
                Snippet(
                    "DHCP option 114 and the name that it has",
                    "/etc/dnsmasq.d/citywifi-api.conf",
                    f"dhcp-option=114,{option}\naddress=/{name}/ADDRESS-OF-THE-GATEWAY",
                )
            )
        return Configuration(tuple(snippets), _NOTES, captive_portal_option=option)
