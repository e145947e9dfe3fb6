"""Accounting sessions that the portal itself makes, where the equipment sends no accounting.

They are rows like those of RADIUS and count like them: on the status page, in hourly usage, towards quotas. What tells
them apart is their ``source``. A device has one open session of the portal's making at a gateway; letting it on once
more under the same one-time name changes nothing.

Whoever begins or ends one holds the row of the journey that it belongs to (``load_visit(…, for_update=True)``), so two
processes never begin the same session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, bindparam, select

from captive_portal.errors import PortalError
from captive_portal.gateways.base import Usage
from captive_portal.journey import Journey
from foundation.database import Statements, greatest
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, devices, one_time_tokens

_LONGEST_TEXT: Final = 253


class Source(StrEnum):
    """How the portal knows; accounting_sessions.source."""

    # A controller said yes to a call.
    API = "api"
    # openNDS acknowledged a grant.
    AUTHMON = "authmon"
    # The browser came back from the gateway, which is all that there is to know.
    BROWSER = "browser"


class EndedBy(StrEnum):
    """accounting_sessions.ended_by, as RADIUS's own sessions have it."""

    # The gateway said so, or did it when it was told to.
    STOP = "stop"
    # The gateway does not know the device any more, or another session took this one's place.
    LOST = "lost"


class TerminateCause:
    """Those of RFC 2866 section 5.10 that a session of the portal's making can have."""

    USER_REQUEST: Final = 1
    LOST_CARRIER: Final = 2
    SESSION_TIMEOUT: Final = 5


class NotReleasedError(PortalError):
    """A journey without resident, device or one-time name came to have a session: a fault of our own."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is, where, and how the portal knows."""

    council_id: int
    nas_id: int
    venue_id: int | None
    resident_id: int
    device_id: int
    source: Source
    user_name: str = field(repr=False)
    calling_station_id: str | None = field(default=None, repr=False)
    framed_ip_address: str | None = field(default=None, repr=False)
    network_name: str | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One that has not ended yet."""

    id: int
    # With the number it finds the row at once on PostgreSQL, which keeps each month by itself.
    anchored_at: datetime
    council_id: int
    nas_id: int
    venue_id: int | None
    resident_id: int | None
    device_id: int | None
    source: Source
    started_at: datetime
    updated_at: datetime
    # The end of the device's right to be on, where it has one.
    access_until: datetime | None
    network_name: str | None
    user_name: str | None = field(repr=False)
    calling_station_id: str | None = field(repr=False)


def owner_of(journey: Journey, source: Source) -> Owner:
    """Whose session a released journey's is. Raises NotReleasedError."""
    details, hand_over = journey.details, journey.details.hand_over
    if journey.resident_id is None or details.device_id is None or details.user_name is None:
        raise NotReleasedError("only a device that was released has a session")
    return Owner(
        council_id=journey.council_id,
        nas_id=journey.nas_id,
        venue_id=journey.venue_id,
        resident_id=journey.resident_id,
        device_id=details.device_id,
        source=source,
        user_name=details.user_name,
        calling_station_id=_station(hand_over.get("mac")),
        framed_ip_address=hand_over.get("ip"),
        network_name=(hand_over.get("ssid") or "")[:_LONGEST_TEXT] or None,
    )


async def begin(connection: Statements, keyring: Keyring, owner: Owner, now: datetime) -> None:
    """The device is on from now; nothing if it is already, by the same one-time name.

    A session that it has there under another name ends, and the name is used up, so that the next release has a new
    one.
    """
    for known in await open_of_device(connection, owner.nas_id, owner.device_id):
        if known.user_name == owner.user_name:
            return
        await end(connection, known, now, EndedBy.LOST, TerminateCause.LOST_CARRIER)
    await connection.execute(_USE_UP, {"of_user_name": owner.user_name})
    key = session_key(keyring, owner)
    values = {
        "council_id": owner.council_id,
        "session_key": key,
        "anchored_at": now,
        "start_is_known": True,
        "nas_id": owner.nas_id,
        "venue_id": owner.venue_id,
        "resident_id": owner.resident_id,
        "device_id": owner.device_id,
        "acct_session_id": key.hex(),
        "user_name": owner.user_name,
        "calling_station_id": owner.calling_station_id,
        "framed_ip_address": owner.framed_ip_address,
        "network_name": owner.network_name,
        "started_at": now,
        "updated_at": now,
        "received_at": now,
        "source": owner.source,
    }
    await connection.execute(_INSERT, values)


async def update(connection: Statements, session: OpenSession, now: datetime, usage: Usage | None = None) -> None:
    """The device is still on, and used so much so far; counts never fall. None: how much is not known."""
    await connection.execute(_UPDATE, _counted(session, now, usage))


async def end(
    connection: Statements,
    session: OpenSession,
    stopped_at: datetime,
    ended_by: EndedBy,
    cause: int,
    usage: Usage | None = None,
) -> None:
    """The device is off since then; a session that has ended already stays as it is."""
    stopped_at = max(stopped_at, session.updated_at)
    ended = {"of_stopped_at": stopped_at, "of_ended_by": ended_by, "of_cause": cause}
    await connection.execute(_END, {**_counted(session, stopped_at, usage), **ended})


