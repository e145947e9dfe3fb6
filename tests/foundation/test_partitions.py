"""PostgreSQL's months: made ahead and when a row needs one, dropped whole, and nobody waits for either."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from foundation import partitions
from foundation.database import Database
from foundation.database_errors import DatabaseUnavailableError
from foundation.partitions import MONTHS_AHEAD, Month, ensure_months, forget_months, make_months_ahead
from foundation.retention_job import horizon, keep
from foundation.schema import accounting_sessions, audit_events, authentications, councils, network_access_servers
from foundation.settings import RetentionSettings

LIMITS = RetentionSettings()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
# Nothing is expected of these months but what a test puts into them.
LONG_AGO = datetime(2025, 2, 10, tzinfo=UTC)
MONTH = "accounting_sessions_2025_02"
_numbers = count(1)


class City:
    """A PostgreSQL database with a gateway, and sessions as a test wants them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add_session(self, began: datetime, received: datetime | None = None) -> None:
        number = next(_numbers)
        async with self.database.write() as connection:
            await connection.execute(
                accounting_sessions.insert().values(
                    council_id=1, nas_id=1, session_key=number.to_bytes(16, "big"), acct_session_id=str(number),
                    started_at=began, updated_at=began, received_at=received or began,
                )
            )  # fmt: skip

    async def add_login(self, at: datetime) -> None:
        async with self.database.write() as connection:
            await connection.execute(
                authentications.insert().values(
                    council_id=1, nas_id=1, at=at, method="pap", accepted=True, reason="", user_pseudonym=b"u" * 16,
                    milliseconds=1,
                )
            )  # fmt: skip

    async def number_of_sessions(self) -> int:
        async with self.database.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(accounting_sessions))).scalar_one())

    async def tables(self) -> set[str]:
        """Every month's table, whether the parent has it or not."""
        async with self.database.read() as connection:
            names = (await connection.execute(text("SELECT relname FROM pg_class WHERE relkind = 'r'"))).scalars()
            return {name for name in names if partitions.is_partition(name)}

    async def is_half_detached(self, name: str) -> bool:
        question = text("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(:name)")
        async with self.database.read() as connection:
            return bool((await connection.execute(question, {"name": name})).scalar_one_or_none())


