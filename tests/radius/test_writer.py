"""Group commit: answered means that it cannot be lost, and a bad record takes nobody with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import access_points, accounting_sessions, journal_deliveries
from radius.accounting.records import Restart, SessionRecord
from radius.accounting.writer import KIND, AccountingWriter, StorageUnavailableError
from radius.storage import delivery
from radius.storage import metrics as storage_metrics
from radius.storage.journals import Journals
from tests.radius.session_records import record
from tests.radius.support import City, build_city, rows


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journals(folder: Path, keyring: Keyring) -> Journals:
    return Journals(folder, KIND, keyring, 10_000_000)


@pytest.fixture
async def writer(any_database: Database, journals: Journals) -> AsyncIterator[AccountingWriter]:
    opened = AccountingWriter(any_database, journals)
    yield opened
    await opened.close()


def numbered(city: City, number: int, seconds: int = 0) -> SessionRecord:
    """What is known of a session so many seconds after it began."""
    kind = "interim_update" if seconds else "start"
    key, point = number.to_bytes(16, "big"), city.access_point_id
    return record(city, seconds, kind=kind, lasted=seconds, session_key=key, access_point_id=point)


def refused(of: SessionRecord) -> SessionRecord:
    """What no column takes, on either database."""
    return of._replace(acct_session_id=None)  # type: ignore[arg-type]


def counted(event: str) -> float:
    return float(storage_metrics.journal_records.labels(KIND, event)._value.get())


async def rename(database: Database, table: str, name: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


@asynccontextmanager
async def away(database: Database) -> AsyncIterator[None]:
    """Sessions cannot be stored while the block runs."""
    await rename(database, "accounting_sessions", "away")
    yield
    await rename(database, "away", "accounting_sessions")


@asynccontextmanager
async def delivering(writer: AccountingWriter) -> AsyncIterator[None]:
    """What waits in the journal is delivered while the block runs."""
    task = asyncio.create_task(writer.keep_delivering())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def is_back() -> bool:
    """Whether records go to the database again, a moment after the last journal is gone."""
    return float(storage_metrics.storage_away.labels(KIND)._value.get()) == 0


def journal_in(folder: Path) -> Path:
    (file,) = folder.glob("*.journal")
    return file


def suffixes_in(folder: Path) -> set[str]:
    return {file.suffix for file in folder.iterdir()}


def overwrite_the_middle(file: Path) -> None:
    octets = bytearray(file.read_bytes())
    octets[len(octets) // 2 : len(octets) // 2 + 64] = os.urandom(64)
    file.write_bytes(octets)


async def write_for_ever(writer: AccountingWriter, city: City) -> None:
    for number in count():
        await writer.write(numbered(city, number))


async def deliveries_noted(database: Database) -> int:
    async with database.read() as connection:
        return len((await connection.execute(journal_deliveries.select())).all())


async def seconds_by_session(database: Database) -> dict[int, int]:
    return {
        int.from_bytes(row.session_key, "big"): row.session_seconds for row in await rows(database, accounting_sessions)
    }


async def test_when_it_returns_the_records_are_in_the_database(
    any_database: Database, city: City, writer: AccountingWriter
) -> None:
    stored = await asyncio.gather(*[writer.write(numbered(city, number)) for number in range(700)])
    assert stored == [True] * 700
    assert len(await rows(any_database, accounting_sessions)) == 700


async def test_a_record_that_the_database_refuses_takes_nobody_with_it(
    any_database: Database, city: City, writer: AccountingWriter
) -> None:
    records = [numbered(city, number) for number in range(20)]
    records[7] = refused(records[7])
    stored = await asyncio.gather(*[writer.write(each) for each in records])
    assert [number for number, is_stored in enumerate(stored) if not is_stored] == [7]
    assert len(await rows(any_database, accounting_sessions)) == 19


async def test_with_the_database_away_records_wait_in_the_journal_and_follow_in_their_order(
    any_database: Database, city: City, writer: AccountingWriter, journals: Journals, folder: Path
) -> None:
    await writer.write(numbered(city, 0))
    async with away(any_database):
        assert await asyncio.gather(*[writer.write(numbered(city, n)) for n in range(1, 5)]) == [True] * 4
        assert await writer.write(numbered(city, 2, seconds=60))
        assert journals.waiting == 5
    # They are first, also before what comes when the database is back.
    assert await writer.write(numbered(city, 3, seconds=90))
    assert journals.waiting == 6
    async with delivering(writer):
        await until(lambda: not journals.waiting)
        assert await seconds_by_session(any_database) == {0: 0, 1: 0, 2: 60, 3: 90, 4: 0}
        await until(lambda: is_empty(folder) and is_back())
    assert await writer.write(numbered(city, 9))
    assert await seconds_by_session(any_database) == {0: 0, 1: 0, 2: 60, 3: 90, 4: 0, 9: 0}


async def test_what_a_worker_left_is_delivered_by_the_next_one(
    any_database: Database, city: City, journals: Journals, folder: Path, keyring: Keyring
) -> None:
    first = AccountingWriter(any_database, journals)
    async with away(any_database):
        await asyncio.gather(*[first.write(numbered(city, number)) for number in range(30)])
    await first.close()
    second = AccountingWriter(any_database, Journals(folder, KIND, keyring, 1_000_000))
    async with delivering(second):
        await until(lambda: is_empty(folder))
        assert len(await rows(any_database, accounting_sessions)) == 30
    await second.close()
    # The last note is removed when it is convenient.
    assert await deliveries_noted(any_database) <= 1


async def test_what_was_delivered_before_a_kill_is_not_delivered_again(
    any_database: Database, city: City, journals: Journals, folder: Path, keyring: Keyring
) -> None:
    """Killed after the commit and before the journal forgot: the database knows how far it got."""
    first = AccountingWriter(any_database, journals)
    async with away(any_database):
        await asyncio.gather(*[first.write(numbered(city, number)) for number in range(10)])
    await first.close()
    async with any_database.write() as connection:
        noted = journal_deliveries.insert().values(journal=journal_in(folder).stem, delivered_until=6)
        await connection.execute(noted)
    before = counted("delivered")
    second = AccountingWriter(any_database, Journals(folder, KIND, keyring, 1_000_000))
    async with delivering(second):
        await until(lambda: is_empty(folder))
    await second.close()
    assert counted("delivered") - before == 4
    assert sorted(await seconds_by_session(any_database)) == [6, 7, 8, 9]


async def test_a_record_of_the_journal_that_the_database_refuses_stops_none_behind_it(
    any_database: Database, city: City, writer: AccountingWriter, journals: Journals
) -> None:
    before = counted("refused")
    async with away(any_database):
        records = [numbered(city, number) for number in range(20)]
        records[7] = refused(records[7])
        await asyncio.gather(*[writer.write(each) for each in records])
    async with delivering(writer):
        await until(lambda: not journals.waiting)
    assert counted("refused") == before + 1
    assert sorted(await seconds_by_session(any_database)) == [number for number in range(20) if number != 7]


async def test_a_damaged_record_of_the_journal_is_counted_told_and_put_aside_and_stops_none_behind_it(
    any_database: Database,
    city: City,
    journals: Journals,
    folder: Path,
    keyring: Keyring,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = counted("damaged")
    first = AccountingWriter(any_database, journals)
    async with away(any_database):
        await asyncio.gather(*[first.write(numbered(city, number)) for number in range(200)])
    await first.close()
    overwrite_the_middle(journal_in(folder))
    second = AccountingWriter(any_database, Journals(folder, KIND, keyring, 1_000_000))
    async with delivering(second):
        await until(lambda: suffixes_in(folder) == {".damaged"})
    await second.close()
    lost = int(counted("damaged") - before)
    assert 1 <= lost <= 30
    assert len(await rows(any_database, accounting_sessions)) == 200 - lost
    assert suffixes_in(folder) == {".damaged"}
    output = capsys.readouterr()
    assert (output.out + output.err).count("a journal was damaged") == 1


async def test_a_record_that_we_trip_over_takes_nobody_with_it_now_or_later(
    any_database: Database, city: City, writer: AccountingWriter, journals: Journals
) -> None:
    """A fault of ours with one record must not stop accounting, nor come again with every start."""
    odd = numbered(city, 7)._replace(session_key=None)  # type: ignore[arg-type]
    stored = await asyncio.gather(*[writer.write(each) for each in (numbered(city, 1), odd, numbered(city, 2))])
    assert stored == [True, False, True]
    async with away(any_database):
        await asyncio.gather(*[writer.write(each) for each in (numbered(city, 3), odd, numbered(city, 4))])
    async with delivering(writer):
        await until(lambda: not journals.waiting)
    assert sorted(await seconds_by_session(any_database)) == [1, 2, 3, 4]


async def test_a_record_of_a_month_that_was_dropped_meanwhile_is_stored(
    postgres_url: str, keyring: Keyring, journals: Journals
) -> None:
    database = Database(postgres_url)
    long_ago = datetime(2020, 2, 3, tzinfo=UTC)
    writer = AccountingWriter(database, journals)
    start = numbered(await build_city(database, keyring), 1)
    assert await writer.write(start)
    assert await writer.write(start._replace(started_at=long_ago))
    async with database.write() as connection:
        await connection.execute(text("DROP TABLE accounting_sessions_2020_02"))
    assert await writer.write(start._replace(started_at=long_ago, session_key=b"2" * 16))
    await writer.close()
    await database.close()


async def test_restarts_of_equipment_wait_in_the_journal_too(
    any_database: Database, city: City, writer: AccountingWriter, journals: Journals
) -> None:
    start = numbered(city, 1)
    async with away(any_database):
        await writer.write(start)
        restarted_at = start.started_at + timedelta(hours=1)
        await writer.write(
            Restart(city.council_id, city.nas_id, start.nas_identifier, None, restarted_at, restarted_at, "on")
        )
    async with delivering(writer):
        await until(lambda: not journals.waiting)
    (session,) = await rows(any_database, accounting_sessions)
    assert session.ended_by == "restart"


async def test_when_neither_database_nor_journal_takes_it_nobody_is_told_that_it_is_stored(
    any_database: Database,
    city: City,
    writer: AccountingWriter,
    journals: Journals,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    journals.limit_octets = 30_000
    before = counted("not_taken")
    async with away(any_database):
        results = await asyncio.gather(
            *[writer.write(numbered(city, number)) for number in range(100)], return_exceptions=True
        )
        assert {type(result) for result in results} == {StorageUnavailableError}
        # Fewer fit.
        assert await writer.write(numbered(city, 1))
        with pytest.raises(StorageUnavailableError):
            await write_for_ever(writer, city)
    assert counted("not_taken") == before + 101
    output = capsys.readouterr()
    assert (output.out + output.err).count("takes nothing more") == 2
    taken = journals.waiting
    async with delivering(writer):
        await until(lambda: is_empty(folder) and is_back())
        stored = await asyncio.gather(*[writer.write(numbered(city, number)) for number in range(100)])
    assert stored == [True] * 100
    assert 0 < taken < 100
    assert len(await rows(any_database, accounting_sessions)) == 100


async def test_delivering_keeps_up_with_whatever_comes_meanwhile(
    any_database: Database, city: City, writer: AccountingWriter, journals: Journals
) -> None:
    """Equipment that sends the next record as soon as one is answered does not keep the journal from emptying."""
    async with away(any_database):
        await asyncio.gather(*[writer.write(numbered(city, number)) for number in range(1000)])
    emptied = asyncio.Event()

    async def equipment(number: int) -> int:
        sent = 0
        while not emptied.is_set():
            await writer.write(numbered(city, 10_000 + number, seconds=sent))
            sent += 1
        return sent

    players = [asyncio.create_task(equipment(number)) for number in range(20)]
    async with delivering(writer):
        await until(lambda: not journals.waiting)
        emptied.set()
        sent = await asyncio.gather(*players)
        await until(lambda: not journals.waiting)
    found = await seconds_by_session(any_database)
    assert len(found) == 1020
    assert [found[10_000 + number] for number in range(20)] == [last - 1 for last in sent]


async def test_the_gauges_tell_what_waits(
    any_database: Database, city: City, writer: AccountingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_SECONDS", 0.1)

    def gauge(metric: Any) -> float:
        return float(metric.labels(KIND)._value.get())

    async with away(any_database):
        await asyncio.gather(*[writer.write(numbered(city, number)) for number in range(30)])
        assert gauge(storage_metrics.storage_away) == 1
        assert gauge(storage_metrics.journal_records_waiting) == 30
        assert 5_000 < gauge(storage_metrics.journal_octets) < gauge(storage_metrics.journal_limit_octets) == 10_000_000
        task = asyncio.create_task(writer.keep_delivering())
        await until(lambda: gauge(storage_metrics.journal_oldest_record_seconds) > 0.2)
    await until(lambda: gauge(storage_metrics.journal_records_waiting) == 0)
    await until(lambda: gauge(storage_metrics.storage_away) == 0)
    task.cancel()
    await asyncio.wait([task])


async def test_an_access_point_is_noted_as_heard_at_most_once_a_minute(
    any_database: Database, city: City, writer: AccountingWriter
) -> None:
    start = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    heard = []
    for seconds in (0, 30, 59, 60, 61):
        received_at = start + timedelta(seconds=seconds)
        await writer.write(numbered(city, seconds)._replace(received_at=received_at))
        (point,) = await rows(any_database, access_points)
        heard.append((point.last_heard_at - start).total_seconds())
    assert heard == [0, 0, 0, 60, 60]
