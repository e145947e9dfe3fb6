"""`citywifi session`: open sessions, and what ends or changes one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from typer.testing import CliRunner

from citywifi.cli import app
from foundation.schema import audit_events, network_access_servers
from radius.packet import Code
from tests.citywifi.commands.conftest import CommandLine, Gateway, add_session


def test_open_sessions_are_shown_without_whose_they_are(command_line: CommandLine, session: int) -> None:
    nas_id = command_line.row(network_access_servers).id
    add_session(command_line, nas_id, "2", stopped_at=datetime.now(UTC), ended_by="stop")
    text = command_line.run("session", "list")
    assert "library" in text
    assert "somebody" not in text
    (shown,) = json.loads(command_line.run("session", "list", "--json"))
    assert (shown["id"], shown["equipment"], shown["vendor"]) == (session, "library", "coovachilli")


def test_a_session_is_ended_and_that_is_in_the_audit(command_line: CommandLine, session: int, gateway: Gateway) -> None:
    assert command_line.run("session", "end", str(session)).strip() == "the equipment ended the session"
    assert gateway.asked == [Code.DISCONNECT_REQUEST]
    event = command_line.row(audit_events)
    assert (event.action, event.subject, event.detail["result"]) == (
        "end session", f"session {session}", "disconnected",
    )  # fmt: skip


def test_a_sessions_limits_are_brought_up_to_date(command_line: CommandLine, session: int, gateway: Gateway) -> None:
    assert command_line.run("session", "refresh", str(session)).strip() == "the equipment took the change"
    assert gateway.asked == [Code.COA_REQUEST]
    assert command_line.actions() == ["refresh session"]


def test_what_failed_is_said_and_has_exit_status_1(command_line: CommandLine, session: int) -> None:
    nas_id = command_line.row(network_access_servers).id
    ended = add_session(command_line, nas_id, "2", stopped_at=datetime.now(UTC), ended_by="stop")
    answer = CliRunner().invoke(app, ["session", "end", str(ended)])
    assert (answer.exit_code, answer.stdout.strip()) == (1, "the session has already ended")


def test_a_session_that_is_not_there_is_refused(command_line: CommandLine) -> None:
    assert command_line.refusal("session", "end", "7").startswith("there is no session 7;")
