"""What a kind of access equipment must be able to do, whatever its maker.

A driver is pure: it turns the text of a redirect into values, and values into what must happen next. It reads no
database, opens no socket and knows no clock. Everything in a redirect was carried by the resident's browser, so it is
hostile until the driver has checked it against what the installation knows of the gateway.

What must happen next is one of four things: the browser goes somewhere or posts something (the gateway asks RADIUS),
the portal calls a controller, the gateway comes for it, or RADIUS makes the gateway ask about the device anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable
from urllib.parse import parse_qsl

from captive_portal.gateways.configuration import Configuration, Site
from captive_portal.gateways.controller import Controller
from captive_portal.gateways.garden_syntax import ONLY_EXACT_NAMES, GardenSyntax
from captive_portal.gateways.gateway import Gateway, Option
from foundation.mac_address import MacAddress

# Every gateway intercepts it while a device is captive: it is how Apple's devices find out (clients ask by plain HTTP).
INTERCEPTED_URL: Final = "http://captive.apple.com/hotspot-detect.html"

_MOST_PARAMETERS = 64
# openNDS packs all that it knows, with the address that the device wanted, into one value of at most so much.
_LONGEST_VALUE = 8192


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
    # The controller, which alone can tell whose redirect it is, did not.
    UNRESOLVED = "controller-does-not-tell"


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
class Clue:
    """What a redirect says of the gateway that sent it: enough to look it up, not to trust it.

    A redirect that came to a gateway's own arrival address is looked up by that; then the clue only tells the venue.
    """

    nas_identifier: str | None
    access_point: MacAddress | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A redirect that was checked."""

    outcome: Outcome
    # Its address; or, where the gateway does not tell it, what the gateway calls the device by for this visit.
    device: MacAddress | str = field(repr=False)
    # What `release`, `renew` and `log_out` will need again, such as a challenge; never empty when it is captive. A name
    # that ends in _url is an address that was checked: our pages' forms may lead there.
    hand_over: Mapping[str, str] = field(repr=False)
    language: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class AccessLimits:
    """What the policy of the place allows; None is no limit. Speeds are as the resident sees them."""

    seconds: int | None = None
    octets: int | None = None
    download_kilobits_per_second: int | None = None
    upload_kilobits_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """What lets the device on: a user name, its password, and what the gateway handed over on arrival."""

    user_name: str
    password: str = field(repr=False)
    hand_over: Mapping[str, str] = field(repr=False)
    # The journey's page that waits for proof; where the gateway is to send the browser when it has let the device on.
    return_url: str = field(default="", repr=False)
    limits: AccessLimits = AccessLimits()


@dataclass(frozen=True, slots=True)
class BrowserRedirect:
    """The browser goes there by itself (303)."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrowserForm:
    """The resident's browser posts these fields there, with one press of a button."""

    url: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    # Afterwards the gateway sends the browser to an address that is neither its own nor ours; browsers hold that, too,
    # against the policy of the page that the form was on.
    goes_on_elsewhere: bool = False


class Operation(StrEnum):
    """What a controller or a polling gateway is asked to do for a device."""

    GRANT = "grant"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class ServerCall:
    """The portal itself calls the gateway's controller (`ControllerDriver.call`), and its yes is the proof."""

    operation: Operation
    hand_over: Mapping[str, str] = field(repr=False)
    limits: AccessLimits = AccessLimits()


@dataclass(frozen=True, slots=True)
class PolledGrant:
    """The gateway will come and ask for it, and its acknowledgement is the proof."""

    operation: Operation
    # What the gateway calls the device.
    reference: str = field(repr=False)
    limits: AccessLimits = AccessLimits()


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """RADIUS tells the gateway to ask about the device anew (RFC 5176), or it does by itself; its session is proof."""

    operation: Operation
    hand_over: Mapping[str, str] = field(repr=False)


Action = BrowserRedirect | BrowserForm | ServerCall | PolledGrant | Reauthentication


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a kind of equipment offers, as far as the portal's path depends on it."""

    # Accounting sessions prove that a device is on; else the portal makes sessions of what it learns otherwise.
    sends_accounting: bool
    # How long what it handed over is good for one release; older or used is fetched anew. None: for as often and as
    # long as one likes.
    hand_over_lifetime_seconds: int | None
    can_log_out: bool = True
    # The device's address is all that it takes to let it on, so it may arrive by one that the portal itself made.
    needs_address_only: bool = False
    # It asks every few seconds which devices may be on, so nothing has to be sent to it.
    asks_by_itself: bool = False
    # How it takes the names that are reachable before login.
    garden: GardenSyntax = ONLY_EXACT_NAMES