@pytest.fixture
async def city(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[City]:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MILLISECONDS", 200)
    database = Database(postgres_url)
    async with database.write() as connection:
        await connection.execute(councils.insert().values(id=1, code="E08000026", name="Coventry", created_at=NOW))
        await connection.execute(
            network_access_servers.insert().values(
                id=1, council_id=1, name="Gateway", network="127.10.0.1/32", secret_encrypted=b"", vendor="generic",
                created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
    yield City(database)
    await database.close()


@pytest.mark.parametrize(
    ("moment", "months", "begin"),
    [
        (datetime(2026, 11, 30, 23, 59, tzinfo=UTC), 0, datetime(2026, 11, 1, tzinfo=UTC)),
        (datetime(2026, 11, 30, tzinfo=UTC), 2, datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, tzinfo=UTC), -1, datetime(2025, 12, 1, tzinfo=UTC)),
        (datetime.fromisoformat("2026-12-01T00:30:00+01:00"), 0, datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_months_are_of_utc(moment: datetime, months: int, begin: datetime) -> None:
    assert Month.of(moment).later(months).begin == begin


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("authentications_2026_11", True), ("accounting_sessions", False), ("hourly_usage_2026_11", False), (None, False)],
)
def test_a_partition_is_known_by_its_name(name: str | None, is_one: bool) -> None:
    assert partitions.is_partition(name) == is_one


async def test_this_month_and_the_next_ones_are_made_and_making_them_again_changes_nothing(city: City) -> None:
    in_years = datetime(2031, 12, 31, tzinfo=UTC)
    before = await city.tables()
    await make_months_ahead(city.database, in_years)
    made = await city.tables() - before
    assert len(made) == 2 * (MONTHS_AHEAD + 1)
    assert {"accounting_sessions_2031_12", "accounting_sessions_2032_03", "authentications_2032_01"} <= made
    await make_months_ahead(city.database, in_years)
    assert await city.tables() == before | made


async def test_a_row_of_a_month_that_is_not_there_can_be_stored_once_the_month_was_ensured(city: City) -> None:
    with pytest.raises(IntegrityError):
        await city.add_session(LONG_AGO)
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)
    await city.add_login(LONG_AGO)


async def test_several_processes_may_ensure_the_same_month_at_once(city: City, postgres_url: str) -> None:
    others = [Database(postgres_url) for _ in range(4)]
    await asyncio.gather(*(ensure_months(database, [LONG_AGO]) for database in others))
    await asyncio.gather(*(database.close() for database in others))
    await city.add_session(LONG_AGO)


async def test_a_known_month_asks_the_database_nothing(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    async with city.database.write() as connection:
        await connection.execute(text("LOCK TABLE accounting_sessions IN ACCESS EXCLUSIVE MODE"))
        await ensure_months(city.database, [LONG_AGO, LONG_AGO])


async def test_a_table_that_somebody_locks_is_the_databases_fault_and_soon_told(city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(text("LOCK TABLE accounting_sessions IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DatabaseUnavailableError, match="could not be made"):
            await ensure_months(city.database, [LONG_AGO])


async def test_making_a_month_waits_for_no_reader_and_no_writer(city: City) -> None:
    async with city.database.write() as writer, city.database.read() as reader:
        await writer.execute(text("DELETE FROM accounting_sessions"))
        await reader.execute(select(accounting_sessions))
        await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)


async def test_on_sqlite_there_are_no_months_and_nothing_to_do(database: Database) -> None:
    await make_months_ahead(database, NOW)
    forget_months(database)


async def test_a_month_goes_whole_when_all_of_its_rows_are_past_their_time(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    for _ in range(3):
        await city.add_session(LONG_AGO)
        await city.add_login(LONG_AGO)
    counts = await keep(city.database, LIMITS, NOW)
    assert (counts["sessions"], counts["authentications"]) == (3, 3)
    assert not {MONTH, "authentications_2025_02"} & await city.tables()
    async with city.database.read() as connection:
        for table, days in ((accounting_sessions, LIMITS.session_days), (authentications, LIMITS.authentication_days)):
            missing_until = await horizon(connection, table)
            assert missing_until
            assert missing_until > NOW - timedelta(days=days)
        (event,) = (await connection.execute(select(audit_events.c.detail))).scalars()
    assert event["sessions"] == 3


async def test_one_row_that_is_still_wanted_keeps_its_month_and_the_others_go_by_themselves(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)
    # It began then, and was heard of yesterday.
    await city.add_session(LONG_AGO, received=NOW - timedelta(days=1))
    assert (await keep(city.database, LIMITS, NOW))["sessions"] == 1
    assert MONTH in await city.tables()
    assert await city.number_of_sessions() == 1


async def test_this_month_and_the_next_ones_stay_though_they_are_empty(city: City) -> None:
    now = datetime.now(UTC)
    await make_months_ahead(city.database, now)
    before = await city.tables()
    await keep(city.database, LIMITS, now)
    assert await city.tables() == before


async def test_a_row_of_a_month_that_was_dropped_can_be_stored_after_looking_again(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)
    await keep(city.database, LIMITS, NOW)
    forget_months(city.database)
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)


async def test_dropping_a_month_keeps_no_reader_and_no_writer_waiting_and_what_was_begun_is_finished(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MILLISECONDS", 1000)
    await ensure_months(city.database, [LONG_AGO, NOW])
    await city.add_session(LONG_AGO)
    async with city.database.read() as report:
        # A long report has read the month, so it cannot go yet.
        await report.execute(select(accounting_sessions))
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(keep(city.database, LIMITS, NOW))
            while not keeping.done():
                async with asyncio.timeout(0.7):
                    await city.add_session(NOW)
                    await city.number_of_sessions()
        assert await city.is_half_detached(MONTH)
        assert len((await report.execute(select(accounting_sessions))).all()) == 1
    await keep(city.database, LIMITS, NOW)
    assert MONTH not in await city.tables()


async def test_a_row_of_a_month_that_is_half_detached_brings_the_month_back(city: City) -> None:
    await _detach_half(city)
    forget_months(city.database)
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO, received=NOW)
    assert await city.number_of_sessions() == 2
    await keep(city.database, LIMITS, NOW)
    assert await city.number_of_sessions() == 1


async def test_a_month_whose_dropping_was_interrupted_is_dropped_next_time(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)
    await _detach(city)
    assert (await keep(city.database, LIMITS, NOW))["sessions"] == 1
    assert MONTH not in await city.tables()


async def test_where_somebody_keeps_a_table_locked_the_month_is_dropped_next_time(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)
    async with city.database.write() as portal:
        # Removing the month's reference to residents waits for whoever writes there, but not for long.
        await portal.execute(text("DELETE FROM residents"))
        async with asyncio.timeout(5):
            await keep(city.database, LIMITS, NOW)
        assert MONTH in await city.tables()
    await keep(city.database, LIMITS, NOW)
    assert MONTH not in await city.tables()


async def test_dropping_a_month_ends_when_it_is_cancelled_and_keeps_nobody_from_doing_it_later(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_MILLISECONDS", 30_000)
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)
    async with city.database.read() as report:
        await report.execute(select(accounting_sessions))
        keeping = asyncio.create_task(keep(city.database, LIMITS, NOW))
        while not await city.is_half_detached(MONTH):
            assert not keeping.done()
        keeping.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await keeping
    await keep(city.database, LIMITS, NOW)
    assert MONTH not in await city.tables()


async def test_a_row_that_came_before_its_month_was_detached_is_not_dropped(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO, received=NOW)
    await _detach(city)
    await keep(city.database, LIMITS, NOW)
    assert await city.number_of_sessions() == 1


async def _detach(city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(text(f"ALTER TABLE accounting_sessions DETACH PARTITION {MONTH}"))


async def _detach_half(city: City) -> None:
    await ensure_months(city.database, [LONG_AGO])
    await city.add_session(LONG_AGO)
    async with city.database.read() as report:
        await report.execute(select(accounting_sessions))
        await keep(city.database, LIMITS, NOW)
    assert await city.is_half_detached(MONTH)
