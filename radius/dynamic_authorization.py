"""Ending a session from our side: Disconnect-Request to its network access server (RFC 5176).

What equipment wants differs. All three names of a session are sent: User-Name, without which CoovaChilli does nothing,
Acct-Session-Id, which narrows it to the one session, and Calling-Station-Id, by which hostapd finds it; NAS-Identifier
where the session came with one; Event-Timestamp, which hostapd and Aruba want against replays. Nothing else, because
hostapd refuses what it does not know.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select

from foundation.database import Database
from foundation.privacy import Keyring, PrivacyError
from foundation.schema import accounting_sessions, network_access_servers
from radius import attributes, metrics
from radius.errors import MalformedAttributeError, PacketDiscarded, UnencodableError
from radius.packet import LONGEST_PACKET_OCTETS, Attribute, Code, Packet, decode, encode_request, verify_reply

DEFAULT_PORT: Final = 3799
# The same packet each time (RFC 5080 section 2.2.1); an engineer waits for it, so not for long.
WAITS_SECONDS: Final = (1.0, 1.5, 2.5)

# RFC 5176 section 3.5
ERROR_CAUSES: Final = {
    201: "the session was already gone; what was left of it was removed",
    202: "the EAP packet was invalid and ignored",
    401: "the equipment does not support an attribute that was sent",
    402: "the equipment misses an attribute",
    403: "the equipment says that it is not the one that was meant (NAS-Identifier or NAS-IP-Address)",
    404: "the equipment finds the request invalid",
    405: "the equipment does not support this Service-Type",
    406: "the equipment does not support an extension",
    407: "an attribute has a value that the equipment does not accept",
    501: "the equipment does not allow this server to do that; allow it in its configuration",
    502: "the request could not be routed to the equipment",
    503: "the equipment knows no such session; it has probably ended",
    504: "the equipment cannot remove the session",
    505: "a proxy on the way to the equipment had an error",
    506: "the equipment lacks resources at the moment; try again",
    507: "the equipment will ask for authorisation itself",
    508: "several sessions match and the equipment cannot choose",
}


class DisconnectResult(StrEnum):
    """How it went; the value is a metric's label."""

    DISCONNECTED = "disconnected"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    NOT_SUPPORTED = "not_supported"
    UNREACHABLE = "unreachable"
    NO_SUCH_SESSION = "no_such_session"
    ALREADY_ENDED = "already_ended"
    NOT_NAMEABLE = "not_nameable"
    UNREADABLE_SECRET = "unreadable_secret"  # noqa: S105  a metric's label


@dataclass(frozen=True, slots=True)
class DisconnectOutcome:
    """What came of it, and a sentence for the engineer. ``error_cause`` is RFC 5176's number where one was sent."""

    result: DisconnectResult
    explanation: str
    error_cause: int | None = None


async def disconnect_session(
    database: Database,
    keyring: Keyring,
    session_id: int,
    *,
    source_host: str | None = None,
    waits_seconds: tuple[float, ...] = WAITS_SECONDS,
) -> DisconnectOutcome:
    """Ask the equipment of an accounting session to end it; never raises for what the equipment does.

    The session's row changes when the equipment's Accounting-Stop comes. ``source_host`` is the address to send from:
    equipment often accepts this only from the RADIUS server it knows.
    """
    async with database.read() as connection:
        session = (await connection.execute(_SESSION.where(accounting_sessions.c.id == session_id))).one_or_none()
    outcome = _impossible(session)
    if outcome is None and session is not None:
        outcome = await _ask(session, keyring, source_host, waits_seconds)
    assert outcome is not None
    metrics.disconnects.labels(outcome.result).inc()
    return outcome


def explain_error_cause(number: int | None) -> str:
    """An Error-Cause in words."""
    if number is None:
        return "the equipment refused and gave no reason; CoovaChilli does so for a session it does not know"
    return ERROR_CAUSES.get(number, f"the equipment refused with Error-Cause {number}, which RFC 5176 does not name")


def disconnect_attributes(session: Any, now: datetime) -> tuple[Attribute, ...]:
    """What names the session to its equipment. ``session`` has the columns of accounting_sessions."""
    named = {
        "User-Name": session.user_name,
        "Acct-Session-Id": session.acct_session_id,
        "Calling-Station-Id": session.calling_station_id,
        "NAS-Identifier": session.nas_identifier,
    }
    present: dict[str, Any] = {name: value for name, value in named.items() if value}
    return attributes.encode_all(present | {"Event-Timestamp": now.replace(microsecond=0)})


