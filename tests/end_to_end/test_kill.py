"""kill -9 of each service in the middle of a replay: every record that was answered is there, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.demo import TIME_ZONE
from citywifi.replay.tally import SessionFigures, stored_sessions
from foundation.database import Database
from tests.end_to_end.installation import SERVICES, Installation
from tests.end_to_end.load import missing

SESSIONS = 150
_PROGRESS_WITHIN_SECONDS = 180


def busiest_recent_day() -> str:
    """A Monday, Tuesday, Thursday or Friday of the last week: most libraries are open."""
    today = datetime.now(UTC).astimezone(TIME_ZONE).date()
    days = [today - timedelta(days=back) for back in range(1, 6)]
    return str(next(day for day in days if day.weekday() in (0, 1, 3, 4)))


def answered_records(file: Path) -> list[AccountingRecord]:
    """Whole lines only: the last one may be half written."""
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
    records = [AccountingRecord.from_json(line) for line in lines]
    return [record for record in records if record.status not in (Status.ON, Status.OFF)]


def stored(database_url: str, run: str) -> dict[str, SessionFigures]:
    async def read() -> dict[str, SessionFigures]:
        database = Database(database_url)
        try:
            return await stored_sessions(database, run)
        finally:
            await database.close()

    return asyncio.run(read())


def wait_until(holds: Callable[[], bool]) -> None:
    gives_up_at = time.monotonic() + _PROGRESS_WITHIN_SECONDS
    while not holds():
        assert time.monotonic() < gives_up_at, "the replay does not get on"
        time.sleep(0.05)


@pytest.mark.city
@pytest.mark.timeout(900)
def test_every_answered_record_outlives_the_death_of_each_service(tmp_path: Path, any_database_url: str) -> None:
    answered = tmp_path / "answered.jsonl"
    installation = Installation.prepare(tmp_path, any_database_url)
    command = ("replay", "--date", busiest_recent_day(), "--limit", str(SESSIONS), "--answered", str(answered))
    with installation.running(), installation.in_background(*command, "--concurrency", "16") as replay:
        for number, service in enumerate(SERVICES, start=1):
            # Killed at a quarter, a half and three quarters of the sessions.
            enough = SESSIONS * number // 4
            wait_until(lambda enough=enough: count_stops(answered) >= enough or replay.poll() is not None)  # type: ignore[misc]  # a default binds it
            assert replay.poll() is None, f"the replay was over before {service} was killed: {replay.communicate()}"
            installation.kill(service)
            # What was answered before the file is read must be there, although nobody had time to tidy up.
            records = answered_records(answered)
            run = records[0].acct_session_id.partition("-")[0]
            assert missing(records, stored(any_database_url, run)) == []
            installation.start(service)
        output, errors = replay.communicate(timeout=_PROGRESS_WITHIN_SECONDS)
    assert replay.returncode == 0, output + errors
    assert "They agree." in output
    records, held = answered_records(answered), stored(any_database_url, run)
    assert missing(records, held) == []
    assert len(held) == SESSIONS
    assert all(session.is_stopped for session in held.values())
    for stop in (record for record in records if record.status is Status.STOP):
        session = held[stop.acct_session_id]
        assert (session.seconds, session.input_octets, session.output_octets) == (
            stop.seconds, stop.input_octets, stop.output_octets
        )  # fmt: skip


def count_stops(file: Path) -> int:
    return sum(record.status is Status.STOP for record in answered_records(file))
