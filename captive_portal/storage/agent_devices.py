"""What the portal does with the report of a plain Linux gateway's agent: sessions begin, go on and end by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, select

from captive_portal.capport import OpenSession
from captive_portal.gateway_sessions.gateway_agent import SeenDevice, is_due, seconds_allowed
from captive_portal.gateway_sessions.limits import used
from captive_portal.gateways.base import Usage
from captive_portal.gateways.gateway import Gateway
from captive_portal.storage import sessions
from captive_portal.storage.sessions import EndedBy, Owner, Source, TerminateCause
from foundation.database import Statements
from foundation.mac_address import MacAddress
from foundation.runtime import Runtime
from foundation.schema import devices, residents
from radius.policies.directory import read_table
from radius.policies.effective import Place, default_limits
from radius.policies.opening import day_start
from radius.policies.usage import NO_USAGE

_MOST_SESSIONS: Final = 5000
_KNOWN: Final = (
    select(
        devices.c.id,
        devices.c.mac_pseudonym,
        devices.c.resident_id,
        devices.c.remembered_until,
        devices.c.access_until,
        residents.c.group_name,
    )
    .join(residents, residents.c.id == devices.c.resident_id)
    .where(
        devices.c.council_id == bindparam("council_id"),
        devices.c.mac_pseudonym.in_(bindparam("pseudonyms", expanding=True)),
    )
)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A registered device that the gateway sees, with the session that it has there, and how long it may be on."""

    seen: SeenDevice
    row: Row[Any]
    session: sessions.OpenSession | None
    seconds: int

    @property
    def is_news(self) -> bool:
        """Whether it is on without a session, or has one without being on."""
        return self.seen.is_on != (self.session is not None)

    def is_to_be_counted(self, now: datetime) -> bool:
        """Whether what it used is to be written down: once in a while, and before it is put off."""
        session = self.session
        return self.seen.is_on and session is not None and (not self.seconds or is_due(session.updated_at, now))


@dataclass(frozen=True, slots=True)
class Look:
    """What a report comes to: the registered devices, and sessions of devices that are not there any more."""

    known: tuple[KnownDevice, ...]
    gone: tuple[sessions.OpenSession, ...]

    @property
    def allowed(self) -> dict[MacAddress, int]:
        """Which devices may be on, and for how many seconds."""
        return {each.seen.address: each.seconds for each in self.known if each.seconds}

    def needs_writing(self, now: datetime) -> bool:
        """Whether anything began, ended, or went on for so long that it is to be written down."""
        return bool(self.gone) or any(each.is_news or each.is_to_be_counted(now) for each in self.known)


async def look(
    connection: Statements, runtime: Runtime, gateway: Gateway, seen: Sequence[SeenDevice], now: datetime
) -> Look:
    """What is known of the devices of a report; nothing is stored."""
    keyring, council_id = runtime.keyring, gateway.council_id
    by_pseudonym = {keyring.device_pseudonym(council_id, device.address): device for device in seen}
    asked = {"council_id": council_id, "pseudonyms": list(by_pseudonym)}
    rows = (await connection.execute(_KNOWN, asked)).all()
    opened = await sessions.open_of_gateway(connection, gateway.nas_id, _MOST_SESSIONS)
    by_device = {session.device_id: session for session in opened}
    known = []
    table = await read_table(connection, default_limits(runtime.settings.radius), council_id)
    zone = table.time_zone(council_id)
    for row in rows:
        session = by_device.pop(row.id, None)
        policy = table.effective(Place(council_id, gateway.venue_id, "", row.group_name))
        usage = NO_USAGE
        if policy.needs_usage:
            usage = await used(connection, row.resident_id, row.id, day_start(now, zone), now)
        began = session.started_at if session else now
        standing = OpenSession(began, policy, zone, usage, row.access_until)
        until = row.remembered_until
        seconds = seconds_allowed(standing, until, now) if until else 0
        known.append(KnownDevice(by_pseudonym[row.mac_pseudonym], row, session, seconds))
    return Look(tuple(known), tuple(by_device.values()))


async def store(connection: Statements, runtime: Runtime, gateway: Gateway, found: Look, now: datetime) -> None:
    """Begin, continue and end sessions."""
    for each in found.known:
        session, seen = each.session, each.seen
        octets = Usage(seen.input_octets, seen.output_octets)
        if seen.is_on and session is None:
            await sessions.begin(connection, runtime.keyring, _owner(gateway, each), now)
        elif session is not None and each.is_to_be_counted(now):
            await sessions.update(connection, session, now, octets)
        elif session is not None and not seen.is_on:
            cause = TerminateCause.SESSION_TIMEOUT if each.row.remembered_until else TerminateCause.USER_REQUEST
            await sessions.end(connection, session, now, EndedBy.STOP, cause, octets)
    for session in found.gone:
        await sessions.end(connection, session, now, EndedBy.LOST, TerminateCause.LOST_CARRIER)


def _owner(gateway: Gateway, device: KnownDevice) -> Owner:
    address = str(device.seen.address)
    return Owner(
        council_id=gateway.council_id,
        nas_id=gateway.nas_id,
        venue_id=gateway.venue_id,
        resident_id=device.row.resident_id,
        device_id=device.row.id,
        source=Source.API,
        # As RADIUS's MAC authentication has it: there is no one-time name.
        user_name=address,
        calling_station_id=address,
        framed_ip_address=device.seen.ip,
    )
