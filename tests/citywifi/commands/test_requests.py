"""`citywifi requests` and `citywifi disclosures`, on the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from foundation.schema import disclosures, information_requests, request_events
from tests.citywifi.commands.conftest import CommandLine

TODAY = datetime.now(UTC).date()


def add(command_line: CommandLine, kind: str = "access", days_ago: int = 0, *more: str) -> str:
    day = f"{TODAY - timedelta(days=days_ago):%Y-%m-%d}"
    return command_line.run("requests", "add", kind, "--received", day, *more).strip()


def shown(command_line: CommandLine, number: str, *more: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(command_line.run("requests", "show", number, "--json", *more))
    return found


def test_a_letter_is_entered_proved_paused_continued_extended_and_answered(command_line: CommandLine) -> None:
    number = add(command_line, "access", 3)
    assert shown(command_line, number)["waits_for"] == "identity"
    assert "due before" in command_line.run("requests", "identified", number, "--text", "At the desk.")
    assert "the clock stands" in command_line.run("requests", "ask", number, "--text", "Which device?")
    assert "due before" in command_line.run("requests", "go-on", number, "--text", "The telephone.")
    before = str(shown(command_line, number)["due_at"])
    command_line.run("requests", "extend", number, "--text", "Many devices.")
    assert str(shown(command_line, number)["due_at"]) > before
    assert "closed" in command_line.run("requests", "answer", number, "done", "--text", "By post.")
    assert shown(command_line, number)["outcome"] == "done"
    assert [row.kind for row in command_line.rows(request_events)] == [
        "received",
        "identity proved",
        "clarification asked",
        "clarified",
        "extended",
        "answered",
    ]
    assert command_line.actions()[0] == "add a request"
    assert "answered (request)" in command_line.actions()


def test_a_complaint_by_letter_is_acknowledged_and_listed_by_what_is_due_first(command_line: CommandLine) -> None:
    later = add(command_line, "complaint", 1, "--text", "Slow.")
    first = add(command_line, "complaint", 20)
    table = command_line.run("requests", "list")
    assert table.index(first) < table.index(later)
    command_line.run("requests", "acknowledge", later)
    assert "needs no acknowledgement" in command_line.refusal("requests", "acknowledge", later)
    numbers = [row["number"] for row in json.loads(command_line.run("requests", "list", "--json"))]
    assert numbers == [first, later]
    command_line.run("requests", "answer", first, "refused", "--text", "It was not ours.")
    assert first in command_line.run("requests", "list", "--closed")


def test_who_asked_and_what_was_written_is_shown_on_demand_only_and_recorded(command_line: CommandLine) -> None:
    number = add(command_line, "correction", 0, "--contact", "ann@example.org", "--text", "I moved.")
    for output in (
        command_line.run("requests", "list"),
        command_line.run("requests", "show", number),
        repr(command_line.row(information_requests)),
    ):
        assert "ann@" not in output
        assert "moved" not in output
    assert "read a request" not in command_line.actions()
    output = command_line.run("requests", "show", number.lower(), "--texts")
    assert "ann@example.org" in output
    assert "I moved." in output
    assert command_line.actions()[-1] == "read a request"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "26-AAAAAA"), "there is no request"),
        (("add", "access", "--contact", "ann"), "neither an email address nor a mobile number"),
        (("add", "access", "--received", "2999-01-01"), "still to come"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(
    command_line: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    assert said in command_line.refusal("requests", *arguments)


def test_nothing_is_given_or_erased_for_somebody_unproved(command_line: CommandLine) -> None:
    number = add(command_line, "erasure")
    assert "identity is not proved" in command_line.refusal(
        "requests", "answer", number, "done", "--text", "Gone.", "--erase"
    )
    command_line.run("requests", "identified", number, "--text", "At the desk.")
    assert "after the code" in command_line.refusal("requests", "answer", number, "done", "--text", "Gone.", "--erase")


def test_a_disclosure_is_entered_and_decided_once(command_line: CommandLine) -> None:
    details = ("--by", "West Midlands Police", "--authoriser", "Inspector", "--statute", "DPA 2018, schedule 2")
    number = command_line.run("disclosures", "add", *details, "--scope", "Central Library, 1 November").strip()
    assert "Inspector" not in repr(command_line.row(disclosures))
    assert "pending" in command_line.run("disclosures", "list")
    command_line.run("disclosures", "decide", number.lower(), "nothing held")
    assert "still to be decided" in command_line.refusal("disclosures", "decide", number, "refused")
    [line] = json.loads(command_line.run("disclosures", "list", "--json"))
    assert (line["authoriser"], line["outcome"]) == ("Inspector", "nothing held")
    assert "scope has 1 to 2000" in command_line.refusal("disclosures", "add", *details, "--scope", " ")
