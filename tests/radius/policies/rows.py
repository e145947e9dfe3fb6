"""Rows for tests of policies: a policy, and a session of the test's resident."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy import delete

from foundation.database import Database
from foundation.schema import accounting_sessions, policies
from tests.radius.support import DEVICE, City, insert

_numbers = count(1)


async def add_policy(database: Database, city: City, **said: Any) -> int:
    """A policy of the council, unless ``said`` names a venue, network or group; its number."""
    now = datetime.now(UTC)
    scope = f"test {next(_numbers)}"
    return await insert(
        database, policies, council_id=city.council_id, scope=scope, created_at=now, updated_at=now, **said
    )


async def remove_policies(database: Database) -> None:
    """All of them."""
    async with database.write() as connection:
        await connection.execute(delete(policies))


async def add_session(database: Database, city: City, started_at: datetime, **more: Any) -> int:
    """An open session of the city's resident and device at its venue; its number."""
    number = next(_numbers)
    values = {
        "resident_id": city.resident_id,
        "device_id": city.device_id,
        "venue_id": city.venue_id,
        "network_name": "CityWiFi",
        "acct_session_id": f"{number:04}",
        "user_name": "somebody",
        "calling_station_id": str(DEVICE),
        "updated_at": started_at,
        "received_at": started_at,
    }
    return await insert(
        database,
        accounting_sessions,
        council_id=city.council_id,
        nas_id=city.nas_id,
        session_key=number.to_bytes(16, "big"),
        started_at=started_at,
        **values | more,
    )
