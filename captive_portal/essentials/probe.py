"""Looks at essential sites from the portal's own host: does each answer, and does it need hosts that are not open?

Whoever enters a site decides where the portal's host connects to. So it connects to public addresses only, by HTTPS
and to names, reads so much and no more, and tells nothing of what it read but names of hosts.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from ipaddress import ip_address
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from captive_portal.essentials.sites import EssentialsError, EssentialSite, hosts_of, is_open, read_host
from captive_portal.storage.essentials import Checked

_TIMEOUT: Final = aiohttp.ClientTimeout(total=15, sock_connect=5)
_MOST_REDIRECTS: Final = 5
_MOST_OCTETS: Final = 1024 * 1024
_MOST_MISSING: Final = 20
_AT_A_TIME: Final = 4
_HEADERS: Final = {"User-Agent": "Mozilla/5.0 (CityWiFi; checks what is open before login)", "Accept": "text/html,*/*"}
# What a page cannot be shown without, by element and attribute.
_NEEDED: Final = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
_LINKS: Final = frozenset({"stylesheet", "preload", "modulepreload"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A site's page as it was found: why it could not be opened, or the hosts that it led to and that it needs."""

    problem: str | None = None
    hosts: frozenset[str] = frozenset()


class PublicResolver(AbstractResolver):
    """Names of what is on the internet only: an essential site is no way into our own network."""

    def __init__(self) -> None:
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Its public addresses. Raises OSError where it has none."""
        found = await self._resolver.resolve(host, port, family)
        public = [each for each in found if ip_address(each["host"]).is_global]
        if not public:
            raise OSError(None, "the name has no public address")
        return public

    async def close(self) -> None:
        """Nothing is kept."""
        await self._resolver.close()


def make_http() -> aiohttp.ClientSession:
    """A client for :func:`look_at`; whoever makes it closes it."""
    connector = aiohttp.TCPConnector(resolver=PublicResolver(), limit=_AT_A_TIME)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS)


async def look_at(
    http: aiohttp.ClientSession, sites: Sequence[EssentialSite], now: datetime
) -> list[tuple[EssentialSite, Checked]]:
    """Each site with what was found; what one of them needs may be open because of another one."""
    entries = hosts_of(sites)
    opened = await asyncio.gather(*(open_site(http, site.address) for site in sites))
    return [
        (site, Checked(now, found.problem, tuple(missing(found.hosts, entries))))
        for site, found in zip(sites, opened, strict=True)
    ]


def missing(hosts: Iterable[str], entries: Iterable[str]) -> list[str]:
    """The hosts that a list does not let through."""
    wanted = list(entries)
    return sorted(host for host in hosts if not is_open(host, wanted))[:_MOST_MISSING]


async def open_site(http: aiohttp.ClientSession, address: str) -> Opened:
    """Open an address as a browser would, and see whom its page needs."""
    hosts: set[str] = set()
    for _ in range(_MOST_REDIRECTS + 1):
        try:
            hosts.add(_host_of(address))
            async with http.get(URL(address, encoded=True), allow_redirects=False, timeout=_TIMEOUT) as answer:
                if 300 <= answer.status < 400 and "Location" in answer.headers:
                    address = urljoin(address, answer.headers["Location"])
                    continue
                if answer.status >= 400:
                    return Opened(_refused(answer.status), frozenset(hosts))
                page = await _read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, EssentialsError) as error:
            return Opened(_why(error), frozenset(hosts))
        return Opened(None, frozenset(hosts | needed_hosts(page, address)))
    return Opened(f"it redirects more than {_MOST_REDIRECTS} times", frozenset(hosts))


def needed_hosts(page: str, address: str) -> set[str]:
    """The hosts whose files a page shows or runs; what is no name is passed over."""
    reader = _Needs()
    reader.feed(page)
    hosts = set()
    for link in reader.links:
        try:
            parts = urlsplit(urljoin(address, link))
            if parts.scheme in ("https", "http"):
                hosts.add(read_host(parts.hostname or ""))
        except (ValueError, EssentialsError):
            continue
    return hosts


class _Needs(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "link" and not _LINKS & set((attributes.get("rel") or "").lower().split()):
            return
        link = attributes.get(_NEEDED.get(tag, ""))
        if link:
            self.links.append(link)


def _host_of(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme != "https" or parts.port not in (None, 443):
        raise EssentialsError("it leads to an address that is not https://")
    return read_host(parts.hostname or "")


async def _read(answer: aiohttp.ClientResponse) -> str:
    octets = bytearray()
    async for piece in answer.content.iter_chunked(64 * 1024):
        octets += piece
        if len(octets) >= _MOST_OCTETS:
            break
    return octets[:_MOST_OCTETS].decode(errors="replace")


def _refused(status: int) -> str:
    if status in (401, 403, 429):
        return f"it answers {status}: perhaps only to programs, so look with a browser"
    return f"it answers {status}"


def _why(error: Exception) -> str:
    """In words that name no address but those that were entered."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known, or has no public address"
        case aiohttp.ClientSSLError():
            return "its certificate is not valid for its name"
        case TimeoutError():
            return "it does not answer in time"
        case EssentialsError():
            return str(error)
        case _:
            return f"it cannot be reached ({type(error).__name__})"
