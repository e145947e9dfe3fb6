"""`citywifi terms`: versions of the terms, and who is asked for them again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foundation.schema import audit_events, devices, residents, terms_versions
from tests.citywifi.commands.conftest import CommandLine


@pytest.fixture
def english(tmp_path: Path) -> str:
    file = tmp_path / "terms.en.txt"
    file.write_text("# Be kind\n\nDo not break the law.")
    return f"en={file}"


def test_the_first_version_is_material_without_being_said_so(command_line: CommandLine, english: str) -> None:
    assert command_line.run("terms", "publish", english) == "published version 1 in en\n"
    assert command_line.row(terms_versions).is_material is True


def test_of_a_later_version_it_must_be_said_whether_it_is_material(command_line: CommandLine, english: str) -> None:
    command_line.run("terms", "publish", english)
    assert "--material" in command_line.refusal("terms", "publish", english)
    assert command_line.run("terms", "publish", english, "--not-material").endswith("nobody is asked again\n")
    assert [row.is_material for row in command_line.rows(terms_versions)] == [True, False]


def test_remembered_devices_come_to_the_page_from_the_day_that_was_said(
    command_line: CommandLine, english: str
) -> None:
    command_line.run("terms", "publish", english)
    now = datetime.now(UTC)
    common = {"council_id": command_line.council_id, "last_seen_at": now}
    resident = command_line.insert(residents, contact_kind="none", registered_at=now, **common)
    until = now + timedelta(days=80)
    device = {"resident_id": resident, "mac_pseudonym": bytes(16), "randomised": False, "created_at": now}
    command_line.insert(devices, **device, **common, remembered_until=until)
    day = (now + timedelta(days=30)).date()
    told = command_line.run("terms", "publish", english, "--material", "--from", f"{day}")
    assert f"remembered devices (1) from {day}" in told
    remembered = command_line.row(devices).remembered_until
    assert remembered.date() == day
    assert remembered.hour in (2, 3)
    published = command_line.rows(audit_events)[-1]
    assert published.detail == {"material": True, "devices from": remembered.isoformat()}


@pytest.mark.parametrize("day", ["tomorrow", "2026-01-01", "2199-01-01"])
def test_a_day_that_is_none_or_too_far_is_refused(command_line: CommandLine, english: str, day: str) -> None:
    command_line.run("terms", "publish", english)
    assert day in command_line.refusal("terms", "publish", english, "--material", "--from", day)
    assert len(command_line.rows(terms_versions)) == 1
