"""The log of authentications never stands in a login's way, and what it loses is counted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from foundation.database import Database
from foundation.schema import authentications, residents
from radius import metrics
from radius.authentication.log import AuthenticationLog, LogLine
from tests.radius.support import City, rows


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
    )


def dropped(reason: str) -> float:
    return metrics.log_drops.labels(reason)._value.get()


async def test_lines_are_written_and_the_resident_is_noted_as_seen(database: Database, line: LogLine) -> None:
    log = AuthenticationLog(database)
    for _ in range(600):
        log.add(line)
    await log.drain()
    assert len(await rows(database, authentications)) == 600
    (resident,) = await rows(database, residents)
    assert resident.last_seen_at == line.at


async def test_with_the_database_away_lines_are_dropped_counted_and_told_once(
    database: Database, line: LogLine, capsys: pytest.CaptureFixture[str]
) -> None:
    log = AuthenticationLog(database)
    before = dropped("database")
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE authentications RENAME TO away"))
    for _ in range(3):
        log.add(line)
        await log.drain()
    assert dropped("database") == before + 3
    output = capsys.readouterr()
    assert (output.out + output.err).count("are lost") == 1


async def test_a_full_queue_drops_and_counts(database: Database, line: LogLine) -> None:
    log = AuthenticationLog(database)
    log.queue.limit = 2
    before = dropped("queue_full")
    for _ in range(5):
        log.add(line)
    assert dropped("queue_full") == before + 3
    await log.drain()
