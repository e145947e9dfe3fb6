"""What a kind of access equipment must be able to do, whatever its maker.

A driver is pure: it turns the text of a redirect into values, and values into what must happen next. It reads no
database, opens no socket and knows no clock. Everything in a redirect was carried by the resident's browser, so it is
hostile until the driver has checked it against what the installation knows of the gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from foundation.mac_address import MacAddress

_MOST_PARAMETERS = 64
# Longer than any value that a gateway sends, userurl apart, which nobody here reads.
_LONGEST_VALUE = 2048


class RefusalReason(StrEnum):
    """Why a redirect is not believed; the words are a metric's label and the reference on the resident's page."""

    MALFORMED = "malformed"
    MISSING = "missing-parameter"
    UNKNOWN_RESULT = "unknown-result"
    UNKNOWN_GATEWAY = "unknown-gateway"
    UNSEALED = "unsealed"
    WRONG_SEAL = "wrong-seal"
    WRONG_TARGET = "wrong-target"
    INCOMPLETE_GATEWAY = "gateway-incomplete"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The redirect is not believed."""

    reason: RefusalReason


class Outcome(StrEnum):
    """What a gateway says about the device that it redirects."""

    CAPTIVE = "captive"
    GRANTED = "granted"
    ALREADY_ONLINE = "already-online"
    REFUSED = "refused"
    LOGGED_OFF = "logged-off"


class Failure(StrEnum):
    """Why the gateway did not let the device on, as far as it says."""

    REJECTED = "rejected"
    TIMEOUT = "timeout"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Gateway:
    """One network access server, as the installation knows it."""

    nas_id: int
    council_id: int
    venue_id: int | None
    # The portal's address as configured in the gateway, which seals are computed over.
    portal_address: str
    # The only address that a browser is sent to with credentials.
    login_url: str | None
    portal_secret: bytes | None = field(default=None, repr=False)

    @property
    def login_origin(self) -> str | None:
        """Scheme, host and port of the login address, for a content security policy."""
        if self.login_url is None:
            return None
        parts = urlsplit(self.login_url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Clue:
    """What a redirect says of the gateway that sent it: enough to look it up, not to trust it."""

    nas_identifier: str | None
    access_point: MacAddress | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A redirect that was checked."""

    outcome: Outcome
    device: MacAddress
    # What `release` will need again, such as a challenge.
    hand_over: Mapping[str, str] = field(repr=False)
    language: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """What lets the device on: a user name, its password, and what the gateway handed over on arrival."""

    user_name: str
    password: str = field(repr=False)
    hand_over: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrowserRedirect:
    """The browser goes there by itself (303)."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrowserForm:
    """The resident's browser posts these fields there, with one press of a button."""

    url: str
    fields: Mapping[str, str] = field(repr=False)


Action = BrowserRedirect | BrowserForm


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a kind of equipment offers, as far as the portal's path depends on it."""

    # Accounting sessions prove that a device is on.
    sends_accounting: bool
    # How long what it handed over is good for release; older is fetched anew.
    hand_over_lifetime_seconds: int


class GatewayDriver(Protocol):
    """One kind of access equipment."""

    @property
    def name(self) -> str:
        """As in network_access_servers.vendor and in the arrival address."""

    @property
    def capabilities(self) -> Capabilities: ...

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """Which gateway says that it sent this."""

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check the redirect against the gateway that it says it comes from."""

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """Let the device on."""

    def renew(self, gateway: Gateway) -> Action:
        """Make the gateway redirect the browser to us once more, with a fresh hand-over."""

    def log_out(self, gateway: Gateway) -> Action:
        """End the device's session."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """What the browser brought: the query as it was sent, undecoded, and its parameters."""

    raw_query: str = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, raw_query: str) -> Redirect | Refusal:
        """Decode a query string; one that says the same name twice, or cannot be decoded, is refused."""
        try:
            pairs = parse_qsl(raw_query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
        except ValueError:  # too many fields, or not UTF-8
            return Refusal(RefusalReason.MALFORMED)
        parameters = dict(pairs)
        if len(parameters) != len(pairs) or any(not _is_plain(value) for value in parameters.values()):
            return Refusal(RefusalReason.MALFORMED)
        return cls(raw_query, parameters)


def _is_plain(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and (value == "" or value.isprintable())
