"""What the doctor says of the journals, without the database and without stopping anybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from citywifi.diagnosis import examine
from citywifi.journal_diagnosis import check_journal
from foundation.privacy import Keyring
from foundation.settings import RadiusSettings, Settings
from radius.storage.journals import Journals

NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_directory=tmp_path, radius=RadiusSettings(journal_octets=2_000_000))


@pytest.fixture
def journals(settings: Settings, keyring: Keyring) -> Iterator[Journals]:
    opened = Journals.of(settings, keyring, "accounting")
    yield opened
    opened.close()


def found(settings: Settings, now: datetime = NOW) -> list[tuple[str, str]]:
    """Level and words of each finding; a problem always says what to do."""
    findings = list(check_journal(settings, now))
    assert all(remedy for level, _, _, remedy in findings if level == "problem")
    return [(level, words) for level, _, words, _ in findings]


def test_where_nothing_waits_all_is_well(settings: Settings) -> None:
    assert found(settings) == [("ok", "nothing waits for the database")]


def test_what_waits_is_told_with_since_when_and_how_much_more_is_taken(settings: Settings, journals: Journals) -> None:
    since = NOW - timedelta(minutes=5)
    journals.append([bytes(500)] * 1234, since.timestamp())
    ((level, words),) = found(settings)
    assert level == "problem"
    assert f"wait for the database: 1,234, the oldest since {since:%Y-%m-%d %H:%M:%S} UTC" in words
    assert "each worker takes 2 MB" in words


def test_what_began_to_wait_a_moment_ago_is_no_problem_yet(settings: Settings, journals: Journals) -> None:
    journals.append([b"a record"], NOW.timestamp())
    ((level, _),) = found(settings)
    assert level == "note"


def test_a_damaged_journal_is_told_until_somebody_removed_it(settings: Settings, journals: Journals) -> None:
    journals.append([b"a record"], NOW.timestamp())
    journal = journals.next()
    assert journal is not None
    journal.damaged = 1
    journal.forget(1)
    ((_, file),) = journals.finish()
    assert file is not None
    ((level, words),) = found(settings)
    assert level == "problem"
    assert words.startswith(str(file))
    file.unlink()
    assert found(settings) == [("ok", "nothing waits for the database")]


def test_a_disk_without_room_for_the_journal_is_told_before_it_is_needed(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path, radius=RadiusSettings(journal_octets=10**18))
    assert [level for level, _ in found(settings)] == ["note", "ok"]


async def test_it_is_told_although_the_database_cannot_be_reached(
    settings: Settings, journals: Journals, free_port: int
) -> None:
    journals.append([b"a record"], time.time() - 60)
    url = f"postgresql://citywifi@127.0.0.1:{free_port}/citywifi"
    findings = await examine(settings.model_copy(update={"database_url": type(settings.database_url)(url)}))
    told = {finding.check: finding for finding in findings}
    assert told["database"].level == told["journal"].level == "problem"
    assert "wait for the database: 1, " in told["journal"].finding