_SESSION = select(
    accounting_sessions.c.stopped_at,
    accounting_sessions.c.user_name,
    accounting_sessions.c.acct_session_id,
    accounting_sessions.c.calling_station_id,
    accounting_sessions.c.nas_identifier,
    network_access_servers.c.secret_encrypted,
    network_access_servers.c.dynamic_authorization_host,
    network_access_servers.c.dynamic_authorization_port,
).join(network_access_servers, network_access_servers.c.id == accounting_sessions.c.nas_id)


def _impossible(session: Any) -> DisconnectOutcome | None:
    """Why the equipment need not even be asked."""
    if session is None:
        return DisconnectOutcome(DisconnectResult.NO_SUCH_SESSION, "there is no such session")
    if session.stopped_at is not None:
        return DisconnectOutcome(DisconnectResult.ALREADY_ENDED, "the session has already ended")
    if not session.dynamic_authorization_host:
        return DisconnectOutcome(
            DisconnectResult.NOT_SUPPORTED,
            "this equipment takes no Disconnect-Request, or none is configured for it; the session ends by its"
            " time limit, or by the equipment's own controller",
        )
    return None


async def _ask(
    session: Any, keyring: Keyring, source_host: str | None, waits_seconds: tuple[float, ...]
) -> DisconnectOutcome:
    try:
        secret = keyring.decrypt("nas secret", session.secret_encrypted)
        identifier = secrets.randbelow(256)
        values = disconnect_attributes(session, datetime.now(UTC))
        request = encode_request(Code.DISCONNECT_REQUEST, identifier, values, secret)
    except PrivacyError:
        return DisconnectOutcome(
            DisconnectResult.UNREADABLE_SECRET, "the equipment's secret does not open; `citywifi doctor` says more"
        )
    except UnencodableError:
        return DisconnectOutcome(DisconnectResult.NOT_NAMEABLE, "the session has names that do not fit into a packet")
    host = session.dynamic_authorization_host
    port = session.dynamic_authorization_port or DEFAULT_PORT
    try:
        reply = await _exchange(request, secret, (host, port), source_host, waits_seconds)
    except OSError as error:
        return DisconnectOutcome(
            DisconnectResult.UNREACHABLE,
            f"{host} port {port} cannot be reached: {error.strerror or 'its name does not resolve'}",
        )
    if reply is None:
        return DisconnectOutcome(
            DisconnectResult.NO_ANSWER,
            f"{host} port {port} did not answer; see whether it is up, listens there, and accepts this server",
        )
    if reply.code is Code.DISCONNECT_ACK:
        return DisconnectOutcome(DisconnectResult.DISCONNECTED, "the equipment ended the session")
    cause = _error_cause(reply)
    return DisconnectOutcome(DisconnectResult.REFUSED, explain_error_cause(cause), cause)


def _error_cause(reply: Packet) -> int | None:
    try:
        return attributes.get_integer(reply, "Error-Cause")
    except MalformedAttributeError:
        return None


async def _exchange(
    request: Packet,
    secret: bytes,
    target: tuple[str, int],
    source_host: str | None,
    waits_seconds: tuple[float, ...],
) -> Packet | None:
    """The verified reply, or None. Raises OSError when nothing can be sent."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(*target, type=socket.SOCK_DGRAM)
    family, _, _, _, address = found[0]
    with socket.socket(family, socket.SOCK_DGRAM) as connected:
        connected.setblocking(False)
        if source_host:
            connected.bind((source_host, 0))
        connected.connect(address)
        for wait_seconds in waits_seconds:
            try:
                await loop.sock_sendall(connected, request.octets)
                async with asyncio.timeout(wait_seconds):
                    return await _verified_reply(connected, request, secret)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                # Nothing listens just now; equipment that restarts may in a moment.
                await asyncio.sleep(wait_seconds)
    return None


async def _verified_reply(connected: socket.socket, request: Packet, secret: bytes) -> Packet:
    """Wait for it; anything else that arrives, forged or late, is passed over."""
    loop = asyncio.get_running_loop()
    while True:
        datagram = await loop.sock_recv(connected, LONGEST_PACKET_OCTETS + 1)
        try:
            reply = decode(datagram)
            verify_reply(reply, request, secret)
        except PacketDiscarded:
            continue
        return reply
