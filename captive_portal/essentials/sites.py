"""Which sites can be opened before login: those that come with us (sites.json), and what a council makes of them.

A site is an address and the names of the hosts that its pages need. Equipment is told names only: what is behind them
is TLS's, and nobody on the way sees which page it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from captive_portal.errors import PortalError

_FILE: Final = Path(__file__).parent / "sites.json"
_LONGEST_NAME: Final = 100
_LONGEST_ADDRESS: Final = 400
_LONGEST_HOST: Final = 253
MOST_HOSTS_OF_A_SITE: Final = 20
MOST_SITES: Final = 30
_HOST: Final = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
# By these devices find out that they are captive (clients ask by plain HTTP). Were one reachable before login, the
# sign-up page would never open.
_PROBED: Final = (
    "captive.apple.com",
    "www.apple.com",
    "connectivitycheck.gstatic.com",
    "www.gstatic.com",
    "www.google.com",
    "clients3.google.com",
    "play.googleapis.com",
    "www.msftconnecttest.com",
    "www.msftncsi.com",
    "edge-http.microsoft.com",
    "detectportal.firefox.com",
    "nmcheck.gnome.org",
    "connectivity-check.ubuntu.com",
    "fedoraproject.org",
    "ping.archlinux.org",
    "networkcheck.kde.org",
    "spectrum.s3.amazonaws.com",
)
# Below these anybody gets a name: open as a whole, they open whatever somebody puts there.
_ANYBODYS: Final = frozenset(
    {
        "co.uk", "org.uk", "me.uk", "ltd.uk", "plc.uk", "net.uk", "ac.uk", "sch.uk",
        "akamaized.net", "amazonaws.com", "azureedge.net", "azurefd.net", "azurewebsites.net", "cloudfront.net",
        "fastly.net", "github.io", "googleusercontent.com", "herokuapp.com", "netlify.app", "pages.dev", "vercel.app",
        "windows.net", "workers.dev",
    }
)  # fmt: skip


class EssentialsError(PortalError):
    """A site that cannot be opened before login as it was given; the message says why and what to do."""


class Purpose(StrEnum):
    """What a site is for: the page lists them by it, in this order."""

    COUNCIL = "council"
    HEALTH = "health"
    GOVERNMENT = "government"
    RIGHTS = "rights"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class EssentialSite:
    """A site, checked."""

    # What it is called by in commands; of two with the same the council's own holds.
    key: str
    purpose: Purpose
    name: str
    address: str
    # What its pages need besides the address's own host; ``*.`` before a name stands for all names that end so.
    other_hosts: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """All that equipment is told of it."""
        return tuple(dict.fromkeys((urlsplit(self.address).hostname or "", *self.other_hosts)))


@cache
def default_sites() -> tuple[EssentialSite, ...]:
    """Those that come with us, in their order."""
    read = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(
        make_site(each["name"], each["address"], each["hosts"], each["purpose"], key=each["key"]) for each in read
    )


def make_site(
    name: str, address: str, other_hosts: Iterable[str], purpose: str = Purpose.COUNCIL, *, key: str | None = None
) -> EssentialSite:
    """A site as somebody entered it. Without ``key`` it has one of its host and path. Raises EssentialsError."""
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise EssentialsError(f"a site needs a name of at most {_LONGEST_NAME} characters")
    if purpose not in list(Purpose):
        raise EssentialsError(f"there is no purpose {purpose!r}; there are {', '.join(Purpose)}")
    address = read_address(address)
    others = tuple(dict.fromkeys(read_host(host) for host in other_hosts))
    if len(others) > MOST_HOSTS_OF_A_SITE:
        raise EssentialsError(f"a site names at most {MOST_HOSTS_OF_A_SITE} other hosts; equipment takes no long lists")
    return EssentialSite(key or _key(address), Purpose(purpose), name, address, others)


def read_address(text: str) -> str:
    """An address that may be opened before login. Raises EssentialsError."""
    address = text.strip()
    try:
        parts, port = urlsplit(address), urlsplit(address).port
    except ValueError:
        raise EssentialsError("this is no web address") from None
    if parts.scheme != "https" or port not in (None, 443) or "@" in parts.netloc:
        raise EssentialsError(
            "the address begins with https:// and has neither port nor user: a gateway answers itself what is asked "
            "by plain HTTP"
        )
    if len(address) > _LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address:
        raise EssentialsError(f"the address has at most {_LONGEST_ADDRESS} characters, all of them ASCII")
    if read_host(parts.hostname or "").startswith("*."):
        raise EssentialsError("an address names one host; give names with *. as other hosts")
    return address


def read_host(text: str) -> str:
    """A host's name, or ``*.`` and a name. Raises EssentialsError for what must not be open, and for no name."""
    host = text.strip().lower().rstrip(".")
    if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
        raise EssentialsError(
            f"{text.strip()[:100]!r} is no host's name such as www.example.gov.uk or *.example.gov.uk; addresses of "
            "numbers change too often"
        )
    # Some equipment takes a name for all that ends with it, with a star or without.
    base = host.removeprefix("*.")
    if "." not in base or base in _ANYBODYS:
        raise EssentialsError(f"{host!r} would open what anybody can put there; give longer names")
    shut = next((probed for probed in _PROBED if f".{probed}".endswith(f".{base}")), None)
    if shut is not None:
        raise EssentialsError(
            f"{host!r} has {shut} in it, by which devices find out that they are not online yet; with it open the "
            "sign-up page would never come up"
        )
    return host


def covers(entry: str, host: str) -> bool:
    """Whether a host is one of those that an entry of the list stands for."""
    return host.endswith(entry[1:]) if entry.startswith("*.") else host == entry


def is_open(host: str, entries: Iterable[str]) -> bool:
    """Whether a list lets a host through."""
    return any(covers(entry, host) for entry in entries)


def hosts_of(sites: Sequence[EssentialSite]) -> tuple[str, ...]:
    """What equipment is told, each once; what a ``*.`` stands for already is left out."""
    entries = tuple(dict.fromkeys(host for site in sites for host in site.hosts))
    wide = [entry for entry in entries if entry.startswith("*.")]
    return tuple(entry for entry in entries if entry in wide or not is_open(entry, wide))


def _key(address: str) -> str:
    parts = urlsplit(address)
    words = re.findall(r"[a-z0-9]+", f"{(parts.hostname or '').removeprefix('www.')}{parts.path}".lower())
    return "-".join(words)[:64].rstrip("-")
