"""One gateway, as the installation knows it: what was entered of it, and what its kind needs to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

# Addresses whose origin is kept ready: every page of a journey asks for its gateway's.
_MOST_ORIGINS = 1024


@dataclass(frozen=True, slots=True)
class Gateway:
    """One network access server, as the installation knows it."""

    nas_id: int
    council_id: int
    venue_id: int | None
    # The portal's address as configured in the gateway, which seals are computed over.
    portal_address: str
    # The only address that a browser is sent to with credentials, or where the controller's API is.
    login_url: str | None
    # uamsecret, faskey, API key or password, by the kind of equipment.
    portal_secret: bytes | None = field(default=None, repr=False)
    name: str = ""
    nas_identifier: str | None = None
    # Where its packets come from (CIDR), which is also where access points that take credentials themselves are.
    network: str | None = None
    # The unguessable end of its own arrival address.
    arrival_key: str | None = field(default=None, repr=False)
    # What its driver needs besides: see `GatewayDriver.options`. Checked when it was entered; defaults are filled in.
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def login_origin(self) -> str | None:
        """Scheme, host and port of the login address, for a content security policy."""
        return None if self.login_url is None else origin(self.login_url)

    def allows(self, target: str) -> bool:
        """Whether an address from a redirect has the login address's scheme, host and port."""
        try:
            return self.login_url is not None and origin(target) == origin(self.login_url)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Option:
    """Something that only this kind of equipment needs to be told of a gateway; never a secret."""

    name: str
    meaning: str
    default: str = ""
    # Any text where there are none.
    choices: tuple[str, ...] = ()
    is_required: bool = False


@lru_cache(maxsize=_MOST_ORIGINS)
def origin(url: str) -> str:
    """Scheme, host and port of an address. Raises ValueError where it has none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("no web address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = 443 if parts.scheme == "https" else 80
    port = parts.port or default
    return f"{parts.scheme}://{host}" if port == default else f"{parts.scheme}://{host}:{port}"
