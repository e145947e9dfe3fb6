"""`citywifi hold`: placed, prolonged, taken out, ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foundation.schema import holds, residents, venues
from tests.citywifi.commands.conftest import CommandLine

ANN = "ann@example.org"
UNTIL = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"
CASE = ("--case", "C-17", "--authoriser", "Head of Legal", "--reason", "threats", "--until", UNTIL)


@pytest.fixture
def ann(command_line: CommandLine) -> int:
    now = datetime.now(UTC)
    return command_line.insert(
        residents, council_id=command_line.council_id, contact_kind="email",
        contact_encrypted=command_line.keyring.encrypt("contact", ANN.encode()),
        contact_pseudonym=command_line.keyring.contact_pseudonym(command_line.council_id, ANN),
        registered_at=now, last_seen_at=now,
    )  # fmt: skip


def test_a_resident_is_held_until_the_case_ends(command_line: CommandLine, ann: int, tmp_path: Path) -> None:
    assert command_line.run("hold", "place", "--resident", *CASE, typed=f"{ANN}\n") == "hold 1\n"
    assert command_line.row(holds).resident_id == ann
    assert "C-17" in command_line.run("hold", "list")
    saved = tmp_path / "held.json"
    command_line.run("hold", "export", "1", "--output", str(saved))
    assert json.loads(saved.read_text())["rows"]["residents"][0]["contact"] == ANN
    assert saved.stat().st_mode & 0o077 == 0
    later = f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}"
    assert later in command_line.run("hold", "prolong", "1", "--until", later)
    assert "a day to come" in command_line.refusal("hold", "prolong", "1", "--until", "2020-01-01")
    command_line.run("hold", "end", "1")
    [shown] = json.loads(command_line.run("hold", "list", "--json"))
    assert (shown["case_number"], shown["is_active"]) == ("C-17", False)
    assert "there is no hold 1 that lasts" in command_line.refusal("hold", "end", "1")
    assert command_line.actions() == ["place a hold", "take out what is held", "prolong a hold", "end a hold"]


def test_a_device_and_a_venues_time_are_held(command_line: CommandLine) -> None:
    now = datetime.now(UTC)
    common = {"council_id": command_line.council_id, "created_at": now, "updated_at": now}
    venue = command_line.insert(venues, **common, source="test", reference="L1", name="Central Library")
    command_line.run("hold", "place", "--device", *CASE, typed="00-00-5E-00-53-01\n")
    span = ("--from", "2026-07-01 14:30", "--to", "2026-07-01 16:00")
    command_line.run("hold", "place", "--venue", "L1", *span, *CASE)
    device, place = command_line.rows(holds)
    assert device.mac_pseudonym is not None
    assert (place.venue_id, place.held_from) == (venue, datetime(2026, 7, 1, 13, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        ((), "", "one of --resident, --device and --venue"),
        (("--resident", "--device"), "x\n", "one of --resident, --device and --venue"),
        (("--resident",), "nobody\n", "no email address"),
        (("--resident",), "bob@example.org\n", "nobody is registered"),
        (("--device",), "x\n", "no address of a device"),
        (("--venue", "Nowhere"), "", "say from when to when"),
        (("--venue", "Nowhere", "--from", "2026-07-01 14:30", "--to", "2026-07-01 16:00"), "", "is not the name"),
    ],
    ids=["nothing", "two", "no contact", "nobody", "no address", "no time", "no venue"],
)
def test_what_cannot_be_held_is_said(
    command_line: CommandLine, arguments: tuple[str, ...], typed: str, told: str
) -> None:
    refusal = command_line.refusal("hold", "place", *arguments, *CASE, typed=typed)
    assert told in refusal
    assert "bob" not in refusal
    assert command_line.rows(holds) == []
