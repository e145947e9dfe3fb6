"""The row of a session depends on which records there were, never on their order, their number or their delay."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_restarts, accounting_sessions, residents
from radius.accounting.records import Record
from radius.accounting.sessions import SessionStore, close_lost_sessions
from tests.radius.session_records import at, merge, record, restart, the_session
from tests.radius.support import City, build_city, rows

_numbers = count()


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


@pytest.fixture
def store(any_database: Database) -> SessionStore:
    return SessionStore(any_database)


async def test_a_whole_session_is_one_row(any_database: Database, city: City) -> None:
    known = {"resident_id": city.resident_id, "device_id": city.device_id, "venue_id": city.venue_id}
    await merge(
        any_database,
        [record(city, 0, kind="start", user_name="somebody", **known)],
        [record(city, 60, lasted=60, input_octets=5, output_octets=50, framed_ip_address="10.0.0.5")],
        [record(city, 90, kind="stop", lasted=90, input_octets=7, output_octets=70, terminate_cause=1)],
    )
    row = await the_session(any_database)
    assert (row.started_at, row.updated_at, row.stopped_at) == (at(0), at(90), at(90))
    assert (row.session_seconds, row.input_octets, row.output_octets) == (90, 7, 70)
    assert (row.ended_by, row.terminate_cause) == ("stop", 1)
    assert (row.resident_id, row.device_id, row.venue_id) == (city.resident_id, city.device_id, city.venue_id)
    assert (row.user_name, row.framed_ip_address) == ("somebody", "10.0.0.5")


async def test_an_interim_update_after_the_stop_does_not_reopen_the_session(any_database: Database, city: City) -> None:
    await merge(any_database, [record(city, 90, kind="stop", lasted=90)], [record(city, 60, lasted=60)])
    row = await the_session(any_database)
    assert (row.ended_by, row.stopped_at, row.updated_at) == ("stop", at(90), at(90))


async def test_a_stop_alone_tells_the_whole_session(any_database: Database, city: City) -> None:
    await merge(any_database, [record(city, 90, kind="stop", lasted=90, input_octets=7)])
    row = await the_session(any_database)
    assert (row.started_at, row.stopped_at, row.session_seconds) == (at(0), at(90), 90)


async def test_a_retransmission_changes_nothing(any_database: Database, city: City) -> None:
    stop = record(city, 90, kind="stop", lasted=90, input_octets=7, terminate_cause=4)
    await merge(any_database, [stop])
    before = await the_session(any_database)
    await merge(any_database, [stop, stop], [stop])
    assert await the_session(any_database) == before


async def test_of_two_stops_the_later_counts_with_its_cause(any_database: Database, city: City) -> None:
    late, early = (
        record(city, second, kind="stop", lasted=second, terminate_cause=cause) for second, cause in ((90, 1), (80, 5))
    )
    await merge(any_database, [late], [early])
    row = await the_session(any_database)
    assert (row.stopped_at, row.terminate_cause) == (at(90), 1)


async def test_a_restart_ends_the_open_sessions_that_began_before_it_at_their_last_known_moment(
    any_database: Database, city: City
) -> None:
    await merge(
        any_database,
        [
            record(city, 60, lasted=60, session_key=b"open" * 4),
            record(city, 70, kind="stop", lasted=70, session_key=b"done" * 4),
            record(city, 200, kind="start", session_key=b"next" * 4),
            record(city, 60, lasted=60, session_key=b"elsewhere_______", nas_identifier="another"),
        ],
        [restart(city, 100)],
    )
    ended = {
        row.session_key[:4]: (row.ended_by, row.stopped_at) for row in await rows(any_database, accounting_sessions)
    }
    assert ended == {
        b"open": ("restart", at(60)),
        b"done": ("stop", at(70)),
        b"next": (None, None),
        b"else": (None, None),
    }


async def test_a_start_that_arrives_after_the_restart_that_ended_it_is_ended(
    any_database: Database, city: City
) -> None:
    await merge(any_database, [restart(city, 100)], [record(city, 50, kind="start", received_at=at(130))])
    row = await the_session(any_database)
    assert (row.ended_by, row.stopped_at) == ("restart", at(50))


async def test_a_stop_beats_a_restart_in_either_order(any_database: Database, city: City) -> None:
    stop = record(city, 90, kind="stop", lasted=90)
    await merge(any_database, [record(city, 60, lasted=60)], [restart(city, 100)], [stop])
    row = await the_session(any_database)
    assert (row.ended_by, row.stopped_at) == ("stop", at(90))


async def test_a_session_that_is_heard_after_the_restart_is_alive(any_database: Database, city: City) -> None:
    """Equipment with several radios says Accounting-On for one of them."""
    await merge(any_database, [record(city, 60, lasted=60)], [restart(city, 100)], [record(city, 120, lasted=120)])
    row = await the_session(any_database)
    assert (row.ended_by, row.stopped_at) == (None, None)


async def test_the_latest_restart_is_kept(any_database: Database, city: City) -> None:
    await merge(any_database, [restart(city, 100)], [restart(city, 50), restart(city, 70)])
    (row,) = await rows(any_database, accounting_restarts)
    assert row.restarted_at == at(100)


async def test_a_silent_session_is_lost_and_a_later_record_disproves_it(any_database: Database, city: City) -> None:
    await merge(any_database, [record(city, 60, lasted=60)])
    assert await close_lost_sessions(any_database, at(60)) == 0
    assert await close_lost_sessions(any_database, at(61)) == 1
    assert await close_lost_sessions(any_database, at(61)) == 0
    row = await the_session(any_database)
    assert (row.ended_by, row.stopped_at) == ("lost", at(60))
    await merge(any_database, [record(city, 30, lasted=30, received_at=at(4000))])
    assert (await the_session(any_database)).ended_by == "lost"
    await merge(any_database, [record(city, 4000, lasted=4000)])
    assert (await the_session(any_database)).ended_by is None


async def test_silence_is_measured_by_our_clock(any_database: Database, city: City) -> None:
    """A record of last week that was delivered just now was heard just now."""
    await merge(any_database, [record(city, -600_000, received_at=at(60))])
    assert await close_lost_sessions(any_database, at(30)) == 0


async def test_a_record_of_a_resident_who_was_removed_meanwhile_is_kept_without_the_person(
    any_database: Database, city: City
) -> None:
    async with any_database.write() as connection:
        await connection.execute(residents.delete())
    await merge(any_database, [record(city, 0, kind="start", resident_id=city.resident_id, device_id=city.device_id)])
    row = await the_session(any_database)
    assert (row.resident_id, row.device_id) == (None, None)


events = st.integers(0, 40).map(lambda step: step * 10)


@st.composite
def sessions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What a NAS can say of one session that began at noon: counts only grow, some records lack what they may lack."""
    said: list[dict[str, Any]] = []
    octets = {"input_octets": 0, "output_octets": 0}
    for event in sorted(draw(st.lists(events, min_size=1, max_size=6))):
        octets = {name: count + draw(st.integers(0, 2**40)) for name, count in octets.items()}
        kind = "start" if event == 0 and draw(st.booleans()) else draw(st.sampled_from(["interim_update", "stop"]))
        tells_octets = kind != "start" and draw(st.booleans())
        said.append(
            {
                "event": event,
                "kind": kind,
                "lasted": 0 if kind == "start" else event,
                "terminate_cause": draw(st.sampled_from([None, 1, 5])),
                "framed_ip_address": draw(st.sampled_from([None, "10.0.0.5", "10.0.0.6"])),
                "user_name": draw(st.sampled_from([None, "a", "b"])),
                **(octets if tells_octets else {}),
            }
        )
    return said


