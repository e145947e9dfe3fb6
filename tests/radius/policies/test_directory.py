"""Policies in memory follow the database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import councils, policies
from radius import polled
from radius.policies.directory import PolicyDirectory
from radius.policies.effective import Place
from radius.policies.opening import Opening
from tests.radius.policies.rows import add_policy, remove_policies
from tests.radius.support import build_city, radius_settings


async def test_a_row_is_read_with_every_limit(any_database: Database, keyring: Keyring) -> None:
    city = await build_city(any_database, keyring)
    await add_policy(
        any_database,
        city,
        venue_id=city.venue_id,
        network_name="CityWiFi",
        group_name="staff",
        opens_at="08:00",
        closes_at="22:30",
        session_seconds=60,
        idle_seconds=61,
        daily_seconds=62,
        daily_octets=2**40,
        download_kilobits_per_second=63,
        upload_kilobits_per_second=64,
        simultaneous_devices=3,
        vlan=20,
        filter_name="guests",
    )
    known = PolicyDirectory(any_database, radius_settings())
    await known.refresh()
    found = known.table.effective(Place(city.council_id, city.venue_id, "CityWiFi", "staff"))
    assert found.opening == Opening.parse("08:00", "22:30")
    assert (found.session_seconds, found.idle_seconds, found.daily_seconds) == (60, 61, 62)
    assert (found.daily_octets, found.download_kilobits_per_second, found.upload_kilobits_per_second) == (2**40, 63, 64)
    assert (found.simultaneous_devices, found.vlan, found.filter_name) == (3, 20, "guests")
    elsewhere = known.table.effective(Place(city.council_id, city.venue_id, "CityWiFi", ""))
    assert elsewhere.session_seconds == 4 * 3600
    assert known.table.time_zone(city.council_id) == ZoneInfo("Europe/London")


async def test_a_new_a_changed_and_a_removed_policy_are_noticed(any_database: Database, keyring: Keyring) -> None:
    city = await build_city(any_database, keyring)
    known = PolicyDirectory(any_database, radius_settings())

    async def session_seconds() -> int:
        await known.refresh()
        return known.table.effective(Place(city.council_id)).session_seconds

    assert await session_seconds() == 4 * 3600
    number = await add_policy(any_database, city, session_seconds=60)
    assert await session_seconds() == 60
    async with any_database.write() as connection:
        change = {"session_seconds": 90, "updated_at": datetime.now(UTC)}
        await connection.execute(update(policies).where(policies.c.id == number).values(**change))
    assert await session_seconds() == 90
    await remove_policies(any_database)
    assert await session_seconds() == 4 * 3600


async def test_the_table_stays_the_same_object_while_nothing_changes(database: Database, keyring: Keyring) -> None:
    await build_city(database, keyring)
    known = PolicyDirectory(database, radius_settings())
    await known.refresh()
    before = known.table
    for _ in range(31):
        await known.refresh()
    assert known.table is before


async def test_a_policy_that_cannot_be_read_leaves_the_others_in_force(database: Database, keyring: Keyring) -> None:
    city = await build_city(database, keyring)
    await add_policy(database, city, network_name="Broken", opens_at="late", session_seconds=1)
    await add_policy(database, city, session_seconds=60, download_kilobits_per_second=0)
    async with database.write() as connection:
        await connection.execute(update(councils).values(time_zone="Mars/Olympus"))
    known = PolicyDirectory(database, radius_settings())
    await known.refresh()
    found = known.table.effective(Place(city.council_id, None, "Broken"))
    assert (found.session_seconds, found.download_kilobits_per_second) == (60, 10_000)
    assert known.table.time_zone(city.council_id) is UTC


async def test_with_the_database_away_the_last_table_stays_in_force_and_what_changed_is_found_later(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = await build_city(database, keyring)
    await add_policy(database, city, session_seconds=60)
    policies_of = PolicyDirectory(database, radius_settings())
    await policies_of.refresh()
    monkeypatch.setattr(polled, "POLL_SECONDS", 0.01)
    job = asyncio.create_task(policies_of.keep_fresh())
    with monkeypatch.context() as away:
        away.setattr(database, "read", _unreachable)
        await asyncio.sleep(0.05)
        assert policies_of.table.effective(Place(city.council_id)).session_seconds == 60
    await add_policy(database, city, network_name="CityWiFi", session_seconds=90)
    for _ in range(500):
        await asyncio.sleep(0.01)
        found = policies_of.table.effective(Place(city.council_id, None, "CityWiFi"))
        if found.session_seconds == 90:
            break
    assert found.session_seconds == 90
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)


def _unreachable() -> None:
    raise OSError("the database is away")