async def open_of_device(connection: Statements, nas_id: int, device_id: int) -> list[OpenSession]:
    """Those of the portal's making that a device has at a gateway."""
    rows = await connection.execute(_OF_DEVICE, {"nas_id": nas_id, "device_id": device_id})
    return [_from_row(row) for row in rows]


async def open_of_user_name(connection: Statements, nas_id: int, user_name: str) -> OpenSession | None:
    """The one that a journey's one-time name has at a gateway."""
    row = (await connection.execute(_OF_USER_NAME, {"nas_id": nas_id, "user_name": user_name})).first()
    return None if row is None else _from_row(row)


async def open_of_gateway(connection: Statements, nas_id: int, limit: int) -> list[OpenSession]:
    """Those of the portal's making at a gateway, the least recently updated first."""
    rows = await connection.execute(_OF_GATEWAY, {"nas_id": nas_id, "number": limit})
    return [_from_row(row) for row in rows]


async def gateways_with_open(connection: Statements) -> list[int]:
    """The gateways that have some."""
    return list((await connection.execute(_GATEWAYS)).scalars())


def session_key(keyring: Keyring, owner: Owner) -> bytes:
    """Keyed, as RADIUS's are, and never one of those."""
    parts = (str(owner.nas_id), owner.source.value, owner.user_name)
    text = b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in parts)
    return keyring.pseudonym("portal session", owner.council_id, text)


def _station(text: str | None) -> str | None:
    """As RADIUS writes Calling-Station-Id (RFC 3580 section 3.21); nothing for what is no address."""
    try:
        return MacAddress.parse(text).format("-") if text else None
    except NotAMacAddressError:
        return None


def _counted(session: OpenSession, now: datetime, usage: Usage | None) -> Mapping[str, Any]:
    known = usage or Usage()
    return {
        "of_id": session.id,
        "of_anchored_at": session.anchored_at,
        "now": now,
        "seconds": max(0, int((now - session.started_at).total_seconds())),
        "input": known.input_octets,
        "output": known.output_octets,
    }


def _from_row(row: Row[Any]) -> OpenSession:
    return OpenSession(**{**row._mapping, "source": Source(row.source)})


_SESSIONS: Final = accounting_sessions.c
_INSERT: Final = accounting_sessions.insert()
_USE_UP: Final = (
    one_time_tokens.update()
    .where(one_time_tokens.c.user_name == bindparam("of_user_name"))
    .values(uses=one_time_tokens.c.uses + 1)
)
_OPEN: Final = (
    select(
        _SESSIONS.id,
        _SESSIONS.anchored_at,
        _SESSIONS.council_id,
        _SESSIONS.nas_id,
        _SESSIONS.venue_id,
        _SESSIONS.resident_id,
        _SESSIONS.device_id,
        _SESSIONS.source,
        _SESSIONS.started_at,
        _SESSIONS.updated_at,
        devices.c.access_until,
        _SESSIONS.network_name,
        _SESSIONS.user_name,
        _SESSIONS.calling_station_id,
    )
    .outerjoin(devices, devices.c.id == _SESSIONS.device_id)
    .where(_SESSIONS.stopped_at.is_(None), _SESSIONS.source.in_([source.value for source in Source]))
)
_AT_GATEWAY: Final = _OPEN.where(_SESSIONS.nas_id == bindparam("nas_id"))
_OF_DEVICE: Final = _AT_GATEWAY.where(_SESSIONS.device_id == bindparam("device_id"))
_OF_USER_NAME: Final = _AT_GATEWAY.where(_SESSIONS.user_name == bindparam("user_name"))
_OF_GATEWAY: Final = _AT_GATEWAY.order_by(_SESSIONS.updated_at).limit(bindparam("number"))
_GATEWAYS: Final = _OPEN.with_only_columns(_SESSIONS.nas_id).distinct().order_by(_SESSIONS.nas_id)
_CHANGE: Final = accounting_sessions.update().where(
    _SESSIONS.id == bindparam("of_id"),
    _SESSIONS.anchored_at == bindparam("of_anchored_at"),
    _SESSIONS.stopped_at.is_(None),
)
_COUNTED: Final[Mapping[str, Any]] = {
    "updated_at": greatest(_SESSIONS.updated_at, bindparam("now", type_=_SESSIONS.updated_at.type)),
    "received_at": greatest(_SESSIONS.received_at, bindparam("now", type_=_SESSIONS.received_at.type)),
    "session_seconds": greatest(_SESSIONS.session_seconds, bindparam("seconds", type_=_SESSIONS.session_seconds.type)),
    "input_octets": greatest(_SESSIONS.input_octets, bindparam("input", type_=_SESSIONS.input_octets.type)),
    "output_octets": greatest(_SESSIONS.output_octets, bindparam("output", type_=_SESSIONS.output_octets.type)),
}
_UPDATE: Final = _CHANGE.values(**_COUNTED)
_END: Final = _CHANGE.values(
    **_COUNTED,
    stopped_at=bindparam("of_stopped_at"),
    ended_by=bindparam("of_ended_by"),
    terminate_cause=bindparam("of_cause"),
)