@given(values=sessions(), restarts=st.lists(events, max_size=3), data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_any_batches_and_any_duplicates_give_the_same_row(
    any_database: Database,
    city: City,
    store: SessionStore,
    values: list[dict[str, Any]],
    restarts: list[int],
    data: st.DataObject,
) -> None:
    outcomes = []
    for _ in range(2):
        name = f"gateway {next(_numbers)}"
        key = name.encode().rjust(16)
        made: list[Record] = [
            record(city, **given_values, session_key=key, nas_identifier=name) for given_values in values
        ]
        made += [restart(city, event, name) for event in restarts]
        order = data.draw(st.permutations(made))
        repeated = data.draw(st.lists(st.sampled_from(made), max_size=4))
        sequence = [*order, *repeated]
        cuts = sorted(data.draw(st.lists(st.integers(0, len(sequence)), max_size=4)))
        batches = [sequence[a:b] for a, b in zip([0, *cuts], [*cuts, len(sequence)], strict=True)]
        await merge(any_database, *[batch for batch in batches if batch], store=store)
        outcomes.append(await _row_by_key(any_database, key))
    assert outcomes[0] == outcomes[1]


async def _row_by_key(database: Database, key: bytes) -> dict[str, Any]:
    async with database.read() as connection:
        row = (
            await connection.execute(select(accounting_sessions).where(accounting_sessions.c.session_key == key))
        ).one()
    arbitrary = ("id", "session_key", "nas_identifier", "anchored_at")
    return {name: value for name, value in row._mapping.items() if name not in arbitrary}


PERSONAL = ("resident_id", "device_id", "user_name", "calling_station_id", "framed_ip_address")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)], ids=["in order", "backwards", "stop in between"])
async def test_of_an_erased_session_only_the_counters_go_on(
    any_database: Database, city: City, order: tuple[int, ...]
) -> None:
    who: dict[str, Any] = {"resident_id": city.resident_id, "device_id": city.device_id, "user_name": "tabc"}
    who |= {"calling_station_id": "00-00-5E-00-53-01", "framed_ip_address": "10.0.0.5"}
    await merge(any_database, [record(city, 0, kind="start", network_name="Free WiFi", **who)])
    nobody: dict[str, Any] = dict.fromkeys(PERSONAL)
    async with any_database.write() as connection:
        await connection.execute(accounting_sessions.update().values(is_erased=True, **nobody))
    later = [
        record(city, 0, kind="start", **who),
        record(city, 60, lasted=60, input_octets=5, output_octets=50, **who),
        record(city, 90, kind="stop", lasted=90, input_octets=7, output_octets=70, terminate_cause=1, **who),
    ]
    await merge(any_database, [later[number] for number in order], later)
    row = await the_session(any_database)
    assert {name: getattr(row, name) for name in PERSONAL} == nobody
    assert (row.session_seconds, row.input_octets, row.output_octets) == (90, 7, 70)
    assert (row.ended_by, row.network_name, row.is_erased) == ("stop", "Free WiFi", True)
