"""The rows of a storm: a council that says of itself that it is simulated, and everything that hangs on it.

Made before, taken away afterwards. Services that run see them as any others.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Delete, Table, delete, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.one_time_tokens import new_user_name
from citywifi.recovery import plan
from citywifi.recovery.packets import Credential, remembered
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import (
    access_points,
    councils,
    devices,
    metadata,
    network_access_servers,
    one_time_tokens,
    residents,
)

COUNCIL_CODE: Final = "SIMULATED"
COUNCIL_NAME: Final = "Simulated: power returns"
# So that a service beside us gets its turn at SQLite's single writer.
_ACCESS_POINTS_AT_ONCE: Final = 50
_ROWS_AT_ONCE: Final = 2_000
_ATTEMPTS: Final = 10
_BETWEEN_ATTEMPTS_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, repr=False)
class City:
    """What the access points must know: their shared secret, and the passwords of devices that are not remembered."""

    secret: bytes
    one_time: dict[tuple[int, int], Credential]

    def credential(self, access_point: int, person: int) -> Credential:
        """What lets a device on; both count from 0."""
        return self.one_time.get((access_point, person)) or remembered(access_point, person)


async def build(database: Database, keyring: Keyring, storm: plan.Plan, token_lifetime: timedelta) -> City:
    """Write the rows. What an earlier storm left must be removed first. Raises DBAPIError."""
    city = City(secrets.token_urlsafe(24).encode(), {})
    async with database.write() as connection:
        values = {"code": COUNCIL_CODE, "name": COUNCIL_NAME, "created_at": datetime.now(UTC)}
        statement = insert(councils).values(values).returning(councils.c.id)
        council_id = (await connection.execute(statement)).scalar_one()
    for first in range(0, storm.access_points, _ACCESS_POINTS_AT_ONCE):
        numbers = range(first, min(first + _ACCESS_POINTS_AT_ONCE, storm.access_points))
        async with database.write() as connection:
            rows = _Rows(connection, keyring, council_id, datetime.now(UTC))
            nas_ids = await rows.equipment(storm, numbers, city.secret)
            await rows.people(storm, numbers, nas_ids, city, token_lifetime)
    return city


async def remove(database: Database) -> bool:
    """Take away what storms wrote, and what services wrote of them; whether there was anything. Raises DBAPIError."""
    async with database.read() as connection:
        council_id = await connection.scalar(select(councils.c.id).where(councils.c.code == COUNCIL_CODE))
    if council_id is None:
        return False
    for table in reversed(metadata.sorted_tables):
        if "council_id" in table.c:
            some = select(table.c.id).where(table.c.council_id == council_id).order_by(table.c.id).limit(_ROWS_AT_ONCE)
            while await _delete(database, delete(table).where(table.c.id.in_(some.scalar_subquery()))):
                pass
    await _delete(database, delete(councils).where(councils.c.id == council_id))
    return True


async def _delete(database: Database, statement: Delete) -> int:
    """How many rows went. Services may still write of them, so that PostgreSQL ends one of two transactions."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with database.write() as connection:
                return (await connection.execute(statement)).rowcount
        except DBAPIError:
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(_BETWEEN_ATTEMPTS_SECONDS)
    raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True, slots=True)
class _Rows:
    connection: AsyncConnection
    keyring: Keyring
    council_id: int
    now: datetime

    async def equipment(self, storm: plan.Plan, numbers: Sequence[int], secret: bytes) -> list[int]:
        """A NAS and its access point each; the numbers of the NAS."""
        servers = [
            {
                "name": plan.nas_identifier(number),
                "network": f"{plan.address_of(storm, number)}/32",
                "nas_identifier": plan.nas_identifier(number),
                "vendor": "coovachilli",
                "secret_encrypted": self.keyring.encrypt("nas secret", secret),
                "created_at": self.now,
                "updated_at": self.now,
            }
            for number in numbers
        ]
        nas_ids = await self._insert(network_access_servers, servers)
        points = [
            {
                "nas_id": nas_id,
                "name": plan.nas_identifier(number),
                "mac_address": plan.access_point_mac(number).format("", upper=False),
                "created_at": self.now,
            }
            for number, nas_id in zip(numbers, nas_ids, strict=True)
        ]
        await self._insert(access_points, points)
        return nas_ids

    async def people(
        self, storm: plan.Plan, numbers: Sequence[int], nas_ids: Sequence[int], city: City, lifetime: timedelta
    ) -> None:
        """A resident with a device each; a one-time token for every device that is not remembered."""
        everybody = [(number, person) for number in numbers for person in range(storm.people)]
        resident = {"contact_kind": "none", "registered_at": self.now, "last_seen_at": self.now}
        resident_ids = await self._insert(residents, [resident] * len(everybody))
        owned = [
            self._device(storm, number, person) | {"resident_id": resident_id}
            for (number, person), resident_id in zip(everybody, resident_ids, strict=True)
        ]
        device_ids = await self._insert(devices, owned)
        nas_of = dict(zip(numbers, nas_ids, strict=True))
        tokens = []
        for (number, person), device_id, resident_id in zip(everybody, device_ids, resident_ids, strict=True):
            if not plan.is_remembered(storm, person):
                credential = self._one_time(person)
                city.one_time[number, person] = credential
                bound = {"resident_id": resident_id, "device_id": device_id, "nas_id": nas_of[number]}
                times = {"created_at": self.now, "expires_at": self.now + lifetime}
                tokens.append({"user_name": credential.user_name, **bound, **times})
        if tokens:
            await self._insert(one_time_tokens, tokens)

    def _device(self, storm: plan.Plan, number: int, person: int) -> dict[str, Any]:
        remembered_until = self.now + timedelta(days=90) if plan.is_remembered(storm, person) else None
        return {
            "mac_pseudonym": self.keyring.device_pseudonym(self.council_id, plan.device_mac(number, person)),
            "randomised": True,
            "remembered_until": remembered_until,
            "created_at": self.now,
            "last_seen_at": self.now,
        }

    def _one_time(self, person: int) -> Credential:
        """As the portal makes them."""
        user_name = new_user_name()
        password = self.keyring.one_time_password(user_name).encode()
        return Credential(user_name, password, uses_chap=plan.speaks_chap(person))

    async def _insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> list[int]:
        """The new rows' numbers, in the order of the rows.

        They are numbered as they are written, and nobody else writes this council's rows: asked for together, the
        numbers cost one statement instead of one a row.
        """
        await self.connection.execute(insert(table), [{"council_id": self.council_id, **row} for row in rows])
        ours = select(table.c.id).where(table.c.council_id == self.council_id)
        newest = await self.connection.execute(ours.order_by(table.c.id.desc()).limit(len(rows)))
        return [int(number) for number in reversed(newest.scalars().all())]
