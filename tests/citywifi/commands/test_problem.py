"""`citywifi problem`: what residents reported, and deleting a report."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from foundation.problem_reports import seal_text
from foundation.schema import audit_events, problem_reports
from tests.citywifi.commands.conftest import CommandLine


@pytest.fixture
def report(command_line: CommandLine, nas_id: int) -> int:
    return add_report(command_line, nas_id, "Upstairs, by the window", timedelta(days=1))


def add_report(command_line: CommandLine, nas_id: int, text: str, ago: timedelta) -> int:
    return command_line.insert(
        problem_reports,
        council_id=command_line.council_id,
        nas_id=nas_id,
        kind="slow",
        text_encrypted=seal_text(command_line.keyring, text),
        state="online",
        finding="working",
        reported_at=datetime.now(UTC) - ago,
    )


def test_reports_are_shown_with_their_place_and_words_newest_first(
    command_line: CommandLine, nas_id: int, report: int
) -> None:
    newer = add_report(command_line, nas_id, "", timedelta(0))
    add_report(command_line, nas_id, "", timedelta(days=8))
    text = command_line.run("problem", "list")
    assert "too slow" in text
    assert "Upstairs, by the window" in text
    shown = json.loads(command_line.run("problem", "list", "--json"))
    assert [row["id"] for row in shown] == [newer, report]
    assert (shown[1]["place"], shown[1]["finding"]) == ("library", "working")
    assert len(json.loads(command_line.run("problem", "list", "--json", "--days", "30"))) == 3


def test_a_report_is_deleted_and_that_is_in_the_audit_without_its_words(command_line: CommandLine, report: int) -> None:
    assert command_line.run("problem", "delete", str(report)).strip() == "deleted"
    assert command_line.rows(problem_reports) == []
    event = command_line.row(audit_events)
    assert (event.action, event.subject) == ("delete report", f"problem report {report}")
    assert "window" not in str(event)


def test_a_report_that_is_not_there_is_refused(command_line: CommandLine) -> None:
    assert command_line.refusal("problem", "delete", "7").startswith("there is no report 7;")
