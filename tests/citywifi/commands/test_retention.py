"""`citywifi retention`: what is kept for how long, and a council's own limits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from foundation.schema import audit_events, retention_limits
from tests.citywifi.commands.conftest import CommandLine

REASON = "as the committee decided in May"


def test_each_rule_is_shown_with_its_limit_and_the_oldest_record(command_line: CommandLine) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=800)
    common = {"council_id": command_line.council_id, "actor": "somebody", "action": "did", "subject": "it"}
    command_line.insert(audit_events, at=long_ago, **common)
    shown = json.loads(command_line.run("retention", "list", "--json"))
    audit = next(rule for rule in shown["rules"] if rule["rule"] == "audit")
    assert (audit["hours"], audit["is_overdue"]) == (730 * 24, True)
    assert audit["oldest"].startswith(f"{long_ago:%Y-%m-%d}")
    assert shown["last_run"] is None
    text = command_line.run("retention", "list")
    assert "beyond its time" in text
    assert "the job ran last: –" in text


def test_a_limit_of_its_own_has_a_reason_and_is_taken_back(command_line: CommandLine) -> None:
    told = command_line.run("retention", "set", "session_days", "30", "--reason", REASON)
    assert told == "Coventry: session_days is 30\n"
    assert command_line.row(retention_limits).value == 30
    assert REASON in command_line.run("retention", "list")
    [own] = json.loads(command_line.run("retention", "list", "--json"))["own"]
    assert (own["setting"], own["value"], own["reason"]) == ("session_days", 30, REASON)
    assert command_line.run("retention", "inherit", "session_days").startswith("Coventry")
    assert "no limit 'session_days' of its own" in command_line.refusal("retention", "inherit", "session_days")
    assert command_line.actions() == ["set a retention limit", "inherit a retention limit"]


def test_a_limit_out_of_bounds_is_refused(command_line: CommandLine) -> None:
    assert "from 2 to 366" in command_line.refusal("retention", "set", "session_days", "999", "--reason", REASON)
    assert "a reason" in command_line.refusal("retention", "set", "session_days", "30", "--reason", "so")
    assert command_line.rows(retention_limits) == []
