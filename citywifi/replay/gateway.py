"""A simulated CoovaChilli gateway: devices, challenges, sessions, and what it says to portal and RADIUS server.

Its HTTP front and its dynamic-authorisation port are thin shells around this (``gateway_http``, ``gateway_coa``). Each
phone has a clock of its own, because a replay plays the past and a browser lives in the present. Source: behaviour of
CoovaChilli as its sources ``redir.c`` and ``chilli.c`` have it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address

from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.errors import ServiceUnreachableError
from citywifi.replay.gateway_packets import (
    MAC_PASSWORD,
    Grant,
    Place,
    Station,
    access_request,
    grant_from,
    restart_accounting,
    session_accounting,
)
from citywifi.replay.gateway_radius import RadiusClient, RadiusTimeoutError, Retransmission
from citywifi.replay.schedule import TerminateCause
from citywifi.replay.uam import FailureReason, Proof, Result, keyed_challenge, read_proof, redirect_url
from foundation.mac_address import MacAddress
from radius import attributes as radius_attributes
from radius.packet import Attribute, Code

CHALLENGE_LIFETIME_SECONDS = 600
_CHALLENGE_OCTETS = 16
_LONGEST_BACK_OFF_SECONDS = 5.0
_NEVER = datetime.min.replace(tzinfo=UTC)

Clock = Callable[[], datetime]
OnAnswered = Callable[[AccountingRecord], None]


def wall_clock() -> datetime:
    """The present."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How a gateway is configured."""

    number: int
    address: str
    nas_identifier: str
    access_point: MacAddress
    location_name: str
    # The portal's address as the gateway has it: seals are made over this text.
    uam_server: str
    uam_secret: bytes = field(repr=False)
    radius_secret: bytes = field(repr=False)
    authentication_server: tuple[str, int] = ("127.0.0.1", 1812)
    accounting_server: tuple[str, int] = ("127.0.0.1", 1813)
    uam_port: int = 3990
    dynamic_authorization_port: int = 3799
    network_name: str = "Coventry Free WiFi"
    retransmission: Retransmission = field(default_factory=Retransmission)
    # How long an accounting record is offered again before the gateway gives up on it.
    accounting_patience_seconds: float = 600.0

    @property
    def base_url(self) -> str:
        """Where browsers reach it."""
        return f"http://{self.address}:{self.uam_port}"


@dataclass(slots=True, repr=False, eq=False)
class Session:
    """A device that is on, from Accounting-Start to Accounting-Stop."""

    acct_session_id: str
    station: Station
    user_name: str
    grant: Grant
    started_at: datetime
    starting: asyncio.Task[None] | None = None
    seconds: int = 0
    input_octets: int = 0
    output_octets: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, repr=False, eq=False)
class Phone:
    """A device that has an address from the gateway."""

    station: Station
    clock: Clock
    next_session_id: str
    challenge: bytes = b""
    challenge_made_at: datetime = _NEVER
    user_url: str = ""
    mac_authentication_tried: bool = False
    session: Session | None = None
    last_seen_at: datetime = _NEVER


