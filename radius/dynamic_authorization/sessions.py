"""Ending or changing a session from our side, by whichever way leads to its equipment.

Equipment that speaks UDP is asked from here. Equipment that speaks RadSec can only be asked over its own connection,
which a RADIUS server holds: it gets an order.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from foundation.database import Database
from foundation.privacy import Keyring, PrivacyError
from radius import attributes, metrics
from radius.attribute_values import Value
from radius.dynamic_authorization.client import WAITS_SECONDS, exchange, new_request
from radius.dynamic_authorization.orders import place_order
from radius.dynamic_authorization.requests import Session, impossible, ports_of, read_session, request_attributes
from radius.dynamic_authorization.results import Action, Outcome, Result, outcome_of_reply
from radius.errors import UnencodableError
from radius.packet import Attribute


async def disconnect_session(
    database: Database,
    keyring: Keyring,
    session_id: int,
    *,
    source_host: str | None = None,
    waits_seconds: tuple[float, ...] = WAITS_SECONDS,
) -> Outcome:
    """Ask the equipment of an accounting session to end it; never raises for what the equipment does.

    The session's row changes when the equipment's Accounting-Stop comes. ``source_host`` is the address to send from:
    equipment often accepts this only from the RADIUS server it knows.
    """
    return await _ask(database, keyring, session_id, Action.DISCONNECT, (), source_host, waits_seconds)


async def change_session(
    database: Database,
    keyring: Keyring,
    session_id: int,
    limits: Iterable[tuple[str, Value]],
    *,
    source_host: str | None = None,
    waits_seconds: tuple[float, ...] = WAITS_SECONDS,
) -> Outcome:
    """Ask the equipment of an accounting session to bring new limits into force.

    ``limits`` are attributes by name in the vendor's units, and must be the complete set: what is not among them
    is no limit any more. Equipment that asks for the device again instead (Cisco) gets them by Access-Accept then, so
    that they are not sent. Raises UnknownAttributeError or UnencodableError for limits that are no attributes.
    """
    encoded = attributes.encode_all(limits)
    return await _ask(database, keyring, session_id, Action.CHANGE, encoded, source_host, waits_seconds)


async def _ask(
    database: Database,
    keyring: Keyring,
    session_id: int,
    action: Action,
    limits: tuple[Attribute, ...],
    source_host: str | None,
    waits_seconds: tuple[float, ...],
) -> Outcome:
    session = await read_session(database, session_id)
    outcome = impossible(session, action)
    if outcome is None:
        assert session is not None
        if session.radsec_name is not None:
            # Counted by the server that does it.
            return await place_order(database, session, action, limits)
        outcome = await ask_by_udp(session, keyring, action, limits, source_host, waits_seconds)
    metrics.dynamic_authorizations.labels(action, outcome.result).inc()
    return outcome


async def ask_by_udp(
    session: Session,
    keyring: Keyring,
    action: Action,
    limits: tuple[Attribute, ...],
    source_host: str | None,
    waits_seconds: tuple[float, ...],
) -> Outcome:
    """For a session that it is not ``impossible`` for; never raises for what the equipment does."""
    try:
        secret = keyring.decrypt("nas secret", session.secret_encrypted)
        values = request_attributes(session, action, limits, datetime.now(UTC))
        request = new_request(action.code, values, secret)
    except PrivacyError:
        return Outcome(Result.UNREADABLE_SECRET, "the equipment's secret does not open; `citywifi doctor` says more")
    except UnencodableError:
        return Outcome(Result.NOT_NAMEABLE, "what names the session is not stored, or does not fit into a packet")
    host, ports = session.dynamic_authorization_host, ports_of(session)
    for port in ports:
        try:
            reply = await exchange(request, secret, (host, port), source_host, waits_seconds)
        except OSError as error:
            why = error.strerror or "its name does not resolve"
            return Outcome(Result.UNREACHABLE, f"{host} port {port} cannot be reached: {why}")
        if reply is not None:
            return outcome_of_reply(reply)
    named = " or ".join(str(port) for port in ports)
    return Outcome(
        Result.NO_ANSWER,
        f"{host} port {named} did not answer; see whether it is up, listens there, and accepts this server",
    )
