"""Taking codes on paper and sponsors back: whoever they let on is put off, and does not come back by them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.gateway_sessions.session_watch import INTERVAL
from captive_portal.gateways import DRIVERS
from captive_portal.storage.sessions import Source
from citywifi.commands.workplace import record
from citywifi.errors import CommandError
from citywifi.imports.store import find_council
from foundation.changes import LATE_SECONDS
from foundation.runtime import Runtime
from foundation.schema import (
    accounting_sessions,
    credentials,
    devices,
    journeys,
    network_access_servers,
    one_time_tokens,
    sponsored_devices,
    sponsors,
    voucher_batches,
    voucher_uses,
    vouchers,
)
from foundation.settings import RoamingSettings
from radius.dynamic_authorization import Outcome, Result, disconnect_session

_AT_A_TIME: Final = 32
_UNABLE: Final = "the equipment takes no order to end a session; it lasts until its time is over"
_NAS: Final = network_access_servers.c
_Condition = Callable[[int], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class _OpenSession:
    """One that a device is on by."""

    id: int
    source: str
    # Which kind of equipment it is at.
    driver: str

    @property
    def is_ended_by_portal(self) -> bool:
        """Whether it is at a controller that the portal can tell, or at a gateway that asks."""
        driver = DRIVERS.get(self.driver)
        return self.source == Source.API and driver is not None and driver.capabilities.can_log_out


@dataclass(frozen=True, slots=True)
class Revoked:
    """What came of it."""

    # Devices that may not come back.
    devices: int
    ended: int = 0
    # Sessions that the portal made; it ends them by itself.
    left_to_portal: int = 0
    # Why the equipment did not end the others, and how many.
    not_ended: Counter[str] = field(default_factory=Counter)

    @property
    def sentences(self) -> tuple[str, ...]:
        """For whoever revoked it."""
        said = [f"revoked; devices that may no longer come back: {self.devices}; sessions ended: {self.ended}"]
        if self.left_to_portal:
            minutes = INTERVAL // timedelta(minutes=1)
            said.append(f"the portal ends {self.left_to_portal} more within {minutes} minute(s), where it runs")
        said += [f"not ended: {number}: {reason}" for reason, number in self.not_ended.most_common()]
        return tuple(said)


async def revoke_batch(runtime: Runtime, name: str, code: str | None) -> Revoked:
    """End a batch, and the right and the sessions of the devices that it let on. Raises CommandError."""
    used = (
        select(voucher_uses.c.mac_pseudonym)
        .join(vouchers, vouchers.c.id == voucher_uses.c.voucher_id)
        .join(voucher_batches, voucher_batches.c.id == vouchers.c.batch_id)
    )

    def let_on(batch_id: int) -> ColumnElement[bool]:
        mine = used.where(voucher_batches.c.id == batch_id)
        return (devices.c.way_in == "code") & devices.c.mac_pseudonym.in_(mine)

    return await _revoke(runtime, voucher_batches, name, code, let_on)


async def revoke_sponsor(runtime: Runtime, name: str, code: str | None) -> Revoked:
    """End a sponsor, and the right and the sessions of the devices in its group. Raises CommandError."""

    def inside(sponsor_id: int) -> ColumnElement[bool]:
        mine = select(sponsored_devices.c.device_id).where(sponsored_devices.c.sponsor_id == sponsor_id)
        return (devices.c.way_in == "sponsor") & devices.c.id.in_(mine)

    return await _revoke(runtime, sponsors, name, code, inside)


async def _revoke(runtime: Runtime, table: Table, name: str, code: str | None, let_on: _Condition) -> Revoked:
    chosen = await find_council(runtime.database, code)
    now = datetime.now(UTC)
    mine = (table.c.council_id == chosen.id) & (table.c.name == name)
    async with runtime.database.write() as connection:
        row = (await connection.execute(select(table.c.id, table.c.revoked_at).where(mine))).one_or_none()
        if row is None:
            raise CommandError(f"there is nothing called {name!r} here; see the list")
        if row.revoked_at is not None:
            raise CommandError(f"{name!r} was revoked on {row.revoked_at:%Y-%m-%d %H:%M} UTC")
        await connection.execute(update(table).where(table.c.id == row.id).values(revoked_at=now))
        theirs = (devices.c.council_id == chosen.id) & let_on(row.id)
        number, sessions = await _end_rights(connection, runtime.settings.roaming, theirs, now)
        await record(connection, "revoke", f"{table.name} {row.id}", council_id=chosen.id)
    outcomes = await _end(runtime, chosen.id, [session.id for session in sessions if session.source == "radius"])
    gone = [outcome for outcome in outcomes if outcome.result in (Result.DISCONNECTED, Result.ALREADY_ENDED)]
    not_ended = Counter(outcome.explanation for outcome in outcomes if outcome not in gone)
    of_portal = [session for session in sessions if session.source != "radius"]
    not_ended.update(_UNABLE for session in of_portal if not session.is_ended_by_portal)
    return Revoked(number, len(gone), sum(session.is_ended_by_portal for session in of_portal), not_ended)


async def _end_rights(
    connection: AsyncConnection, roaming: RoamingSettings, theirs: ColumnElement[bool], now: datetime
) -> tuple[int, list[_OpenSession]]:
    """How many devices lost their right to be on, and the sessions that they are on by."""
    ended = await connection.execute(
        update(devices).where(theirs, devices.c.access_until > now).values(access_until=now, remembered_until=None)
    )
    whose = select(devices.c.id).where(theirs)
    # A password that is on its way to the gateway just now.
    tokens = one_time_tokens.c
    await connection.execute(
        update(one_time_tokens).where(tokens.device_id.in_(whose), tokens.expires_at > now).values(expires_at=now)
    )
    # An open page would let the device on by what it knew when it was opened.
    pages, addresses = journeys.c, select(devices.c.mac_pseudonym).where(theirs)
    of_devices = pages.mac_pseudonym.in_(addresses) & pages.council_id.in_(select(devices.c.council_id).where(theirs))
    await connection.execute(update(journeys).where(of_devices, pages.expires_at > now).values(expires_at=now))
    owners = select(devices.c.resident_id).where(theirs)
    names = await _revoke_credentials(connection, roaming, owners, now)
    session = accounting_sessions.c
    opened = (
        select(session.id, session.source, func.coalesce(_NAS.gateway_driver, _NAS.vendor))
        .join(network_access_servers, _NAS.id == session.nas_id)
        .where(session.stopped_at.is_(None))
    )
    by_device = await connection.execute(opened.where(session.device_id.in_(whose)))
    by_name = await connection.execute(opened.where(session.resident_id.in_(owners), session.user_name.in_(names)))
    found = {row.id: _OpenSession(*row) for rows in (by_device, by_name) for row in rows}
    return int(ended.rowcount), list(found.values())


async def _revoke_credentials(
    connection: AsyncConnection, roaming: RoamingSettings, owners: Select[tuple[int]], now: datetime
) -> list[str]:
    """The user names, as equipment may tell them, that were made on a right with an end: they were as good as that."""
    made = credentials.c
    gone = await connection.execute(
        update(credentials)
        .where(made.resident_id.in_(owners), made.expires_at > now, made.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(made.user_name)
    )
    return [f"{name}{realm}" for name in gone.scalars() for realm in ("", *(f"@{own}" for own in roaming.own_realms))]


async def _end(runtime: Runtime, council_id: int, session_ids: Sequence[int]) -> list[Outcome]:
    """Ask the equipment of each, and write down that it was asked."""
    if not session_ids:
        return []
    # A device that is put off comes back at once; by then every RADIUS process knows.
    await asyncio.sleep(LATE_SECONDS)
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def end(session_id: int) -> Outcome:
        async with turns:
            return await disconnect_session(runtime.database, runtime.keyring, session_id)

    outcomes = await asyncio.gather(*map(end, session_ids))
    async with runtime.database.write() as connection:
        for session_id, outcome in zip(session_ids, outcomes, strict=True):
            detail = {"result": outcome.result.value, "error_cause": outcome.error_cause}
            await record(connection, "end session", f"session {session_id}", council_id=council_id, detail=detail)
    return outcomes