class GatewayDriver(Protocol):
    """One kind of access equipment."""

    @property
    def name(self) -> str:
        """As in network_access_servers.gateway_driver (or vendor, where that is null) and in the arrival address."""

    @property
    def title(self) -> str:
        """As people call it, such as ``MikroTik hotspot``."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def options(self) -> tuple[Option, ...]:
        """What `Gateway.options` may hold."""

    @property
    def meanings(self) -> Mapping[str, str]:
        """Of each parameter of a redirect, in one line for an engineer."""

    def identify(self, redirect: Redirect) -> Clue | Refusal:
        """Which gateway says that it sent this."""

    def parse(self, redirect: Redirect, gateway: Gateway) -> Arrival | Refusal:
        """Check the redirect against the gateway that it says it comes from."""

    def release(self, credentials: Pass, gateway: Gateway) -> Action:
        """Let the device on."""

    def renew(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """Make the gateway redirect the browser to us once more, with a fresh hand-over."""

    def log_out(self, hand_over: Mapping[str, str], gateway: Gateway) -> Action:
        """End the device's session."""

    def configuration(self, site: Site) -> Configuration:
        """What an engineer enters into the equipment, ready to paste."""


class ControllerDriver(GatewayDriver, Protocol):
    """Equipment whose controller the portal calls."""

    async def call(self, controller: Controller, call: ServerCall, gateway: Gateway) -> None:
        """Do it once; doing it again changes nothing.

        Raises ControllerRefusedError (asking again is of no use) or ControllerUnavailableError (it may be of use).
        """


@runtime_checkable
class ResolvingDriver(Protocol):
    """Equipment that hides devices' addresses in its redirects, and whose controller tells them.

    ``parse`` gives the hidden address as the device.
    """

    async def resolve(self, controller: Controller, hidden: str, gateway: Gateway) -> MacAddress:
        """The address that is hidden. Raises as `ControllerDriver.call` does."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a device used since it was let on, as far as a controller says; input is from the device."""

    input_octets: int = 0
    output_octets: int = 0


@runtime_checkable
class UsageDriver(Protocol):
    """Equipment that sends no accounting, but whose controller can be asked."""

    async def usage(self, controller: Controller, gateway: Gateway) -> Mapping[MacAddress, Usage]:
        """Every device that is let on now; who is not among them is off.

        Raises as `ControllerDriver.call` does.
        """


@runtime_checkable
class ReturningDriver(Protocol):
    """Equipment that sends the browser back to `Pass.return_url` with something to tell.

    Where it sends no accounting, the return itself is what the portal knows of the session.
    """

    def returned(self, redirect: Redirect, gateway: Gateway) -> Mapping[str, str] | Refusal:
        """What to keep with the hand-over, such as an address for log-out; checked as everything from a browser is."""


@runtime_checkable
class NamingDriver(Protocol):
    """Equipment that sends a browser, once it is on, to the arrival address with the name that it logged in by.

    The name was made for one release and is a secret between this browser, the gateway and us.
    """

    def named(self, redirect: Redirect) -> str | None:
        """That name; None for a redirect of any other kind."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """What the browser brought: the query as it was sent, undecoded, and its parameters."""

    raw_query: str = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    # The end of the arrival address, where the gateway has one of its own.
    arrival_key: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, raw_query: str, arrival_key: str | None = None) -> Redirect | Refusal:
        """Decode a query string; one that says the same name twice, or cannot be decoded, is refused."""
        try:
            pairs = parse_qsl(raw_query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
        except ValueError:  # too many fields, or not UTF-8
            return Refusal(RefusalReason.MALFORMED)
        parameters = dict(pairs)
        if len(parameters) != len(pairs) or any(not _is_plain(value) for value in parameters.values()):
            return Refusal(RefusalReason.MALFORMED)
        return cls(raw_query, parameters, arrival_key)


def _is_plain(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and (value == "" or value.isprintable())
