"""On PostgreSQL each question about the large tables reads the index that is meant for it, and no whole month.

The questions are asked by the functions that ask them, and the server counts which indexes it read. Which index is for
what stands in docs/postgresql.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, event, select, text

from captive_portal.storage.passes import find_session
from citywifi.equipment import list_nas
from foundation.database import Database
from foundation.partitions import Month, ensure_months
from foundation.privacy import Keyring
from foundation.retention_job import keep, oldest
from foundation.schema import accounting_sessions, residents
from foundation.settings import RetentionSettings
from monitoring import overview, usage
from radius.accounting.sessions import SessionStore, close_lost_sessions
from radius.policies.usage import UsageDirectory
from tests.radius.session_records import at, merge, record
from tests.radius.support import City, build_city
from tools.postgres import PostgresCluster

NOW = datetime.now(UTC)
# In the middle of the month before, so that the month's sessions are all of the past.
BEGIN = Month.of(NOW).later(-1).begin
SESSIONS = 40_000
SEED = f"""
INSERT INTO councils (id, code, name, created_at) VALUES (1, 'E08000026', 'Coventry', now());
INSERT INTO network_access_servers (id, council_id, name, network, secret_encrypted, vendor, created_at, updated_at)
  SELECT n, 1, 'gateway ' || n, '10.0.0.' || n || '/32', '', 'coovachilli', now(), now() FROM generate_series(1, 20) n;
INSERT INTO residents (id, council_id, contact_kind, registered_at, last_seen_at)
  SELECT n, 1, 'none', now(), now() FROM generate_series(1, 5000) n;
INSERT INTO devices (id, council_id, resident_id, mac_pseudonym, randomised, created_at, last_seen_at)
  SELECT n, 1, n, decode(md5(n::text), 'hex'), false, now(), now() FROM generate_series(1, 5000) n;
INSERT INTO accounting_sessions (council_id, session_key, anchored_at, nas_id, resident_id, device_id, acct_session_id,
    user_name, started_at, updated_at, received_at, stopped_at, ended_by)
  SELECT 1, decode(md5(n::text), 'hex'), began, 1 + n % 20, 1 + n % 5000, 1 + n % 5000, n,
    CASE WHEN n > {SESSIONS} - 2000 THEN 'somebody' END, began, began + interval '10 minutes',
    began + interval '10 minutes', CASE WHEN n % 40 > 0 THEN began + interval '10 minutes' END,
    CASE WHEN n % 40 > 0 THEN 'stop' END
  FROM (SELECT n, timestamptz '{BEGIN.isoformat()}' + n * interval '{(NOW - BEGIN).total_seconds() / SESSIONS} seconds'
    AS began FROM generate_series(1, {SESSIONS}) n) sessions;
INSERT INTO authentications (council_id, at, nas_id, method, accepted, reason, user_pseudonym, milliseconds)
  SELECT 1, anchored_at, nas_id, 'pap', id % 20 > 0, '', session_key, 1.5 FROM accounting_sessions ORDER BY id;
INSERT INTO job_progress (name, done_until) VALUES ('{usage.JOB}', now() - interval '5 minutes');
-- As autovacuum does: partitions, and never what they are partitions of.
SELECT format('VACUUM ANALYZE %I', relname) FROM pg_class
  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \\gexec
"""
MONTHS = (f"{BEGIN:%Y_%m}", f"{NOW:%Y_%m}")
# The indexes as PostgreSQL names them in this month's partition.
KEY, RECEIVED, OPEN, NAMED, DEVICE, RESIDENT, NUMBER = (
    f"accounting_sessions_{NOW:%Y_%m}_{name}"
    for name in (
        "session_key_anchored_at_key", "received_at_idx", "nas_id_idx", "id_idx", "device_id_idx", "resident_id_idx",
        "pkey",
    )
)  # fmt: skip
LOGGED = f"authentications_{NOW:%Y_%m}_at_idx"
Ask = Callable[[Database], Awaitable[object]]


@pytest.fixture(scope="module")
def city_url(postgres_cluster: PostgresCluster) -> str:
    """The address of a database with two months of a small city's sessions; the questions change none of them."""
    url = postgres_cluster.create_database()

    async def ensure() -> None:
        database = Database(url)
        await ensure_months(database, [BEGIN, NOW])
        await database.close()

    asyncio.run(ensure())
    postgres_cluster.execute(SEED, url.rpartition("/")[2])
    return url


@pytest.fixture
async def database(city_url: str) -> AsyncIterator[Database]:
    opened = Database(city_url)
    yield opened
    await opened.close()


async def merge_a_record(database: Database) -> None:
    """Of a session that this process does not remember."""
    city = City(council_id=1, nas_id=1, venue_id=1, access_point_id=1, resident_id=1, device_id=1)
    key = hashlib.md5(str(SESSIONS).encode()).digest()
    began = NOW - timedelta(minutes=1)
    one = record(city, 0, lasted=60, session_key=key, started_at=began, event_at=NOW, received_at=NOW)
    await merge(database, [one])


async def ask_overview(database: Database) -> object:
    return await overview.read_overview(database, NOW, timedelta(minutes=15), 1000, councils=[1])


async def ask_open_sessions(database: Database) -> object:
    async with database.read() as connection:
        return await overview.read_open_sessions(connection)


async def ask_proof_of_release(database: Database) -> object:
    async with database.short_read() as connection:
        return await find_session(connection, nas_id=2, device_id=77, user_name="t0", since=NOW)


async def ask_usage_of_today(database: Database) -> object:
    return await UsageDirectory(database).usage(77, NOW - timedelta(hours=12), NOW)


