"""What all simulated gateways share: devices, sessions, RADIUS, and how browsers and the portal meet them.

A simulated gateway is written from the vendor's documents and not from the driver, so that each tests the other. It
lives in this process: browsers and the portal reach it by method calls, but its RADIUS goes over real UDP sockets to a
real server. A controller with an API that the portal calls is a real HTTP server, opened in ``open``.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Final

from captive_portal.gateways.gateway import origin
from foundation.mac_address import MacAddress
from radius import attributes
from radius.attribute_values import Value
from radius.packet import Code, Packet
from tests.captive_portal.simulated.radius_side import Answer as DynamicAnswer
from tests.captive_portal.simulated.radius_side import DynamicAuthorizationPort, Pair, RadiusSide

ACCESS_POINT: Final = MacAddress.parse("00-00-5E-00-53-00")
RADIUS_SECRET: Final = b"a radius secret"
_USER_REQUEST: Final = 1
_ADMIN_RESET: Final = 6
# RFC 5176 section 3.5
_SESSION_NOT_FOUND: Final = 503


@dataclass(slots=True, eq=False)
class Device:
    """A phone as the gateway sees it. Its IP address may change between two steps."""

    mac: MacAddress
    ip: IPv4Address | IPv6Address

    @property
    def dashes(self) -> str:
        """``AA-BB-CC-DD-EE-FF``"""
        return str(self.mac)

    @property
    def colons(self) -> str:
        """``aa:bb:cc:dd:ee:ff``"""
        return str(self.mac).replace("-", ":").lower()

    @property
    def plain(self) -> str:
        """``aabbccddeeff``"""
        return str(self.mac).replace("-", "").lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser gets over HTTP: a page, or a redirect where there is a ``location``."""

    status: int = 200
    text: str = ""
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def redirect(cls, location: str) -> Answer:
        """302, as gateways do it."""
        return cls(302, "", location)


