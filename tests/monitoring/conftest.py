from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import access_points, accounting_restarts
from monitoring.usage import roll_up
from radius.authentication.outcome import RejectReason
from tests.monitoring.city import City, make_city


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    return await make_city(database, keyring)


@pytest.fixture
async def any_city(any_database: Database, keyring: Keyring) -> City:
    """The city on SQLite and on PostgreSQL."""
    return await make_city(any_database, keyring)


@pytest.fixture
async def busy_city(city: City) -> City:
    """The city with sessions, rejects, a silent access point and a restart."""
    now = datetime.now(UTC)
    people = [await city.add_resident(number % 2, now) for number in range(20)]
    for number, resident in enumerate(people):
        await city.add_session(now - timedelta(minutes=30), 1500, venue=number % 2, resident=resident)
    await city.add_session(now - timedelta(minutes=5), 60, is_open=True, resident=people[0])
    await city.add_reject(now, RejectReason.WRONG_PASSWORD.explanation)
    await city.add_reject(now, RejectReason.DEVICE_NOT_REMEMBERED.explanation, venue=1)
    await city.insert(
        accounting_restarts, council_id=city.council_id, nas_id=city.nas_id, nas_identifier="", restarted_at=now
    )
    async with city.database.write() as connection:
        await connection.execute(
            update(access_points)
            .where(access_points.c.id == city.access_point_ids[0])
            .values(last_heard_at=now - timedelta(hours=2))
        )
    await roll_up(city.database, now)
    return city
