"""What one part of a process knows of an absent database, the others know too, for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundation.database import Database
from radius.storage.absence import Absence, absence_of


def test_an_absence_that_was_noted_is_known_for_a_moment_or_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("radius.storage.absence.time.monotonic", lambda: now)
    noted = Absence()

    def is_known() -> bool:
        """Asked anew each time: mypy takes a property to stay as it was seen."""
        return noted.is_recent

    assert not is_known()
    noted.note()
    assert is_known()
    now += 2
    assert not is_known()
    noted.note(60)
    noted.note()
    now += 30
    assert is_known()
    noted.end()
    assert not is_known()


async def test_all_parts_of_a_process_share_what_they_know_of_a_database(database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    absence_of(database).note()
    assert absence_of(database).is_recent
    assert not absence_of(other).is_recent
    await other.close()