class Gateway:
    """One gateway. ``open`` it, then devices ``connect`` and are let on; ``close`` it at the end."""

    def __init__(self, settings: GatewaySettings, *, run: str, on_answered: OnAnswered = lambda _record: None) -> None:
        self.settings = settings
        self.phones: dict[MacAddress, Phone] = {}
        self._run = run
        self._on_answered = on_answered
        self._session_numbers = 0
        self._ports = 0
        self._place = Place(
            settings.address,
            settings.nas_identifier,
            settings.access_point,
            settings.location_name,
            f"{settings.base_url}/logoff",
        )
        self.authentication, self.accounting = (
            RadiusClient(settings.address, server, settings.radius_secret, settings.retransmission)
            for server in (settings.authentication_server, settings.accounting_server)
        )

    async def open(self) -> None:
        """Bind the RADIUS sockets. Raises OSError."""
        await self.authentication.open()
        await self.accounting.open()

    def close(self) -> None:
        """Give the sockets back."""
        self.authentication.close()
        self.accounting.close()

    async def report_restart(self, status: Status, at: datetime) -> None:
        """Accounting-On when the gateway starts, Accounting-Off before it stops. Raises ServiceUnreachableError."""
        record = AccountingRecord(status, self.settings.nas_identifier, f"{self._run}-restart", at)
        await self._deliver(record, lambda: restart_accounting(self._place, record, wall_clock()))

    def connect(self, device: MacAddress, clock: Clock = wall_clock) -> Phone:
        """A device comes into reach, or is there again: it gets an IP address and is nobody yet."""
        known = self.phones.get(device)
        if known is not None:
            known.mac_authentication_tried, known.clock = False, clock
            return known
        self._ports += 1
        # A resident network of the gateway's own, 10.<gateway>.0.0/16.
        address = IPv4Address(bytes((10, self.settings.number % 256, *divmod(self._ports % 65_000 + 1, 256))))
        phone = Phone(Station(device, address, self._ports), clock, self._new_session_id())
        self.phones[device] = phone
        return phone

    def disconnect(self, phone: Phone) -> None:
        """A device without a session has gone; it is forgotten."""
        self.phones.pop(phone.station.device, None)

    async def first_packet(self, phone: Phone) -> bool:
        """MAC authentication, once for each time that the device connects: True if it is on.

        No answer counts as no: the resident sees the portal, which says more.
        """
        if phone.session is not None:
            return True
        if phone.mac_authentication_tried:
            return False
        phone.mac_authentication_tried = True
        try:
            grant = await self._authenticate(phone, str(phone.station.device), Proof(password=MAC_PASSWORD))
        except RadiusTimeoutError:
            return False
        if isinstance(grant, str):
            return False
        self._begin(phone, str(phone.station.device), grant)
        return True

    def intercept(self, phone: Phone, user_url: str) -> str:
        """Where a device that is not on is sent: the portal, with a fresh challenge."""
        phone.user_url = user_url
        return self._redirect(phone, Result.NOT_YET)

    async def visit(self, phone: Phone, path: str, query: Mapping[str, str]) -> str | None:
        """Where one of the gateway's own addresses sends a browser; None for an address that is not its own."""
        match path:
            case "/logon":
                return await self.log_on(phone, query)
            case "/logoff":
                return await self.log_off(phone)
            case "/prelogin" if phone.session is None:
                return self.intercept(phone, query.get("userurl", phone.user_url))
            case "/prelogin" | "/status":
                return self._redirect(phone, Result.NOT_YET if phone.session is None else Result.ALREADY)
        return None

    async def log_on(self, phone: Phone, query: Mapping[str, str]) -> str:
        """What /logon answers: where the browser goes next."""
        if phone.session is not None:
            return self._redirect(phone, Result.ALREADY)
        age_seconds = (wall_clock() - phone.challenge_made_at).total_seconds()
        keyed = keyed_challenge(phone.challenge, self.settings.uam_secret)
        proof = read_proof(query, keyed)
        user_name = query.get("username", "")
        if proof is None or not user_name or age_seconds > CHALLENGE_LIFETIME_SECONDS:
            return self._redirect(phone, Result.FAILED, reason=FailureReason.OTHER)
        phone.user_url = query.get("userurl", phone.user_url)
        try:
            grant = await self._authenticate(phone, user_name, proof)
        except RadiusTimeoutError:
            return self._redirect(phone, Result.FAILED, reason=FailureReason.TIMEOUT)
        if isinstance(grant, str):
            reply = {"reply": grant} if grant else {}
            return self._redirect(phone, Result.FAILED, reason=FailureReason.REJECT, **reply)
        self._begin(phone, user_name, grant)
        return grant.redirection_url or self._redirect(phone, Result.SUCCESS, uid=user_name)

    async def log_off(self, phone: Phone) -> str:
        """What /logoff answers; the session ends by the user's request."""
        if phone.session is not None:
            self.count_time(phone)
            await self.stop(phone, phone.clock(), TerminateCause.USER_REQUEST)
        return self._redirect(phone, Result.LOGGED_OFF)

    async def interim(self, phone: Phone, at: datetime) -> None:
        """Report the session as it counts now. Raises ServiceUnreachableError."""
        if phone.session is not None:
            await self._report(phone.session, Status.INTERIM, at)

    async def stop(self, phone: Phone, at: datetime, cause: TerminateCause) -> None:
        """End the session and report it as it counts now. Raises ServiceUnreachableError."""
        session, phone.session = phone.session, None
        if session is None:
            return
        phone.next_session_id = self._new_session_id()
        session.ended.set()
        await self._report(session, Status.STOP, at, cause)

    def sessions_of(self, user_name: str, acct_session_id: str | None) -> list[Phone]:
        """Phones whose session a dynamic-authorisation request means."""
        return [
            phone
            for phone in self.phones.values()
            if phone.session is not None
            and phone.session.user_name == user_name
            and acct_session_id in (None, phone.session.acct_session_id)
        ]

    def count_time(self, phone: Phone) -> None:
        """Take the phone's clock for how long its session has lasted."""
        if phone.session is not None:
            elapsed = (phone.clock() - phone.session.started_at).total_seconds()
            phone.session.seconds = max(phone.session.seconds, int(elapsed))

    def _begin(self, phone: Phone, user_name: str, grant: Grant) -> None:
        session = Session(
            phone.next_session_id,
            phone.station,
            grant.user_name or user_name,
            grant,
            phone.clock().replace(microsecond=0),
        )
        phone.session = session
        # CoovaChilli does not wait for accounting before it lets somebody on.
        session.starting = asyncio.create_task(self._report(session, Status.START, session.started_at))

    async def _authenticate(self, phone: Phone, user_name: str, proof: Proof) -> Grant | str:
        """The grant, or the text that comes with a rejection. Raises RadiusTimeoutError."""

        def build(authenticator: bytes | None) -> tuple[Attribute, ...]:
            return access_request(
                self._place,
                phone.station,
                user_name,
                proof,
                phone.next_session_id,
                self.settings.radius_secret,
                authenticator or b"",
            )

        answer = await self.authentication.request(Code.ACCESS_REQUEST, build)
        if answer.code is Code.ACCESS_ACCEPT:
            return grant_from(answer)
        return radius_attributes.get_text(answer, "Reply-Message", lenient=True) or ""

    async def _report(
        self, session: Session, status: Status, at: datetime, cause: TerminateCause | None = None
    ) -> None:
        record = AccountingRecord(
            status,
            self.settings.nas_identifier,
            session.acct_session_id,
            at.replace(microsecond=0),
            session.seconds,
            session.input_octets,
            session.output_octets,
            cause,
        )
        if session.starting is not None and status is not Status.START:
            await session.starting
        await self._deliver(
            record,
            lambda: session_accounting(
                self._place, session.station, session.user_name, session.grant.classes, record, wall_clock()
            ),
        )

    async def _deliver(self, record: AccountingRecord, build: Callable[[], tuple[Attribute, ...]]) -> None:
        """Offer a record until it is answered, each time with the delay it then has.

        Nothing is lost while a server restarts.
        """
        gives_up_at = asyncio.get_running_loop().time() + self.settings.accounting_patience_seconds
        back_off_seconds = 0.25
        while True:
            try:
                await self.accounting.request(Code.ACCOUNTING_REQUEST, lambda _authenticator: build())
            except RadiusTimeoutError as error:
                if asyncio.get_running_loop().time() >= gives_up_at:
                    raise ServiceUnreachableError(f"an accounting record was given up: {error}") from error
                await asyncio.sleep(back_off_seconds)
                back_off_seconds = min(2 * back_off_seconds, _LONGEST_BACK_OFF_SECONDS)
            else:
                self._on_answered(record)
                return

    def _redirect(self, phone: Phone, result: Result, **more: str) -> str:
        if result in (Result.NOT_YET, Result.FAILED, Result.LOGGED_OFF):
            phone.challenge = secrets.token_bytes(_CHALLENGE_OCTETS)
            phone.challenge_made_at = wall_clock()
            more["challenge"] = phone.challenge.hex()
        session = phone.session
        if session is not None:
            more |= _status_parameters(session, phone.clock())
        parameters = {
            "res": result.value,
            "uamip": self.settings.address,
            "uamport": str(self.settings.uam_port),
            "called": str(self.settings.access_point),
            "mac": str(phone.station.device),
            "ip": str(phone.station.ip_address),
            "ssid": self.settings.network_name,
            "nasid": self.settings.nas_identifier,
            "sessionid": session.acct_session_id if session else phone.next_session_id,
            "userurl": phone.user_url,
            **more,
        }
        given = {name: value for name, value in parameters.items() if value}
        return redirect_url(self.settings.uam_server, self.settings.uam_secret, given)

    def _new_session_id(self) -> str:
        self._session_numbers += 1
        return f"{self._run}-{self.settings.number:02x}-{self._session_numbers:05x}"


def _status_parameters(session: Session, now: datetime) -> dict[str, str]:
    elapsed = max(0, int((now - session.started_at).total_seconds()))
    parameters = {"starttime": str(int(session.started_at.timestamp())), "sessiontime": str(elapsed)}
    allowed = session.grant.limits.session_timeout_seconds
    if allowed:
        parameters |= {"sessiontimeout": str(allowed), "timeleft": str(max(0, allowed - elapsed))}
    return parameters
