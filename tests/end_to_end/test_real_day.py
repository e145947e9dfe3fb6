"""A real day of Coventry's libraries: the database and the council's report hold exactly what was played."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from citywifi.demo_city import load_demo_city
from citywifi.replay.demo import city_of
from citywifi.replay.schedule import day_total
from tests.end_to_end.installation import Installation

# Coventry's published year has 454,245 sessions: 1,245 a day.
SESSIONS_OF_A_REAL_DAY = 1250
# Within what the retention of sessions keeps.
_OLDEST_DAYS = 150
_ROLL_UP_WITHIN_SECONDS = 60
_LONGEST_RUN_SECONDS = 300


def real_day() -> date:
    """The latest day whose schedule comes closest to the real mean."""
    city = city_of(load_demo_city())
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(2, _OLDEST_DAYS)]
    return min(days, key=lambda day: abs(day_total(city, day) - SESSIONS_OF_A_REAL_DAY))


@pytest.fixture
def installation(tmp_path: Path, any_database_url: str) -> Installation:
    believed = {"CITYWIFI_RADIUS__ACCOUNTING_DELAY_LIMIT_SECONDS": str((_OLDEST_DAYS + 2) * 86400)}
    return Installation.prepare(tmp_path, any_database_url, **believed)


@pytest.mark.city
@pytest.mark.timeout(_LONGEST_RUN_SECONDS + 120)
def test_database_and_report_hold_exactly_a_played_day(
    installation: Installation, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    day, answered = real_day(), tmp_path / "answered.jsonl"
    planned = day_total(city_of(load_demo_city()), day)
    assert planned == pytest.approx(SESSIONS_OF_A_REAL_DAY, rel=0.1)
    with installation.running():
        run = installation.citywifi("replay", "--date", str(day), "--answered", str(answered))
        assert run.returncode == 0, run.stdout + run.stderr
        records = [json.loads(line) for line in answered.read_text(encoding="utf-8").splitlines()]
        stops = [record for record in records if record["status"] == "Stop"]
        assert len(stops) == planned
        hours_online = sum(stop["seconds"] for stop in stops) / 3600
        totals = wait_for_report(installation, day, planned, hours_online)
    seconds = float(re.search(r"Run \w+, ([\d.]+) s", run.stdout)[1])  # type: ignore[index]  # it is printed
    request.node.user_properties.append(("duration", f"{planned} sessions in {seconds:.0f} s"))
    assert "They agree." in run.stdout
    assert seconds < _LONGEST_RUN_SECONDS
    assert float(totals["hours_online"]) == pytest.approx(hours_online, abs=0.05)
    octets = sum(stop["input_octets"] + stop["output_octets"] for stop in stops)
    assert float(totals["gigabytes"]) == pytest.approx(octets / 1e9, abs=0.005)


def wait_for_report(installation: Installation, day: date, sessions: int, hours_online: float) -> dict[str, str]:
    """The report's line for the whole council, as soon as every session is counted to its end.

    A session is counted from its beginning, its last minutes when the roll-up has seen its Stop.
    """
    settings = installation.settings.monitoring
    address = f"http://{settings.host}:{settings.port}/report.csv?from={day}&to={day + timedelta(days=1)}"
    gives_up_at = time.monotonic() + _ROLL_UP_WITHIN_SECONDS
    while True:
        with urllib.request.urlopen(address, timeout=20) as response:
            rows = list(csv.DictReader(io.TextIOWrapper(response, encoding="utf-8")))
        (total,) = [row for row in rows if row["area_kind"] == "council"]
        is_complete = float(total["hours_online"]) > hours_online - 0.05
        if total["sessions"] == str(sessions) and is_complete:
            return total
        counted = f"{total['sessions']} of {sessions} sessions, {total['hours_online']} of {hours_online:.1f} hours"
        assert time.monotonic() < gives_up_at, f"the report counts {counted}"
        time.sleep(0.5)
