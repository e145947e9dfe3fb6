"""Journeys in the database: found by the pseudonym of their path, or by device and gateway."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.journey import Details, Journey, State
from foundation.privacy import Keyring
from foundation.schema import journeys

# The council is not known yet when a path is looked up.
_NO_COUNCIL = 0
_SEAL = "journey"
_TIMES = ("handed_over_at", "released_at", "waiting_since")


def path_pseudonym(keyring: Keyring, path_id: str) -> bytes:
    """What a path is looked up by; the path itself is only kept encrypted."""
    return keyring.pseudonym("journey", _NO_COUNCIL, path_id.encode())


async def load(
    connection: AsyncConnection, keyring: Keyring, path_id: str, *, now: datetime, for_update: bool = False
) -> Journey | None:
    """The journey of a path, in state EXPIRED when its time is over; None where there is none."""
    statement = select(journeys).where(journeys.c.path_pseudonym == path_pseudonym(keyring, path_id))
    return await _one(connection, keyring, statement, now=now, for_update=for_update)


async def load_open(
    connection: AsyncConnection, keyring: Keyring, nas_id: int, mac_pseudonym: bytes, *, now: datetime
) -> Journey | None:
    """The latest journey of a device at a gateway that is not over, for update."""
    statement = (
        select(journeys)
        .where(
            journeys.c.nas_id == nas_id,
            journeys.c.mac_pseudonym == mac_pseudonym,
            journeys.c.expires_at > now,
        )
        .order_by(journeys.c.id.desc())
        .limit(1)
    )
    return await _one(connection, keyring, statement, now=now, for_update=True)


async def insert(connection: AsyncConnection, keyring: Keyring, journey: Journey, now: datetime) -> int:
    """Store a new journey (its own `id` is ignored) and return its number."""
    statement = (
        journeys.insert()
        .values(
            council_id=journey.council_id,
            path_pseudonym=path_pseudonym(keyring, journey.details.path_id),
            nas_id=journey.nas_id,
            venue_id=journey.venue_id,
            mac_pseudonym=journey.mac_pseudonym,
            created_at=now,
            **_changing(keyring, journey, now),
        )
        .returning(journeys.c.id)
    )
    return int((await connection.execute(statement)).scalar_one())


async def save(connection: AsyncConnection, keyring: Keyring, journey: Journey, now: datetime) -> None:
    """Store what changed."""
    await connection.execute(
        journeys.update().where(journeys.c.id == journey.id).values(**_changing(keyring, journey, now))
    )


async def count_open(connection: AsyncConnection, now: datetime) -> int:
    """How many residents are on their way now."""
    over = (State.ONLINE, State.ENDED)
    statement = select(func.count()).where(journeys.c.expires_at > now, journeys.c.state.not_in(over))
    return int((await connection.execute(statement)).scalar_one())


async def _one(
    connection: AsyncConnection, keyring: Keyring, statement: Select[Any], *, now: datetime, for_update: bool
) -> Journey | None:
    if for_update:
        # Without meaning on SQLite, where a writing transaction already is the only one.
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _from_row(keyring, row, now)


def _changing(keyring: Keyring, journey: Journey, now: datetime) -> dict[str, object]:
    return {
        "resident_id": journey.resident_id,
        "state": journey.state,
        "language": journey.language,
        "details_encrypted": keyring.encrypt(_SEAL, _to_json(journey.details)),
        "updated_at": now,
        "expires_at": journey.expires_at,
    }


def _from_row(keyring: Keyring, row: Row[Any], now: datetime) -> Journey:
    expired = row.expires_at <= now
    return Journey(
        id=row.id,
        council_id=row.council_id,
        nas_id=row.nas_id,
        venue_id=row.venue_id,
        mac_pseudonym=row.mac_pseudonym,
        resident_id=row.resident_id,
        state=State.EXPIRED if expired else State(row.state),
        language=row.language,
        details=_from_json(keyring.decrypt(_SEAL, row.details_encrypted)),
        expires_at=row.expires_at,
    )


def _to_json(details: Details) -> bytes:
    values = {name: value for name, value in asdict(details).items() if value is not None}
    for name in _TIMES:
        if name in values:
            values[name] = values[name].isoformat()
    return json.dumps(values, ensure_ascii=False).encode()


def _from_json(text: bytes) -> Details:
    values = json.loads(text)
    for name in _TIMES:
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    return Details(**values)


def lifetime(seconds: int, now: datetime) -> datetime:
    """When a journey that is touched now is over."""
    return now + timedelta(seconds=seconds)
