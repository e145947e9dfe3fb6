from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, func, literal, select
from sqlalchemy.exc import IntegrityError

from foundation import migrations
from foundation.database import Database, DatabaseError, greatest, least
from foundation.partitions import is_partition
from foundation.schema import councils, metadata
from foundation.schema.metadata import CHECKED_BY_SQLITE_ONLY


def is_declared(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not is_partition(name)


def is_in_postgresql(item: object, _name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    if kind != "foreign_key_constraint":
        return True
    assert isinstance(item, ForeignKeyConstraint)
    return CHECKED_BY_SQLITE_ONLY not in [key.info for key in item.elements]


async def test_the_migrated_schema_is_exactly_the_declared_one(any_database: Database) -> None:
    options: dict[str, object] = {"include_name": is_declared}
    if not any_database.is_sqlite:
        options["include_object"] = is_in_postgresql
    async with any_database.read() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts=options), metadata)
        )
    assert differences == []


async def test_a_migrated_database_says_that_it_is_newest_and_migrating_again_changes_nothing(
    any_database: Database,
) -> None:
    await migrations.upgrade(any_database)
    assert (await migrations.state(any_database)).is_newest


async def test_a_write_is_rolled_back_when_the_block_raises(any_database: Database) -> None:
    async def fail_half_way() -> None:
        async with any_database.write() as connection:
            await connection.execute(
                councils.insert().values(code="E08000026", name="Coventry", created_at=datetime.now(UTC))
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    async with any_database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(councils))).scalar_one() == 0


async def test_times_come_back_in_utc_whatever_zone_they_were_given_in(any_database: Database) -> None:
    summer = datetime(2026, 7, 1, 12, 30, tzinfo=timezone(timedelta(hours=1)))
    async with any_database.write() as connection:
        await connection.execute(councils.insert().values(code="E08000026", name="Coventry", created_at=summer))
    async with any_database.read() as connection:
        stored = (await connection.execute(select(councils.c.created_at))).scalar_one()
    assert stored == summer
    assert stored.utcoffset() == timedelta(0)


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 7, 1)  # noqa: DTZ001  the mistake under test
    with pytest.raises(Exception, match="time without a zone"):
        async with database.write() as connection:
            await connection.execute(councils.insert().values(code="E0", name="x", created_at=naive))


async def test_least_and_greatest_are_the_same_on_both_databases(any_database: Database) -> None:
    async with any_database.read() as connection:
        row = (await connection.execute(select(least(literal(2), literal(1)), greatest(literal(2), literal(1))))).one()
    assert tuple(row) == (1, 2)


async def test_a_read_sees_one_state_whatever_is_written_meanwhile(any_database: Database) -> None:
    count = select(func.count()).select_from(councils)
    async with any_database.read() as connection:
        before = (await connection.execute(count)).scalar_one()
        async with any_database.write() as other:
            await other.execute(councils.insert().values(code="E1", name="x", created_at=datetime.now(UTC)))
        assert (await connection.execute(count)).scalar_one() == before


async def test_two_writers_that_read_before_they_write_both_succeed(any_database: Database) -> None:
    async def add(code: str) -> None:
        async with any_database.write() as connection:
            await connection.execute(select(func.count()).select_from(councils))
            await asyncio.sleep(0.02)
            await connection.execute(councils.insert().values(code=code, name=code, created_at=datetime.now(UTC)))

    await asyncio.gather(*(add(f"E{number:08}") for number in range(4)))
    async with any_database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(councils))).scalar_one() == 4


async def test_foreign_keys_are_kept(any_database: Database) -> None:
    from foundation.schema import wards

    with pytest.raises(IntegrityError):
        async with any_database.write() as connection:
            await connection.execute(wards.insert().values(council_id=99, code="E05000001", name="Nowhere"))


async def test_health_tells_round_trip_and_clock(any_database: Database) -> None:
    health = await any_database.health()
    assert health.reachable
    assert abs(health.clock_offset_seconds) < 5


async def test_health_of_a_database_that_is_away_is_an_answer_not_an_error() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    assert not (await away.health()).reachable
    await away.close()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not an address"])
def test_an_address_that_cannot_be_used_is_refused_with_advice(url: str) -> None:
    with pytest.raises(DatabaseError, match="sqlite"):
        Database(url)


def test_a_password_in_the_address_is_never_shown() -> None:
    assert "hunter2" not in Database("postgresql://wifi:hunter2@127.0.0.1/wifi").description