# What a gateway itself asks the portal over HTTP: method, path with query, the fields of a form or a body, headers.
AskPortal = Callable[..., Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engineer enters into the gateway."""

    # Without a slash at its end.
    portal_url: str
    # Where it sends browsers; of its own where `has_own_arrival_address`.
    arrival_url: str
    authentication_server: tuple[str, int]
    accounting_server: tuple[str, int]
    ask_portal: AskPortal


@dataclass(slots=True, eq=False)
class Session:
    """A device that RADIUS let on, from Accounting-Start to Accounting-Stop."""

    device: Device
    user_name: str
    acct_session_id: str
    accept: Packet
    # What the gateway says of the device, as in the Access-Request.
    pairs: tuple[Pair, ...]
    started_at: datetime
    input_octets: int = 0
    output_octets: int = 0

    @property
    def classes(self) -> tuple[Pair, ...]:
        """Class of the Access-Accept, which goes back in accounting (RFC 2865 section 5.25)."""
        return tuple(("Class", octets) for octets in attributes.get_all_octets(self.accept, "Class"))


class SimulatedGateway:
    """One gateway of one kind. Subclasses say which, and what it does with browsers.

    A subclass is found by its ``driver`` (tests.captive_portal.simulated); one file holds a driver's variants. The
    row of network_access_servers is made of the class's attributes after ``open``, so that a controller's port can be
    in ``login_url``.
    """

    # The name in captive_portal.gateways.DRIVERS; empty for what is no gateway itself.
    driver: ClassVar[str] = ""
    # Which of several ways the driver has, such as "level 3".
    variant: ClassVar[str] = ""
    # network_access_servers.vendor: the reply attributes that it understands.
    vendor: ClassVar[str] = "other"
    has_own_arrival_address: ClassVar[bool] = False
    # Whether RADIUS is asked when a device is let on.
    uses_radius: ClassVar[bool] = True
    # Whether devices get an address of the captive portal API from it: see `captive_portal_api`.
    gives_captive_portal_api: ClassVar[bool] = False
    # Clients and faults of the matrix that it cannot meet, each with the reason why.
    not_applicable: ClassVar[Mapping[str, str]] = {}

    # Where its packets come from; each simulated gateway has a RADIUS server of its own.
    address: str = "127.11.0.1"
    network: str | None = "127.11.0.0/24"
    login_url: str | None = None
    nas_identifier: str | None = "central"
    portal_secret: bytes | None = None
    takes_dynamic_authorization: bool = False

    def __init__(self) -> None:
        self.options: dict[str, str] = {}
        self.sessions: dict[MacAddress, Session] = {}
        self.surroundings = Surroundings("", "", ("", 0), ("", 0), _unconfigured)
        self.radius = RadiusSide(self.address, RADIUS_SECRET, ("", 0), ("", 0))
        # What goes wrong, besides `radius.faults`: the next so many requests by RFC 5176 are refused, the next calls of
        # the controller's API are answered with these statuses, and the gateway's clock is wrong by so much.
        self.refused_dynamic_requests = 0
        self.api_faults: list[int] = []
        self.clock_skew = timedelta(0)
        self.dynamic_authorization = DynamicAuthorizationPort(RADIUS_SECRET, self._take_dynamic_request)
        self._numbers = itertools.count(1)
        self._starting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()

    @classmethod
    def title(cls) -> str:
        """The driver's name and the variant, as in the table of all."""
        return f"{cls.driver} {cls.variant}".strip()

    # -- life ---------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Before its row is made; a subclass starts its controller here."""
        if self.takes_dynamic_authorization:
            await self.dynamic_authorization.open(self.address)

    def configure(self, surroundings: Surroundings) -> None:
        """An engineer enters what the gateway needs."""
        self.surroundings = surroundings
        self.radius.authentication_server = surroundings.authentication_server
        self.radius.accounting_server = surroundings.accounting_server

    async def close(self) -> None:
        """End what runs."""
        await self.settle()
        await self.dynamic_authorization.close()

    def row(self) -> dict[str, object]:
        """Its columns in network_access_servers, secrets and JSON not yet as they are stored."""
        takes = self.takes_dynamic_authorization
        return {
            "vendor": self.vendor,
            "gateway_driver": self.driver,
            "network": self.network,
            "nas_identifier": self.nas_identifier,
            "login_url": self.login_url,
            "dynamic_authorization_host": self.address if takes else None,
            "dynamic_authorization_port": self.dynamic_authorization.port if takes else None,
        }

    # -- what browsers and phones do ----------------------------------------------------------------------------------

    async def associate(self, device: Device) -> None:
        """A device comes into reach and gets an address; MAC authentication happens here."""

    def disassociate(self, device: Device) -> None:
        """A device has gone; what the gateway keeps of it besides its session."""

    def captive_portal_api(self, device: Device) -> str:
        """What DHCP option 114 tells this device, where `gives_captive_portal_api`."""
        raise NotImplementedError

    def owns(self, url: str) -> bool:
        """Whether a browser that opens this address talks to the gateway itself."""
        return self.login_url is not None and origin(url) == origin(self.login_url)

    def lets_through(self, device: Device, url: str) -> bool:
        """Whether the device reaches an address of the internet; before login nothing but the portal."""
        return device.mac in self.sessions

    async def intercept(self, device: Device, url: str) -> str:
        """Where a captive device's browser is redirected when it asks for something by plain HTTP."""
        raise NotImplementedError

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """What the gateway answers at its own addresses; ``fields`` are of the query for GET, of the form for POST."""
        raise NotImplementedError

    async def poll(self) -> None:
        """What a gateway does by itself every few seconds, such as asking the portal; called while a browser waits."""

    async def log_off(self, device: Device) -> None:
        """The device's session ends at its own wish."""
        await self.end_session(device, cause=_USER_REQUEST)

    def expire_hand_over(self, device: Device) -> None:
        """What was handed over on arrival (a challenge, a token) is good no longer."""

    def now(self) -> datetime:
        """What the gateway takes for the time."""
        return datetime.now(UTC) + self.clock_skew

    async def settle(self) -> None:
        """Wait until every accounting record under way is answered."""
        await asyncio.gather(*self._starting, *self._ending)

    # -- RADIUS -------------------------------------------------------------------------------------------------------

    def pairs(self, device: Device) -> list[Pair]:
        """What it says of the device and itself in each packet; a subclass spells these as its vendor does."""
        pairs: list[Pair] = [
            ("Calling-Station-Id", device.dashes),
            ("Called-Station-Id", f"{ACCESS_POINT}:CityWiFi"),
            ("NAS-IP-Address", IPv4Address(self.address)),
            ("NAS-Port-Type", 19),
        ]
        if self.nas_identifier is not None:
            pairs.append(("NAS-Identifier", self.nas_identifier))
        if isinstance(device.ip, IPv4Address):
            pairs.append(("Framed-IP-Address", device.ip))
        return pairs

    async def authenticate(
        self,
        device: Device,
        user_name: str,
        *,
        password: str | bytes | None = None,
        chap_password: str | bytes | None = None,
        chap_challenge: bytes | None = None,
        more: tuple[Pair, ...] = (),
        begins: bool = True,
    ) -> Packet | None:
        """Ask RADIUS; after an accept the device is on and Accounting-Start goes out, unless ``begins`` is False.

        The Access-Accept or Access-Reject, or None where RADIUS did not answer.
        """
        acct_session_id = f"{next(self._numbers):08x}"
        own = tuple(self.pairs(device))
        pairs: tuple[Pair, ...] = (("User-Name", user_name), ("Acct-Session-Id", acct_session_id), *own, *more)
        reply = await self.radius.access_request(
            pairs, password=password, chap_password=chap_password, chap_challenge=chap_challenge
        )
        if reply is not None and reply.code is Code.ACCESS_ACCEPT and begins:
            self.begin_session(device, user_name, acct_session_id, reply, own)
        return reply

    def begin_session(
        self, device: Device, user_name: str, acct_session_id: str, accept: Packet, pairs: tuple[Pair, ...]
    ) -> Session:
        """Let the device on and report it, without waiting for that."""
        named = attributes.get_text(accept, "User-Name") or user_name
        session = Session(device, named, acct_session_id, accept, pairs, self.now())
        self.sessions[device.mac] = session
        self._report_soon(session, "Start")
        return session

    async def report_usage(self, device: Device, *, input_octets: int, output_octets: int) -> None:
        """The session has carried so much; an Interim-Update says so."""
        session = self.sessions[device.mac]
        session.input_octets, session.output_octets = input_octets, output_octets
        await self.settle()
        await self._report(session, "Interim-Update")

    async def end_session(self, device: Device, *, cause: int = _USER_REQUEST) -> None:
        """The device is captive again, and RADIUS has been told when this returns."""
        session = self.sessions.pop(device.mac, None)
        await asyncio.gather(*self._starting)
        if session is not None:
            await self._report(session, "Stop", cause)

    def _report_soon(self, session: Session, status: str) -> None:
        task = asyncio.create_task(self._report(session, status))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _report(self, session: Session, status: str, cause: int | None = None) -> None:
        now = self.now()
        pairs: list[Pair] = [
            ("Acct-Status-Type", status),
            ("Acct-Session-Id", session.acct_session_id),
            ("User-Name", session.user_name),
            ("Event-Timestamp", now),
            *session.pairs,
            *session.classes,
        ]
        if status != "Start":
            seconds = int((now - session.started_at).total_seconds())
            pairs += _counters(seconds, session.input_octets, session.output_octets)
        if cause is not None:
            pairs.append(("Acct-Terminate-Cause", cause))
        reply = await self.radius.accounting_request(pairs)
        assert reply is not None, "an accounting record was not answered"

    # -- dynamic authorisation (RFC 5176) -----------------------------------------------------------------------------

    async def take_dynamic_request(self, request: Packet, sessions: list[Session]) -> DynamicAnswer:
        """What the gateway does when asked; ``sessions`` are those that the request names, at least one.

        As it stands: a Disconnect-Request ends them, a CoA-Request changes limits.
        """
        if request.code is Code.COA_REQUEST:
            return DynamicAnswer(Code.COA_ACK)
        for session in sessions:
            task = asyncio.create_task(self.end_session(session.device, cause=_ADMIN_RESET))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return DynamicAnswer(Code.DISCONNECT_ACK)

    def named_sessions(self, request: Packet) -> list[Session]:
        """The sessions that a request means, by all that it says of them."""
        found = list(self.sessions.values())
        if (number := attributes.get_text(request, "Acct-Session-Id")) is not None:
            found = [session for session in found if session.acct_session_id == number]
        if (user_name := attributes.get_text(request, "User-Name")) is not None:
            found = [session for session in found if session.user_name == user_name]
        if (station := attributes.get_text(request, "Calling-Station-Id")) is not None:
            mac = MacAddress.parse(station)
            found = [session for session in found if session.device.mac == mac]
        return found

    async def _take_dynamic_request(self, request: Packet) -> DynamicAnswer:
        is_change = request.code is Code.COA_REQUEST
        nak = Code.COA_NAK if is_change else Code.DISCONNECT_NAK
        if self.refused_dynamic_requests:
            self.refused_dynamic_requests -= 1
            return DynamicAnswer(nak, (("Error-Cause", _SESSION_NOT_FOUND),))
        sessions = self.named_sessions(request)
        if not sessions:
            return DynamicAnswer(nak, (("Error-Cause", _SESSION_NOT_FOUND),))
        return await self.take_dynamic_request(request, sessions)


def new_device(number: int, *, ipv6_only: bool = False) -> Device:
    """A device with a randomised address of its own, such as phones have since 2020."""
    mac = MacAddress.parse(f"0200{number:08x}")
    address = (
        IPv6Address(f"2001:db8::{number:x}") if ipv6_only else IPv4Address(f"10.1.{number // 250}.{number % 250 + 2}")
    )
    return Device(mac, address)


def with_new_address(device: Device) -> None:
    """DHCP gives it another IP address."""
    device.ip = device.ip + 1000


def _counters(seconds: int, input_octets: int, output_octets: int) -> list[tuple[str, Value]]:
    return [
        ("Acct-Session-Time", seconds),
        ("Acct-Input-Octets", input_octets % 2**32),
        ("Acct-Input-Gigawords", input_octets // 2**32),
        ("Acct-Output-Octets", output_octets % 2**32),
        ("Acct-Output-Gigawords", output_octets // 2**32),
    ]


async def _unconfigured(*_: object) -> Answer:
    raise AssertionError("a gateway that is not configured knows no portal")