async def ask_one_session(database: Database) -> object:
    async with database.read() as connection:
        return (await connection.execute(select(accounting_sessions).where(accounting_sessions.c.id == 33_000))).one()


async def ask_what_changed(database: Database) -> object:
    return await usage.roll_up(database, NOW)


async def ask_when_equipment_was_heard(database: Database) -> object:
    async with database.read() as connection:
        return await list_nas(connection, None, NOW)


async def close_what_is_lost(database: Database) -> object:
    return await close_lost_sessions(database, BEGIN)


async def keep_retention(database: Database) -> object:
    return await keep(database, RetentionSettings(), NOW - timedelta(days=40))


async def ask_the_oldest(database: Database) -> object:
    return await oldest(database)


async def erase_somebody(database: Database) -> object:
    async with database.write() as connection:
        return await connection.execute(residents.delete().where(residents.c.id == 4999))


@pytest.mark.parametrize(
    ("ask", "indexes"),
    [
        (merge_a_record, {KEY}),
        (ask_overview, {OPEN, RECEIVED, LOGGED}),
        (ask_open_sessions, {OPEN}),
        (close_what_is_lost, {OPEN}),
        (ask_proof_of_release, {DEVICE}),
        (ask_usage_of_today, {RESIDENT}),
        (erase_somebody, {RESIDENT, DEVICE}),
        (ask_one_session, {NUMBER}),
        (ask_what_changed, {RECEIVED, NUMBER}),
        (ask_when_equipment_was_heard, {RECEIVED, LOGGED}),
        (keep_retention, {NAMED, RECEIVED}),
        (ask_the_oldest, {NAMED, RECEIVED, NUMBER}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_the_question_reads_the_index_that_is_meant_for_it(
    ask: Ask, indexes: set[str], database: Database, city_url: str
) -> None:
    before = await reads(database)
    asking = Database(city_url)
    await ask(asking)
    # The server counts what a connection read when it ends.
    await asking.close()
    after = await reads(database)
    read = {name for name in after if after[name] > before.get(name, 0)}
    assert indexes <= read
    assert not {f"{table}_{month}" for table in ("accounting_sessions", "authentications") for month in MONTHS} & read


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (close_what_is_lost, "ix_accounting_sessions_open"),
        (keep_retention, "ix_accounting_sessions_named"),
        (ask_the_oldest, "ix_accounting_sessions_named"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_on_sqlite_what_is_few_is_not_looked_for_in_all_history(ask: Ask, index: str, sqlite_url: str) -> None:
    asked: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    database = Database(sqlite_url)
    event.listen(Engine, "before_cursor_execute", remember)
    try:
        await ask(database)
    finally:
        event.remove(Engine, "before_cursor_execute", remember)
        await database.close()
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        plans = [
            step
            for statement, parameters in asked
            if "accounting_sessions" in statement and not isinstance(parameters, list)
            for (*_, step) in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    assert any(index in step for step in plans)


async def reads(database: Database) -> Mapping[str, int]:
    """How often each index of a partition was read, and each partition as a whole."""
    async with database.read() as connection:
        rows = await connection.execute(_READS)
        return {row.name: row.number for row in rows}


async def test_an_interim_update_changes_no_index_so_that_the_new_version_of_the_row_stays_in_its_page(
    postgres_url: str, keyring: Keyring
) -> None:
    database = Database(postgres_url)
    city = await build_city(database, keyring)
    store = SessionStore(database)
    sessions, batches = 200, 20
    for minute in range(0, 25, 5):
        records = [
            record(
                city, 60 * minute, kind="interim_update" if minute else "start", lasted=60 * minute,
                output_octets=minute << 20, session_key=bytes([number] * 16),
            )
            for number in range(sessions)
        ]  # fmt: skip
        await merge(database, *(records[start::batches] for start in range(batches)), store=store)
    await database.close()
    month = await counted(postgres_url, written=5 * sessions)
    assert month.updated == 4 * sessions
    assert month.in_place > 0.9 * month.updated


async def test_a_month_whose_rows_nobody_has_counted_yet_is_not_read_as_a_whole(
    postgres_url: str, keyring: Keyring
) -> None:
    database = Database(postgres_url)
    city = await build_city(database, keyring)
    store = SessionStore(database)
    for batch in range(20):
        keys = [bytes([batch, number] * 8) for number in range(30)]
        await merge(database, [record(city, batch, kind="start", session_key=key) for key in keys], store=store)
    await database.close()
    assert (await counted(postgres_url, written=20 * 30)).read_in_vain == 0


async def counted(url: str, *, written: int) -> Row[Any]:
    """What the server counted of the records' month, a moment after the connection that wrote so many rows ended."""
    database = Database(url)
    try:
        async with asyncio.timeout(10):
            while True:
                async with database.read() as connection:
                    month = (await connection.execute(_COUNTED, {"name": f"accounting_sessions_{at(0):%Y_%m}"})).one()
                if month.written >= written:
                    return month
                await asyncio.sleep(0.05)
    finally:
        await database.close()


_READS: Any = text("""
SELECT indexrelname AS name, idx_scan AS number FROM pg_stat_user_indexes
UNION ALL SELECT relname, seq_scan FROM pg_stat_user_tables
""")
_COUNTED: Any = text("""
SELECT n_tup_ins + n_tup_upd AS written, n_tup_upd AS updated, n_tup_hot_upd AS in_place, seq_tup_read AS read_in_vain
FROM pg_stat_user_tables WHERE relname = :name
""")
