"""``citywifi staff``: accounts of those who help at a desk."""

from __future__ import annotations

import json

from foundation.schema import audit_events, staff_accounts, staff_roles, staff_sessions
from tests.citywifi.commands.conftest import CommandLine


def test_add_shows_password_and_app_key_once(command_line: CommandLine) -> None:
    told = command_line.run("staff", "add", " Central-Library ")
    assert "added central-library" in told
    assert "password, shown only now: " in told
    assert "otpauth://totp/CityWiFi:central-library?" in told
    account, role = command_line.row(staff_accounts), command_line.row(staff_roles)
    assert (account.user_name, role.role, role.account_id) == ("central-library", "helper", account.id)
    assert "otpauth" not in command_line.run("staff", "list")
    (event,) = [event for event in command_line.rows(audit_events) if event.action == "add staff"]
    assert (event.subject, event.council_id) == ("central-library", role.council_id)


def test_a_password_of_ones_own_is_not_shown_and_must_be_long(command_line: CommandLine) -> None:
    told = command_line.run("staff", "add", "desk", "--password-stdin", typed="a long enough password\n")
    assert "long enough" not in told
    refusal = command_line.refusal("staff", "add", "other", "--password-stdin", typed="short\n")
    assert "at least 12 characters" in refusal


def test_two_of_one_name_are_refused(command_line: CommandLine) -> None:
    command_line.run("staff", "add", "desk")
    assert "choose another name" in command_line.refusal("staff", "add", "DESK")
    assert "printable" in command_line.refusal("staff", "add", " ")


def test_an_unknown_council_is_named_with_those_that_there_are(command_line: CommandLine) -> None:
    assert "there is no council X" in command_line.refusal("staff", "add", "desk", "--council", "X")
    assert command_line.rows(staff_accounts) == []


def test_list_tells_councils_and_state(command_line: CommandLine) -> None:
    command_line.run("staff", "add", "desk")
    command_line.run("staff", "disable", "desk")
    (row,) = json.loads(command_line.run("staff", "list", "--json"))
    assert row["roles"] == {"E08000026": ["helper"]}
    assert row["logged_in_at"] is None
    assert row["disabled_at"] is not None
    assert "disabled" in command_line.run("staff", "list")


def test_roles_take_the_place_of_those_that_there_were(command_line: CommandLine) -> None:
    command_line.run("staff", "add", "desk", "--role", "helper", "--role", "manager")
    assert "engineer, information" in command_line.run(
        "staff", "roles", "desk", "--role", "information", "--role", "engineer"
    )
    assert "engineer, information (E08000026)" in command_line.run("staff", "list")
    assert "nothing" in command_line.run("staff", "roles", "desk")
    assert command_line.rows(staff_roles) == []
    *_, event = command_line.rows(audit_events)
    assert (event.action, event.subject, event.detail) == ("give roles", "desk", {"roles": []})


def test_a_password_that_was_made_is_known_to_somebody_else(command_line: CommandLine) -> None:
    command_line.run("staff", "add", "desk")
    assert command_line.row(staff_accounts).password_is_given
    command_line.run("staff", "renew", "desk", "--password-stdin", typed="a long enough password\n")
    assert not command_line.row(staff_accounts).password_is_given


def test_renew_gives_other_secrets_and_lets_a_disabled_account_in_again(command_line: CommandLine) -> None:
    first = command_line.run("staff", "add", "desk")
    command_line.run("staff", "disable", "desk")
    second = command_line.run("staff", "renew", "desk")
    assert set(first.split()) & set(second.split()) < set(first.split())
    assert first.rsplit("secret=", 1)[1] != second.rsplit("secret=", 1)[1]
    assert command_line.row(staff_accounts).disabled_at is None
    assert command_line.rows(staff_sessions) == []


def test_who_is_not_there_cannot_be_disabled(command_line: CommandLine) -> None:
    for command in ("renew", "disable", "roles"):
        assert "nobody of the staff is named boss" in command_line.refusal("staff", command, "boss")
