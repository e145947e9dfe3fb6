from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from foundation.database import Database
from foundation.retention_job import keep
from foundation.schema import accounting_sessions, hourly_usage
from foundation.settings import RetentionSettings
from monitoring import usage
from monitoring.usage import hours_touched, rebuild, roll_up, shares, spread
from tests.monitoring.city import NOW, City

moments = st.timedeltas(timedelta(0), timedelta(days=60)).map(lambda length: datetime(2026, 1, 1, tzinfo=UTC) + length)
lengths = st.timedeltas(timedelta(0), timedelta(days=5))


@given(moments, lengths, st.integers(0, 2**63 - 1))
def test_what_is_spread_over_the_hours_adds_up_to_the_total(start: datetime, length: timedelta, total: int) -> None:
    parts = spread(total, [passed for _, passed in shares(start, start + length)])
    assert sum(parts) == total
    assert min(parts) >= 0


@given(moments, lengths)
def test_the_seconds_of_a_session_fall_into_the_hours_in_which_it_was_on(start: datetime, length: timedelta) -> None:
    hours = shares(start, start + length)
    whole = max(int(length.total_seconds()), 1)
    assert hours[0][0] <= start < hours[0][0] + timedelta(hours=1)
    assert all(later - earlier == timedelta(hours=1) for (earlier, _), (later, _) in pairwise(hours))
    assert all(part <= 3601 for part in spread(whole, [passed for _, passed in hours]))


@given(moments, lengths, lengths, lengths)
def test_the_hours_a_session_touches_only_grow_when_a_record_makes_it_longer(
    start: datetime, length: timedelta, earlier: timedelta, later: timedelta
) -> None:
    before = set(hours_touched(start, start + length))
    assert before <= set(hours_touched(start - earlier, start + length + later))
    assert {hour for hour, _ in shares(start, start + length)} <= before


async def rows(database: Database) -> list[tuple[Any, ...]]:
    table = hourly_usage.c
    question = select(
        table.hour, table.venue_id, table.sessions, table.session_seconds, table.input_octets, table.output_octets
    )
    async with database.read() as connection:
        return sorted(map(tuple, await connection.execute(question)), key=str)


async def test_a_session_counts_where_it_began_and_its_use_where_it_fell(any_city: City) -> None:
    await any_city.add_session(NOW - timedelta(minutes=15), 3600, octets=(4000, 40_000))
    await roll_up(any_city.database, NOW + timedelta(hours=2))
    venue = any_city.venue_ids[0]
    assert await rows(any_city.database) == [
        (NOW - timedelta(hours=1), venue, 1, 900, 1000, 10_000),
        (NOW, venue, 0, 2700, 3000, 30_000),
    ]


async def test_doing_it_twice_changes_nothing_and_a_rebuild_gives_the_same_rows(any_city: City) -> None:
    for number in range(30):
        await any_city.add_session(NOW - timedelta(minutes=37 * number), 100 * number, venue=(0, 1, None)[number % 3])
    await roll_up(any_city.database, NOW)
    first = await rows(any_city.database)
    await roll_up(any_city.database, NOW)
    assert await rows(any_city.database) == first
    await rebuild(any_city.database, NOW)
    assert await rows(any_city.database) == first


async def test_a_record_that_was_committed_late_is_not_missed(city: City) -> None:
    await roll_up(city.database, NOW)
    await city.add_session(NOW - timedelta(hours=3), received_at=NOW - timedelta(minutes=1))
    done = await roll_up(city.database, NOW + timedelta(seconds=15))
    assert (done.sessions_read, done.rows_written) == (1, 1)


async def test_a_late_start_moves_a_session_to_its_true_hour(any_city: City) -> None:
    session = await any_city.add_session(NOW, 0)
    await roll_up(any_city.database, NOW)
    async with any_city.database.write() as connection:
        await connection.execute(
            update(accounting_sessions)
            .where(accounting_sessions.c.id == session)
            .values(started_at=NOW - timedelta(minutes=20), received_at=NOW + timedelta(minutes=10))
        )
    await roll_up(any_city.database, NOW + timedelta(minutes=10))
    incremental = await rows(any_city.database)
    assert [(row[0], row[2]) for row in incremental] == [(NOW - timedelta(hours=1), 1)]
    await rebuild(any_city.database, NOW)
    assert await rows(any_city.database) == incremental


async def test_a_session_that_is_still_open_counts_so_far(city: City) -> None:
    await city.add_session(NOW - timedelta(minutes=10), 300, is_open=True)
    await roll_up(city.database, NOW)
    assert [row[2:4] for row in await rows(city.database)] == [(1, 300)]


async def test_a_session_at_no_known_venue_counts_too(any_city: City) -> None:
    await any_city.add_session(NOW, venue=None)
    await roll_up(any_city.database, NOW)
    assert [row[1:3] for row in await rows(any_city.database)] == [(None, 1)]


async def test_usage_stays_when_the_sessions_it_was_counted_from_are_deleted(any_city: City) -> None:
    database = any_city.database
    await any_city.add_session(NOW - timedelta(days=200))
    await any_city.add_session(NOW - timedelta(days=2))
    await roll_up(database, NOW - timedelta(days=1))
    before = await rows(database)
    assert (await keep(database, RetentionSettings(), NOW))["sessions"] == 1
    await rebuild(database, NOW)
    assert await rows(database) == before


async def test_of_two_roll_ups_at_the_same_time_the_later_to_finish_changes_nothing(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    await city.add_session(NOW)
    await roll_up(city.database, NOW)
    original = usage._compute

    async def compute_while_another_finishes(*arguments: Any) -> Any:
        monkeypatch.setattr(usage, "_compute", original)
        answer = await original(*arguments)
        async with city.database.write() as connection:
            await connection.execute(delete(accounting_sessions))
        await rebuild(city.database, NOW + timedelta(seconds=2))
        return answer

    monkeypatch.setattr(usage, "_compute", compute_while_another_finishes)
    done = await roll_up(city.database, NOW + timedelta(seconds=1))
    assert done.superseded
    assert await rows(city.database) == []


async def test_the_first_roll_up_counts_everything_and_an_idle_one_nothing(city: City) -> None:
    for number in range(5):
        await city.add_session(NOW - timedelta(days=number))
    assert (await roll_up(city.database, NOW + timedelta(days=1))).sessions_read == 5
    assert (await roll_up(city.database, NOW + timedelta(days=1, seconds=15))).rows_written == 0
