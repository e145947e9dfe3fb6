"""What an engineer enters into a gateway, as values: drivers make it, the command and the console's pages show it."""

from __future__ import annotations

from dataclasses import dataclass

from captive_portal.gateways.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Site:
    """What a gateway's configuration names besides the gateway itself."""

    gateway: Gateway
    # https://wifi.example, without a slash at its end
    portal_url: str
    # Where the gateway sends browsers.
    arrival_url: str
    # The captive portal API for this gateway (RFC 8908), which ends with the gateway's key and a slash: behind it the
    # gateway must put the address of the device that it gives it to. One that cannot must not give it to anybody.
    api_url: str
    radius_host: str
    authentication_port: int
    accounting_port: int
    # Host names that are reachable before login, in order.
    walled_garden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snippet:
    """Something to paste. ``SECRET`` stands for the shared secret and ``PORTAL-SECRET`` for the portal's."""

    title: str
    # Where it goes: a file's name, a menu, a command line.
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Snippets in the order in which they are entered, and what else to look at."""

    snippets: tuple[Snippet, ...]
    notes: tuple[str, ...] = ()
    # What goes into DHCP option 114; None where the equipment must not or cannot give it.
    captive_portal_option: str | None = None
