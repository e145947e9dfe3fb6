"""Whatever way a session's records take to two servers of ours, there is one session, with the right totals.

A NAS that gets no answer sends again, to the same server or to the other one, with a new Acct-Delay-Time; packets are
doubled and overtake each other, a server's journal delivers an hour late, and an Acct-Session-Id is used again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions
from radius.accounting.records import Record, read_record
from radius.accounting.sessions import SessionStore
from radius.nas import NasTable
from tests.radius.session_records import merge
from tests.radius.support import NAS, City, accounting_request, build_city

# So that sessions, and some of their records, lie on both sides of a month's end.
BEGIN = datetime(2026, 10, 31, 22, 30, tzinfo=UTC)
WEEK = 7 * 86_400
# Whole seconds of Acct-Delay-Time and Event-Timestamp, and a second on the way.
JITTER = timedelta(seconds=3)
HOUR = 3600
_numbers = count()


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


@pytest.fixture
async def servers(any_database: Database, any_database_url: str) -> AsyncIterator[list[tuple[Database, SessionStore]]]:
    """Two on one database; neither knows what the other remembers."""
    other = Database(any_database_url)
    yield [(database, SessionStore(database)) for database in (any_database, other)]
    await other.close()


@dataclass(frozen=True)
class Session:
    """One session as it was, in seconds after ``BEGIN``; ``counts`` are octets in and out at moments of it."""

    began: float
    counts: tuple[tuple[float, int, int], ...]
    cause: int

    @property
    def ended(self) -> float:
        return self.counts[-1][0]

    def records(self) -> list[tuple[float, dict[str, Any]]]:
        """What the NAS says of it, and when."""
        said: list[tuple[float, dict[str, Any]]] = [(self.began, {"Acct-Status-Type": "Start"})]
        for moment, octets_in, octets_out in self.counts:
            values = {
                "Acct-Status-Type": "Interim-Update",
                "Acct-Session-Time": int(moment - self.began),
                "Acct-Input-Octets": octets_in & 0xFFFFFFFF,
                "Acct-Input-Gigawords": octets_in >> 32,
                "Acct-Output-Octets": octets_out & 0xFFFFFFFF,
                "Acct-Output-Gigawords": octets_out >> 32,
            }
            said.append((moment, values))
        said[-1][1].update({"Acct-Status-Type": "Stop", "Acct-Terminate-Cause": self.cause})
        return said


moments = st.floats(2, 2 * HOUR).map(lambda seconds: round(seconds, 3))


@st.composite
def sessions(draw: st.DrawFn) -> list[Session]:
    """One after another with the same Acct-Session-Id, none of which begins within ten minutes of the other."""
    made: list[Session] = []
    begins = 0.0
    for _ in range(draw(st.integers(1, 3))):
        octets_in = octets_out = 0
        counts = []
        for moment in sorted(draw(st.lists(moments, min_size=1, max_size=4, unique=True))):
            octets_in += draw(st.integers(0, 2**34))
            octets_out += draw(st.integers(0, 2**34))
            counts.append((begins + moment, octets_in, octets_out))
        made.append(Session(begins, tuple(counts), draw(st.integers(1, 6))))
        begins = max(made[-1].ended, begins + 620) + draw(st.floats(5, 2 * HOUR))
    return made


@st.composite
def deliveries(draw: st.DrawFn, made: list[Session]) -> list[list[tuple[int, int, float, float]]]:
    """Batches of sendings: server, number of the record, delay as the NAS knows it, time on the way."""
    last = sum(len(session.records()) for session in made) - 1
    delays = st.one_of(st.just(0.0), st.floats(0, 5), st.floats(0, HOUR))
    sending = st.tuples(st.integers(0, 1), st.integers(0, last), delays, st.floats(0, 1))
    once = [draw(st.tuples(st.integers(0, 1), st.just(number), delays, st.floats(0, 1))) for number in range(last + 1)]
    every = draw(st.permutations([*once, *draw(st.lists(sending, max_size=8))]))
    cuts = [0, *sorted(draw(st.lists(st.integers(0, len(every)), max_size=6))), len(every)]
    return [every[begin:end] for begin, end in pairwise(cuts)]


@given(made=sessions(), stamps_events=st.booleans(), data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_records_that_reach_both_servers_doubled_reordered_and_late_are_one_session_with_its_totals(
    any_database: Database,
    servers: list[tuple[Database, SessionStore]],
    keyring: Keyring,
    city: City,
    made: list[Session],
    stamps_events: bool,
    data: st.DataObject,
) -> None:
    nas = replace(NAS, id=city.nas_id, council_id=city.council_id)
    name = f"session {next(_numbers)}"
    said = [each for session in made for each in session.records()]

    def received(number: int, delay: float, on_the_way: float) -> Record:
        moment, values = said[number]
        happened_at = BEGIN + timedelta(seconds=moment)
        values = values | {"Acct-Session-Id": name, "Acct-Delay-Time": int(delay)}
        if stamps_events:
            values["Event-Timestamp"] = happened_at
        arrived_at = happened_at + timedelta(seconds=delay + on_the_way)
        return read_record(accounting_request(values), nas, NasTable(), keyring, arrived_at, WEEK)

    for batch in data.draw(deliveries(made)):
        for number, (database, store) in enumerate(servers):
            records = [received(which, delay, way) for server, which, delay, way in batch if server == number]
            if records:
                await merge(database, records, store=store)
    found = await _sessions_of(any_database, name)
    assert len(found) == len(made)
    for row, session in zip(found, made, strict=True):
        _, octets_in, octets_out = session.counts[-1]
        assert (row.input_octets, row.output_octets) == (octets_in, octets_out)
        assert row.session_seconds == int(session.ended - session.began)
        assert (row.ended_by, row.terminate_cause) == ("stop", session.cause)
        assert abs(row.started_at - BEGIN - timedelta(seconds=session.began)) <= JITTER
        assert abs(row.stopped_at - BEGIN - timedelta(seconds=session.ended)) <= JITTER


async def _sessions_of(database: Database, name: str) -> list[Any]:
    table = accounting_sessions.c
    question = select(accounting_sessions).where(table.acct_session_id == name).order_by(table.started_at)
    async with database.read() as connection:
        return list(await connection.execute(question))
