from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.information_rights.my_data import (
    Acceptance,
    AskedRequest,
    Credential,
    Device,
    Kept,
    MyData,
    NewsConsent,
    PaperCode,
    ProblemReport,
    ProgramToken,
    Registration,
    Session,
    kept,
    to_csv,
    to_json,
)
from captive_portal.pages.my_data_words import MOST_SHOWN, words_of
from foundation.settings import RetentionSettings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SESSION = Session(
    NOON, None, "Central Library", 60, 500_000, 1_500_000, "radius", "00-00-5E-00-53-01", "10.1.0.23", "calm-otter-0042"
)
DATA = MyData(
    registration=Registration("+447700900982", "sms", "cy", "", NOON, "Central Library", NOON),
    devices=(
        Device(False, NOON, NOON, None, None, None, False),
        Device(True, NOON, NOON, "sms", NOON + timedelta(days=90), None, True),
    ),
    sessions=(SESSION,),
    terms=(Acceptance(7, 1, "en", NOON, None),),
    news=(NewsConsent("council", "Coventry", "email", "en", "News of the libraries", None, NOON, None),),
    user_names=(Credential("calm-otter-0042", NOON, None, None, NOON),),
    codes_on_paper=(PaperCode(NOON, NOON + timedelta(hours=4)),),
    problem_reports=(ProblemReport(NOON, "Central Library", "slow", "Upstairs in room 4"),),
    requests=(AskedRequest("26-7KQ4MX", "complaint", NOON, None, None, "Slow."),),
    program_tokens=(ProgramToken(NOON, NOON + timedelta(hours=1), True, None),),
    kept=kept(RetentionSettings()),
)


def test_json_has_every_part_with_times_in_utc() -> None:
    read = json.loads(to_json(DATA))
    assert read["registration"]["registered_at"] == "2026-11-22T12:00:00+00:00"
    assert [device["is_this_one"] for device in read["devices"]] == [False, True]
    assert read["sessions"][0]["ended_at"] is None
    assert read["codes_on_paper"] == [
        {"used_at": "2026-11-22T12:00:00+00:00", "access_until": "2026-11-22T16:00:00+00:00"}
    ]


def test_csv_is_one_table_of_all_that_json_has() -> None:
    rows = [tuple(row) for row in csv.reader(io.StringIO(to_csv(DATA)))]
    assert rows[0] == ("part", "number", "name", "value")
    assert ("devices", "2", "has_private_address", "yes") in rows
    assert ("sessions", "1", "ended_at", "") in rows
    read = json.loads(to_json(DATA))
    values = sum(len(item) for part in read.values() for item in (part if isinstance(part, list) else [part]))
    assert len(rows) == 1 + values


@pytest.mark.parametrize("name", ["=1+1", "+447700900982", "-1", "@sum", "\ttab"])
def test_no_cell_of_the_table_is_a_formula(name: str) -> None:
    table = to_csv(replace(DATA, registration=replace(DATA.registration, group=name)))
    cells = [row[3] for row in csv.reader(io.StringIO(table))]
    assert f"'{name}" in cells
    assert name not in cells


def test_what_is_kept_how_long_comes_from_the_rules_that_the_job_keeps() -> None:
    hours = {each.name: each.hours for each in kept(RetentionSettings(session_days=30, raw_identifier_hours=12))}
    assert (hours["sessions"], hours["raw identifiers"]) == (30 * 24, 12)
    assert Kept("residents", 365 * 24) in kept(RetentionSettings())


def test_nothing_personal_shows_in_a_traceback() -> None:
    for secret in ("+447700900982", "calm-otter-0042", "00-00-5E-00-53-01", "10.1.0.23", "room 4"):
        assert secret not in repr(DATA)


def test_the_page_says_everything_in_words_and_shows_the_newest_sessions_only() -> None:
    words = words_of(replace(DATA, sessions=(SESSION,) * (MOST_SHOWN + 5)), "Europe/London")
    assert words["more_sessions"] == 5
    assert ("Language", "Cymraeg") in words["about"]  # type: ignore[operator]  # pairs
    assert ("How you got online", "With a code by text") in words["about"]  # type: ignore[operator]  # pairs
    assert len(words["kept_lines"]) == len(DATA.kept)  # type: ignore[arg-type]  # pairs
