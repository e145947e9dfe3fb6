"""Looks at essential sites from a device on a venue's WiFi, before login: which of them open, and does nothing else?

A host is open when it proves to be itself (TLS, RFC 9110 section 4.3.4); a gateway that answers in its place cannot.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp

from captive_portal.essentials.sites import EssentialsError, EssentialSite, make_site

FOREIGN_HOST: Final = "example.com"
_PATIENCE_SECONDS: Final = 6.0


class Reach(StrEnum):
    """What came of opening a host."""

    OPEN = "open"
    SHUT = "shut"
    NO_NAME = "no name"
    SOMEBODY_ELSE = "somebody else answers"


@dataclass(frozen=True, slots=True)
class Tried:
    """A site, and what came of each of its hosts; names with ``*.`` cannot be tried."""

    site: EssentialSite
    hosts: tuple[tuple[str, Reach], ...]

    @property
    def is_open(self) -> bool:
        """Whether the site, with all that it needs, is there."""
        return all(reach is Reach.OPEN for _, reach in self.hosts)


@dataclass(frozen=True, slots=True)
class BeforeLogin:
    """What a device found."""

    sites: tuple[Tried, ...]
    # Of a host that is on no list; it must be shut.
    foreign: Reach

    @property
    def is_right(self) -> bool:
        """All sites are open, and the rest is shut."""
        return self.foreign is not Reach.OPEN and all(tried.is_open for tried in self.sites)


async def load_sites(portal_url: str, council: str) -> list[EssentialSite]:
    """The list as the portal tells it to everybody. Raises EssentialsError."""
    address = f"{portal_url.rstrip('/')}/councils/{council}/essentials.json"
    try:
        async with aiohttp.ClientSession() as http, http.get(address, allow_redirects=False) as answer:
            if answer.status != 200:
                raise EssentialsError(f"{address} answers {answer.status}; is the council's code right?")
            body: Any = await answer.json()
            return [
                make_site(each["name"], each["address"], each["hosts"], each["purpose"], key=each["key"])
                for each in body["sites"]
            ]
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
        raise EssentialsError(f"{address} cannot be read ({type(error).__name__}); is this the portal?") from None


async def try_sites(sites: Sequence[EssentialSite], foreign_host: str = FOREIGN_HOST) -> BeforeLogin:
    """Try every host once."""
    hosts = {foreign_host, *(host for site in sites for host in _named(site.hosts))}
    found = dict(zip(hosts, await asyncio.gather(*(_reach(host) for host in hosts)), strict=True))
    tried = tuple(Tried(site, tuple((host, found[host]) for host in _named(site.hosts))) for site in sites)
    return BeforeLogin(tried, found[foreign_host])


def _named(hosts: Iterable[str]) -> list[str]:
    return [host for host in hosts if not host.startswith("*.")]


async def _reach(host: str) -> Reach:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(host, 443, ssl=ssl.create_default_context())
    except ssl.SSLError:
        return Reach.SOMEBODY_ELSE
    except TimeoutError:
        return Reach.SHUT
    except socket.gaierror:
        return Reach.NO_NAME
    except OSError:
        return Reach.SHUT
    writer.close()
    return Reach.OPEN
