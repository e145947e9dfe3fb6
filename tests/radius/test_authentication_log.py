"""The log of authentications: written with or before the reply, kept when the database is away, never twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import authentications, devices, residents
from radius import metrics
from radius.authentication.log import KIND, AuthenticationLog, LogLine
from radius.batching import QueueFullError
from radius.storage.journals import Journals
from tests.radius.support import City, build_city, rows


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


@pytest.fixture
def journals(tmp_path: Path, keyring: Keyring) -> Journals:
    return Journals(tmp_path / "journal", KIND, keyring, 1_000_000)


@pytest.fixture
async def log(any_database: Database, journals: Journals) -> AsyncIterator[AuthenticationLog]:
    opened = AuthenticationLog(any_database, journals)
    yield opened
    await opened.close()


@pytest.fixture
def line(city: City) -> LogLine:
    return LogLine(
        at=datetime.now(UTC),
        council_id=city.council_id,
        nas_id=city.nas_id,
        venue_id=city.venue_id,
        method="pap",
        accepted=True,
        reason="",
        detail="",
        user_pseudonym=b"p" * 16,
        milliseconds=1.5,
        resident_id=city.resident_id,
        device_id=city.device_id,
    )


def dropped(reason: str) -> float:
    return float(metrics.log_drops.labels(reason)._value.get())


@asynccontextmanager
async def away(database: Database) -> AsyncIterator[None]:
    """Lines cannot be stored while the block runs."""
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE authentications RENAME TO away"))
    yield
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO authentications"))


@asynccontextmanager
async def delivering(log: AuthenticationLog) -> AsyncIterator[None]:
    """What waits in the journal is delivered while the block runs."""
    task = asyncio.create_task(log.keep_delivering())
    yield
    task.cancel()
    await asyncio.wait([task])


async def number_of_lines(database: Database, wanted: int) -> int:
    """How many lines are stored, when there are as many as wanted or a while later."""
    for _ in range(200):
        found = len(await rows(database, authentications))
        if found >= wanted:
            return found
        await asyncio.sleep(0.02)
    return found


async def test_lines_are_written_and_resident_and_device_are_noted_as_seen(
    any_database: Database, line: LogLine, log: AuthenticationLog
) -> None:
    for _ in range(600):
        log.add(line)
    await log.drain()
    assert len(await rows(any_database, authentications)) == 600
    (resident,) = await rows(any_database, residents)
    (device,) = await rows(any_database, devices)
    assert resident.last_seen_at == device.last_seen_at == line.at


async def test_everything_that_a_line_says_is_stored(
    any_database: Database, line: LogLine, log: AuthenticationLog
) -> None:
    said = line._replace(accepted=False, reason="no", detail="TLS 1.3", venue_id=None)
    await log.write(said)
    (stored,) = await rows(any_database, authentications)
    values = stored._asdict()
    del values["id"]
    assert values | {"resident_id": line.resident_id, "device_id": line.device_id} == said._asdict()


async def test_who_is_seen_again_within_the_hour_costs_the_database_nothing(
    any_database: Database, line: LogLine, log: AuthenticationLog
) -> None:
    seen = []
    for minutes in (0, 30, 59, 60, 61):
        log.add(line._replace(at=line.at + timedelta(minutes=minutes)))
        await log.drain()
        (resident,) = await rows(any_database, residents)
        seen.append((resident.last_seen_at - line.at) / timedelta(minutes=1))
    assert seen == [0, 0, 0, 60, 60]


async def test_a_line_that_was_written_before_the_reply_is_there_when_the_reply_is_sent(
    any_database: Database, line: LogLine, log: AuthenticationLog
) -> None:
    await asyncio.gather(*[log.write(line) for _ in range(5)])
    assert len(await rows(any_database, authentications)) == 5


async def test_with_the_database_away_lines_wait_in_the_journal_and_follow_once_each(
    any_database: Database, line: LogLine, log: AuthenticationLog, journals: Journals
) -> None:
    async with away(any_database):
        for number in range(3):
            await log.write(line._replace(milliseconds=number))
        assert journals.waiting == 3
    async with delivering(log):
        assert await number_of_lines(any_database, 3) == 3
        async with asyncio.timeout(5):
            # The journal forgets them a moment after they can be seen.
            while journals.waiting:  # noqa: ASYNC110  nobody tells
                await asyncio.sleep(0.02)
    assert [row.milliseconds for row in await rows(any_database, authentications)] == [0, 1, 2]


async def test_a_line_whose_commit_was_not_heard_of_is_not_stored_twice(
    any_database: Database, line: LogLine, log: AuthenticationLog, journals: Journals
) -> None:
    await log.write(line)
    async with away(any_database):
        # As after a connection that was lost during COMMIT: the line is stored, and in the journal as well.
        await asyncio.gather(log.write(line), log.write(line._replace(milliseconds=2)))
    async with delivering(log):
        assert await number_of_lines(any_database, 2) == 2


async def test_a_line_that_the_database_refuses_stops_no_login_and_is_counted(
    any_database: Database, line: LogLine, log: AuthenticationLog
) -> None:
    before = dropped("refused")
    refused = line._replace(accepted=None)  # type: ignore[arg-type]  # what no column takes, on either database
    await asyncio.gather(log.write(refused), log.write(line))
    log.add(refused)
    await log.drain()
    assert len(await rows(any_database, authentications)) == 1
    assert dropped("refused") == before + 2


async def test_a_full_queue_drops_and_counts_or_tells(
    any_database: Database, line: LogLine, log: AuthenticationLog
) -> None:
    log.queue.limit = 2
    before = dropped("queue_full")
    for _ in range(5):
        log.add(line)
    assert dropped("queue_full") == before + 3
    with pytest.raises(QueueFullError):
        await log.write(line)
    await log.drain()
