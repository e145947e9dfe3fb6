"""`citywifi api-key`: making, listing and revoking keys of the open API."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from citywifi.cli import app
from foundation.schema import api_keys, audit_events
from tests.citywifi.commands.conftest import CommandLine


def test_a_key_is_shown_once_and_kept_as_a_hash(command_line: CommandLine) -> None:
    text = command_line.run("api-key", "add", "library desk", "--scope", "waiting:read", "--scope", "devices:let-on")
    assert text.splitlines()[0].startswith("cwk_")
    row = command_line.row(api_keys)
    assert (row.name, row.scopes, row.requests_per_minute) == ("library desk", "devices:let-on,waiting:read", 60)
    assert (row.council_id, row.expires_at) == (command_line.council_id, None)
    assert text.split()[0] not in str(row)
    (event,) = command_line.rows(audit_events)
    assert (event.action, event.subject) == ("add api key", "library desk")
    assert event.detail == {"scopes": ["devices:let-on", "waiting:read"], "requests_per_minute": 60}


def test_keys_are_listed_without_what_opens(command_line: CommandLine) -> None:
    text = command_line.run("api-key", "add", "desk", "--scope", "sessions:read", "--rate", "7", "--until", "30d")
    (listed,) = json.loads(command_line.run("api-key", "list", "--json"))
    assert (listed["name"], listed["scopes"], listed["requests_per_minute"]) == ("desk", ["sessions:read"], 7)
    assert listed["expires_at"] > listed["created_at"]
    table = command_line.run("api-key", "list")
    assert "sessions:read" in table
    assert text.split()[0] not in table


def test_a_key_is_revoked_once_and_its_name_stays_taken(command_line: CommandLine) -> None:
    command_line.run("api-key", "add", "desk", "--scope", "waiting:read")
    assert "opens nothing" in command_line.run("api-key", "revoke", "desk")
    assert "opens nothing" in command_line.run("api-key", "revoke", "desk")
    assert command_line.row(api_keys).revoked_at is not None
    assert command_line.actions() == ["add api key", "revoke api key"]
    assert "revoked" in command_line.run("api-key", "list")
    assert "choose another name" in command_line.refusal("api-key", "add", "desk", "--scope", "waiting:read")


def test_what_cannot_be_is_told(command_line: CommandLine) -> None:
    assert "api-key list" in command_line.refusal("api-key", "revoke", "nobody")
    assert "printable" in command_line.refusal("api-key", "add", " ", "--scope", "waiting:read")
    assert CliRunner().invoke(app, ["api-key", "add", "desk", "--scope", "everything"]).exit_code == 2
    assert CliRunner().invoke(app, ["api-key", "add", "desk"]).exit_code == 2
