"""Group commit: answered means committed, and a bad record takes nobody with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import access_points, accounting_sessions
from radius.accounting.records import SessionRecord
from radius.accounting.writer import AccountingWriter, StorageUnavailableError
from tests.radius.support import City, build_city, rows
from tests.radius.test_sessions import record


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


def numbered(city: City, number: int) -> SessionRecord:
    return record(city, 0, kind="start", session_key=number.to_bytes(16, "big"), access_point_id=city.access_point_id)


async def test_when_it_returns_the_records_are_in_the_database(any_database: Database, city: City) -> None:
    writer = AccountingWriter(any_database)
    stored = await asyncio.gather(*[writer.write(numbered(city, number)) for number in range(700)])
    assert stored == [True] * 700
    assert len(await rows(any_database, accounting_sessions)) == 700


async def test_a_record_that_the_database_refuses_takes_nobody_with_it(any_database: Database, city: City) -> None:
    writer = AccountingWriter(any_database)
    records = [numbered(city, number) for number in range(20)]
    records[7] = replace(records[7], nas_id=999_999)
    stored = await asyncio.gather(*[writer.write(each) for each in records])
    assert [number for number, is_stored in enumerate(stored) if not is_stored] == [7]
    assert len(await rows(any_database, accounting_sessions)) == 19


async def test_with_the_database_away_nobody_is_told_that_it_is_stored_and_trying_again_works(
    any_database: Database, city: City
) -> None:
    writer = AccountingWriter(any_database)
    async with any_database.write() as connection:
        await connection.execute(text("ALTER TABLE accounting_sessions RENAME TO away"))
    results = await asyncio.gather(*[writer.write(numbered(city, n)) for n in range(3)], return_exceptions=True)
    assert [type(result) for result in results] == [StorageUnavailableError] * 3
    async with any_database.write() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO accounting_sessions"))
    assert await writer.write(numbered(city, 1))


async def test_an_access_point_is_noted_as_heard_at_most_once_a_minute(any_database: Database, city: City) -> None:
    writer = AccountingWriter(any_database)
    start = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    heard = []
    for seconds in (0, 30, 59, 60, 61):
        received_at = start + timedelta(seconds=seconds)
        await writer.write(replace(numbered(city, seconds), received_at=received_at))
        (point,) = await rows(any_database, access_points)
        heard.append((point.last_heard_at - start).total_seconds())
    assert heard == [0, 0, 0, 60, 60]
