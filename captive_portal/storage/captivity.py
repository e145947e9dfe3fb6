"""What the captive portal API and a device's own address ask: which gateway, and by which session the device is on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select

from captive_portal.capport import OpenSession
from captive_portal.gateway_sessions.limits import used
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.gateway import Gateway
from captive_portal.storage.equipment import GATEWAY_COLUMNS, gateway_of
from foundation.database import Statements
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, devices, is_in_service, network_access_servers, residents
from radius.policies.directory import read_table
from radius.policies.effective import Place, default_limits
from radius.policies.opening import day_start
from radius.policies.usage import NO_USAGE

_NAS = network_access_servers.c
_SESSION = accounting_sessions.c
_GATEWAY: Final = select(*GATEWAY_COLUMNS, func.coalesce(_NAS.gateway_driver, _NAS.vendor).label("driver")).where(
    is_in_service()
)
_BY_NUMBER: Final = _GATEWAY.where(_NAS.id == bindparam("nas_id"))
_BY_KEY: Final = _GATEWAY.where(_NAS.arrival_key == bindparam("arrival_key"))
_LOCK: Final = select(_NAS.id).where(_NAS.id == bindparam("nas_id")).with_for_update()
_OPEN_SESSION: Final = (
    select(
        _SESSION.started_at,
        _SESSION.venue_id,
        _SESSION.network_name,
        residents.c.id.label("resident_id"),
        residents.c.group_name,
        devices.c.id.label("device_id"),
        devices.c.access_until,
    )
    .select_from(accounting_sessions)
    .join(devices, devices.c.id == _SESSION.device_id)
    .join(residents, residents.c.id == devices.c.resident_id)
    .where(
        devices.c.council_id == bindparam("council_id"),
        devices.c.mac_pseudonym == bindparam("mac_pseudonym"),
        _SESSION.nas_id == bindparam("nas_id"),
        _SESSION.stopped_at.is_(None),
    )
    .order_by(_SESSION.started_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway with the driver that understands it."""

    driver: GatewayDriver
    gateway: Gateway


async def gateway_by_number(connection: Statements, runtime: Runtime, nas_id: int) -> KnownGateway | None:
    """The gateway that a token of ours names."""
    return await _gateway(connection, runtime, _BY_NUMBER, nas_id=nas_id)


async def gateway_by_key(connection: Statements, runtime: Runtime, arrival_key: str) -> KnownGateway | None:
    """The gateway whose own arrival address ends so."""
    return await _gateway(connection, runtime, _BY_KEY, arrival_key=arrival_key)


async def lock_gateway(connection: Statements, nas_id: int) -> None:
    """Until the transaction ends nobody else begins or ends sessions by this gateway's reports."""
    await connection.execute(_LOCK, {"nas_id": nas_id})


async def open_session(
    connection: Statements, runtime: Runtime, gateway: Gateway, mac_pseudonym: bytes, now: datetime
) -> OpenSession | None:
    """The session by which a registered device is on at a gateway, with what its policy allows now."""
    asked = {"council_id": gateway.council_id, "mac_pseudonym": mac_pseudonym, "nas_id": gateway.nas_id}
    row = (await connection.execute(_OPEN_SESSION, asked)).one_or_none()
    if row is None:
        return None
    table = await read_table(connection, default_limits(runtime.settings.radius), gateway.council_id)
    place = Place(gateway.council_id, row.venue_id, row.network_name or "", row.group_name)
    policy, zone = table.effective(place), table.time_zone(gateway.council_id)
    usage = NO_USAGE
    if policy.is_daily:
        usage = await used(connection, row.resident_id, row.device_id, day_start(now, zone), now)
    return OpenSession(row.started_at, policy, zone, usage, row.access_until)


async def _gateway(
    connection: Statements, runtime: Runtime, statement: Select[Any], **asked: object
) -> KnownGateway | None:
    row = (await connection.execute(statement, asked)).one_or_none()
    if row is None or row.driver not in DRIVERS:
        return None
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    return KnownGateway(DRIVERS[row.driver], gateway_of(runtime.keyring, row, row.driver, portal_url))
