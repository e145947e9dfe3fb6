from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foundation.privacy import Keyring
from monitoring.journal import journal_problems, sentence_of
from radius.storage.journals import Journals

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def journals(tmp_path: Path, keyring: Keyring) -> Iterator[Journals]:
    opened = Journals(tmp_path, "accounting", keyring, 1_000_000)
    yield opened
    opened.close()


def test_where_nothing_waits_there_is_nothing_to_say(tmp_path: Path, journals: Journals) -> None:
    assert journal_problems(tmp_path / "none", NOW) == ()
    journals.append([b"a record"], NOW.timestamp())
    assert sentence_of(tmp_path, NOW + timedelta(seconds=5)) == ""


def test_records_that_wait_are_a_problem_with_since_when_and_what_to_do(tmp_path: Path, journals: Journals) -> None:
    journals.append([bytes(300)] * 1500, NOW.timestamp())
    (problem,) = journal_problems(tmp_path, NOW + timedelta(minutes=10))
    assert problem.level == "problem"
    assert "wait in the journal for the database: 1,500 (" in problem.finding
    assert problem.finding.endswith("the oldest since 2026-11-22 12:00 UTC.")
    assert "citywifi doctor" in problem.remedy


def test_a_journal_that_was_put_aside_is_a_problem_until_it_is_removed(tmp_path: Path) -> None:
    (tmp_path / "accounting-00.damaged").touch()
    (problem,) = journal_problems(tmp_path, NOW)
    assert "accounting-00.damaged" in problem.finding
