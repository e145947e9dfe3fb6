"""The replay's books: what was answered, and where the database differs."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.tally import SessionFigures, Tally, Totals, differences

START = datetime(2026, 11, 18, 9, tzinfo=UTC)
RECORDS = [
    AccountingRecord(Status.START, "stoke", "r1-01-00001", START),
    AccountingRecord(Status.INTERIM, "stoke", "r1-01-00001", START + timedelta(seconds=600), 600, 10, 100),
    AccountingRecord(Status.STOP, "stoke", "r1-01-00001", START + timedelta(seconds=900), 900, 15, 150),
]
WHOLE = SessionFigures(START, 900, 15, 150, is_stopped=True)


def test_records_add_up_to_one_session_in_whatever_order_they_come() -> None:
    for order in permutations(RECORDS):
        tally = Tally()
        for record in order:
            tally.answered(record)
        assert tally.sessions == {"r1-01-00001": WHOLE}


def test_restarts_are_counted_and_are_no_sessions() -> None:
    tally = Tally()
    tally.answered(AccountingRecord(Status.ON, "stoke", "r1-restart", START))
    assert tally.sessions == {}
    assert tally.records[Status.ON] == 1


def test_each_answered_record_is_in_the_file_at_once() -> None:
    file = io.StringIO()
    tally = Tally(file)
    for number, record in enumerate(RECORDS, start=1):
        tally.answered(record)
        assert [AccountingRecord.from_json(line) for line in file.getvalue().splitlines()] == RECORDS[:number]


def test_differences_name_the_session_and_what_is_wrong() -> None:
    played = {"a": WHOLE, "b": WHOLE, "c": WHOLE}
    stored = {"a": WHOLE, "b": replace(WHOLE, seconds=901), "d": WHOLE}
    found = differences(played, stored)
    assert len(found) == 3
    assert found[0].startswith("c: played, but not in the database")
    assert found[1].startswith("d: in the database, but not played")
    assert "901" in found[2]
    assert differences(played, played) == ()


def test_many_differences_are_not_all_spelt_out() -> None:
    found = differences({f"s{number:02}": WHOLE for number in range(15)}, {})
    assert len(found) == 11
    assert found[-1] == "… and 5 more"


def test_totals_say_sessions_hours_and_gigabytes() -> None:
    totals = Totals.of({"a": WHOLE, "b": replace(WHOLE, is_stopped=False, output_octets=2 * 10**9)})
    assert (totals.sessions, totals.stopped, totals.seconds) == (2, 1, 1800)
    assert str(totals) == "2 sessions (1 ended), 0.5 hours, 2.00 GB"
