"""Making equipment ask about a device anew, or put it off, where no accounting tells of a session yet.

A quarantined device that registered is known by its address, and by what the equipment called its session when it
asked about it (Cisco's audit-session-id). That is all there is to name it by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.schema import network_access_servers
from radius import metrics
from radius.dynamic_authorization.client import WAITS_SECONDS
from radius.dynamic_authorization.requests import impossible
from radius.dynamic_authorization.results import Action, Outcome, Result
from radius.dynamic_authorization.sessions import ask_by_udp
from radius.vendors import Change, vendor_of


@dataclass(frozen=True, slots=True)
class DeviceAtEquipment:
    """A device, and the network access server that it is behind."""

    nas_id: int
    device: MacAddress = field(repr=False)
    audit_session_id: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class _Session:
    """What ``requests.Session`` has, of a session that there are no records of."""

    vendor: str
    secret_encrypted: bytes
    radsec_name: str | None
    dynamic_authorization_host: str | None
    dynamic_authorization_port: int | None
    calling_station_id: str
    audit_session_id: str | None
    user_name: None = None
    acct_session_id: str = ""
    framed_ip_address: None = None
    # Not sent: what the row has need not be what the equipment would compare with.
    nas_identifier: str = ""
    stopped_at: datetime | None = None


async def ask_again(
    database: Database,
    keyring: Keyring,
    device: DeviceAtEquipment,
    *,
    source_host: str | None = None,
    waits_seconds: tuple[float, ...] = WAITS_SECONDS,
) -> Outcome:
    """Let the equipment send a new Access-Request for the device: by CoA-Request, or else by Disconnect-Request.

    Never raises for what the equipment does. Raises DBAPIError when the database is away.
    """
    session = await _read(database, device)
    is_asked = session is not None and _can_reauthenticate(session)
    action = Action.CHANGE if is_asked else Action.DISCONNECT
    return await _ask(session, keyring, action, source_host, waits_seconds)


async def disconnect_device(
    database: Database,
    keyring: Keyring,
    device: DeviceAtEquipment,
    *,
    source_host: str | None = None,
    waits_seconds: tuple[float, ...] = WAITS_SECONDS,
) -> Outcome:
    """Ask the equipment to end whatever session the device has there; as ``ask_again``."""
    session = await _read(database, device)
    return await _ask(session, keyring, Action.DISCONNECT, source_host, waits_seconds)


async def _ask(
    session: _Session | None,
    keyring: Keyring,
    action: Action,
    source_host: str | None,
    waits_seconds: tuple[float, ...],
) -> Outcome:
    outcome = _impossible(session, action)
    if outcome is None:
        assert session is not None
        outcome = await ask_by_udp(session, keyring, action, (), source_host, waits_seconds)
    metrics.dynamic_authorizations.labels(action, outcome.result).inc()
    return outcome


def _impossible(session: _Session | None, action: Action) -> Outcome | None:
    if session is not None and session.radsec_name is not None:
        return Outcome(
            Result.NOT_SUPPORTED,
            "equipment that speaks RadSec is only asked about sessions that accounting tells of; switch on its"
            " accounting for the network with MAC authentication",
        )
    return impossible(session, action)


def _can_reauthenticate(session: _Session) -> bool:
    wanted = vendor_of(session.vendor).dynamic_authorization
    return wanted is not None and wanted.change is Change.REAUTHENTICATE


async def _read(database: Database, device: DeviceAtEquipment) -> _Session | None:
    async with database.read() as connection:
        row = (await connection.execute(_EQUIPMENT.where(_NAS.id == device.nas_id))).one_or_none()
    if row is None:
        return None
    # As RFC 3580 section 3.21 writes Calling-Station-Id.
    return _Session(**row._mapping, calling_station_id=str(device.device), audit_session_id=device.audit_session_id)


_NAS: Final = network_access_servers.c
_EQUIPMENT: Final[Any] = select(
    _NAS.vendor,
    _NAS.secret_encrypted,
    _NAS.radsec_name,
    _NAS.dynamic_authorization_host,
    _NAS.dynamic_authorization_port,
)
