"""Ids that are used again, counters that begin anew, and several servers that write at the same moment."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from itertools import permutations
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_restarts, accounting_sessions
from radius.accounting.records import Record
from radius.accounting.sessions import SessionStore, close_lost_sessions
from tests.radius.session_records import NOON, at, merge, record, restart, the_session
from tests.radius.support import City, build_city, rows


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


async def begun_sessions(database: Database) -> list[tuple[float, float, float | None, int]]:
    """Of every session, in the order in which they began: start, last event, end (seconds after noon), octets in."""
    found = sorted(await rows(database, accounting_sessions), key=lambda row: row.started_at)
    return [(after(row.started_at), after(row.updated_at), after(row.stopped_at), row.input_octets) for row in found]


def after(moment: datetime | None) -> Any:
    return None if moment is None else (moment - NOON).total_seconds()


HOUR = 3600
FIRST_AND_SECOND: list[dict[str, Any]] = [
    {"event": 0, "kind": "start"},
    {"event": HOUR, "kind": "stop", "lasted": HOUR, "input_octets": 700},
    {"event": 2 * HOUR, "kind": "start"},
    {"event": 2 * HOUR + 60, "lasted": 60, "input_octets": 9},
]


async def test_an_id_that_is_used_again_is_another_session_in_every_order(any_database: Database, city: City) -> None:
    store = SessionStore(any_database)
    for number, order in enumerate(permutations(FIRST_AND_SECOND)):
        key = number.to_bytes(16, "big")
        await merge(any_database, *[[record(city, **values, session_key=key)] for values in order], store=store)
    found: dict[bytes, list[Any]] = {}
    for row in await rows(any_database, accounting_sessions):
        found.setdefault(row.session_key, []).append((after(row.started_at), after(row.stopped_at), row.input_octets))
    assert len(found) == 24
    assert all(sorted(sessions) == [(0, HOUR, 700), (2 * HOUR, None, 9)] for sessions in found.values())


async def test_a_batch_may_hold_all_records_of_several_sessions_of_one_id(any_database: Database, city: City) -> None:
    made = [record(city, **values) for values in FIRST_AND_SECOND]
    await merge(any_database, [*reversed(made), *made])
    assert await begun_sessions(any_database) == [(0, HOUR, HOUR, 700), (2 * HOUR, 2 * HOUR + 60, None, 9)]


async def test_a_stop_without_session_time_closes_the_session_that_was_on(any_database: Database, city: City) -> None:
    starts = [record(city, 0, kind="start"), record(city, 2 * HOUR, kind="start")]
    stop = record(city, HOUR, kind="stop", input_octets=5)
    await merge(any_database, [starts[0]], [starts[1]], [stop])
    assert await begun_sessions(any_database) == [(0, HOUR, HOUR, 5), (2 * HOUR, 2 * HOUR, None, 0)]


async def test_a_stop_without_session_time_may_arrive_before_its_start(any_database: Database, city: City) -> None:
    stop = record(city, 2 * HOUR, kind="stop", input_octets=5)
    await merge(any_database, [stop], [record(city, HOUR, lasted=HOUR)], [stop])
    assert await begun_sessions(any_database) == [(0, 2 * HOUR, 2 * HOUR, 5)]
    row = await the_session(any_database)
    assert (row.anchored_at, row.start_is_known) == (at(0), True)


async def test_a_session_moves_to_the_month_in_which_it_turns_out_to_have_begun(
    any_database: Database, city: City
) -> None:
    month = 31 * 24 * HOUR
    await merge(any_database, [record(city, 0, kind="stop")], [record(city, -1, lasted=month, input_octets=3)])
    assert await begun_sessions(any_database) == [(-1 - month, 0, 0, 3)]


async def test_counters_that_fall_begin_anew_and_the_total_goes_on(any_database: Database, city: City) -> None:
    counts = [(300, 4_000_000_000), (600, 100), (900, 2_000), (1200, 50)]
    made = [record(city, time, lasted=time, input_octets=count, output_octets=7) for time, count in counts]
    await merge(any_database, *[[each] for each in made])
    row = await the_session(any_database)
    assert (row.input_octets, row.input_octets_carried) == (4_000_002_050, 4_000_002_000)
    assert (row.output_octets, row.output_octets_carried) == (7, 0)
    await merge(any_database, *[[each] for each in reversed(made)], made)
    assert (await the_session(any_database)).input_octets == 4_000_002_050


async def test_what_was_counted_before_a_fall_may_arrive_after_it(any_database: Database, city: City) -> None:
    before, late, fallen = (
        record(city, time, lasted=time, input_octets=count) for time, count in ((300, 1000), (600, 5000), (900, 10))
    )
    await merge(any_database, [before], [fallen], [late], [late])
    assert (await the_session(any_database)).input_octets == 5010


async def test_a_count_of_nothing_is_no_fall(any_database: Database, city: City) -> None:
    """Interim-Updates that only tell of a new address have no counts."""
    counts = [(300, 4000), (600, 0), (900, 5000)]
    await merge(any_database, *[[record(city, time, lasted=time, input_octets=count)] for time, count in counts])
    assert (await the_session(any_database)).input_octets == 5000


async def test_a_count_that_is_a_little_less_is_no_fall(any_database: Database, city: City) -> None:
    counts = [(300, 4000), (600, 2000), (900, 5000)]
    await merge(any_database, *[[record(city, time, lasted=time, input_octets=count)] for time, count in counts])
    assert (await the_session(any_database)).input_octets == 5000


async def test_no_counts_however_large_make_a_record_unstorable(any_database: Database, city: City) -> None:
    most = 2**63 - 1
    counts = [(300, most), (600, most // 4), (900, most), (1200, 1), (1500, most), (1400, most)]
    await merge(any_database, *[[record(city, time, lasted=time, input_octets=count)] for time, count in counts])
    assert (await the_session(any_database)).input_octets == most


async def test_an_anchor_is_found_in_memory_only_after_its_transaction(any_database: Database, city: City) -> None:
    """Another server would make a second session of what was rolled back here."""
    first, second = SessionStore(any_database), SessionStore(any_database)
    with suppress(RuntimeError):
        async with any_database.direct.writing() as transaction:
            await first.merge(transaction, [record(city, 0, kind="start")])
            raise RuntimeError("the power fails")
    await merge(any_database, [record(city, 302, lasted=300)], store=second)
    await merge(any_database, [record(city, 600, lasted=600)], store=first)
    assert await begun_sessions(any_database) == [(0, 600, None, 0)]


async def test_two_servers_that_hear_of_a_session_at_the_same_moment_make_one_row(
    any_database: Database, any_database_url: str, city: City
) -> None:
    other = Database(any_database_url)
    keys = [number.to_bytes(16, "big") for number in range(40)]
    try:
        stores = [(any_database, SessionStore(any_database)), (other, SessionStore(other))]
        await asyncio.gather(
            *[
                merge(
                    database,
                    [record(city, 300 + number, lasted=300, session_key=key) for key in order],
                    [record(city, 600, kind="stop", lasted=600 - number, session_key=key) for key in reversed(order)],
                    store=store,
                )
                for number, (database, store) in enumerate(stores * 2)
                for order in (keys, keys[::-1])
            ]
        )
    finally:
        await other.close()
    found = await rows(any_database, accounting_sessions)
    assert sorted(row.session_key for row in found) == keys
    assert {(row.session_seconds, row.stopped_at) for row in found} == {(600, at(600))}


async def test_writers_that_meet_never_wait_in_a_circle(
    any_database: Database, any_database_url: str, city: City
) -> None:
    """Sessions in opposite orders, restarts and the search for lost sessions, all at once."""
    other = Database(any_database_url)
    keys = [number.to_bytes(16, "big") for number in range(30)]

    async def write(database: Database, number: int) -> None:
        store = SessionStore(database)
        for turn in range(4):
            order = keys[::-1] if (number + turn) % 2 else keys
            batch: list[Record] = [
                record(city, 60 * turn, lasted=60 * turn, session_key=key, access_point_id=city.access_point_id)
                for key in order
            ]
            if turn == number:
                batch.append(restart(city, 60 * turn))
            async with database.direct.writing() as transaction:
                learned = await store.merge(transaction, batch)
                await store.note_heard(transaction, {city.access_point_id: at(turn)})
            store.remember(learned)
            await close_lost_sessions(database, at(60 * turn))

    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*[write((any_database, other)[number % 2], number) for number in range(4)])
    finally:
        await other.close()
    assert len(await rows(any_database, accounting_sessions)) == len(keys)


async def test_what_a_race_with_a_restart_left_open_is_found_by_the_next_check(
    any_database: Database, city: City
) -> None:
    await merge(any_database, [record(city, 60, lasted=60)], [record(city, 200, kind="start", session_key=b"n" * 16)])
    async with any_database.write() as connection:
        row = {"council_id": city.council_id, "nas_id": city.nas_id, "nas_identifier": "gateway"}
        await connection.execute(accounting_restarts.insert().values(**row, restarted_at=at(100)))
    assert await close_lost_sessions(any_database, at(-1000)) == 0
    ended = {row.session_key[:1]: row.ended_by for row in await rows(any_database, accounting_sessions)}
    assert ended == {b"k": "restart", b"n": None}
