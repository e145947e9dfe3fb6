"""The journals that a worker has: those that it adopted from workers that are gone, and the one that it writes to.

A file is made when the first record needs it and removed when everything in it is stored elsewhere, so a folder without
files is the usual state. Only files that this process made are written to; what it adopted is only read. Nothing here
waits for anything but the disk; call it in a thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from foundation.privacy import Keyring
from foundation.settings import Settings
from radius.storage.journal import (
    DAMAGED_SUFFIX,
    SUFFIX,
    Journal,
    JournalError,
    JournalFullError,
    JournalUnwritableError,
    octets_needed,
)
from radius.storage.journal_marks import LOCK_SUFFIX, read_marks

logger = structlog.get_logger(__name__)

KEEP_DAMAGED_SECONDS: Final = 30 * 86_400


class Journals:
    """The journals of one kind of record; ``limit_octets`` is for all of them together."""

    def __init__(self, directory: Path, kind: str, keyring: Keyring, limit_octets: int) -> None:
        self.kind = kind
        self.limit_octets = limit_octets
        self._directory = directory
        self._keyring = keyring
        self._adopted: list[Journal] = []
        self._own: Journal | None = None

    @classmethod
    def of(cls, settings: Settings, keyring: Keyring, kind: str) -> Journals:
        """As the settings say."""
        return cls(settings.journal_directory, kind, keyring, settings.radius.journal_octets)

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return sum(journal.waiting for journal in self._all)

    @property
    def octets(self) -> int:
        """What they take on the disk."""
        return sum(journal.octets for journal in self._all)

    @property
    def oldest_at(self) -> float | None:
        """When the oldest record that waits was written (Unix time)."""
        return min((journal.oldest_at for journal in self._all if journal.waiting), default=None)

    def adopt(self) -> int:
        """Take the journals of workers that are gone; how many records wait in them."""
        self._remove_old()
        known = {journal.file for journal in self._all}
        found = 0
        for file in sorted(set(self._directory.glob(f"{self.kind}-*{SUFFIX}")) - known):
            try:
                journal = Journal.adopt(file, self._keyring)
            except (OSError, sqlite3.Error) as error:
                logger.error("a journal cannot be opened", file=str(file), problem=str(error))
                continue
            if journal is not None:
                self._adopted.append(journal)
                found += journal.waiting
        return found

    def append(self, payloads: Sequence[bytes], at: float) -> None:
        """Return when they are on the disk. Raises JournalError: then none of them is here."""
        if self.octets + octets_needed(payloads) > self.limit_octets:
            raise JournalFullError(f"the journal has {self.limit_octets} octets, as radius.journal_octets allows")
        if self._own is not None:
            try:
                self._own.append(payloads, at)
            except JournalUnwritableError:
                # What stands in it may be readable, and another file may be writable.
                self._adopted.append(self._own)
                self._own = None
            else:
                return
        own = Journal.create(self._directory, self.kind, self._keyring)
        try:
            own.append(payloads, at)
        except JournalError:
            with contextlib.suppress(OSError):
                own.remove()
            raise
        self._own = own

    def next(self) -> Journal | None:
        """The journal whose records are to be delivered next; None when there are none."""
        return next((journal for journal in self._all if journal.waiting), None)

    def finish(self) -> list[tuple[Journal, Path | None]]:
        """Remove the journals in which nothing waits; which these were, and where damaged ones were put aside.

        The one that is written to stays for as long as anything waits in others.
        """
        empty = [journal for journal in self._adopted if not journal.waiting]
        self._adopted = [journal for journal in self._adopted if journal.waiting]
        if not self._adopted and self._own is not None and not self._own.waiting:
            empty.append(self._own)
            self._own = None
        finished: list[tuple[Journal, Path | None]] = []
        for journal in empty:
            aside = None
            try:
                if journal.damaged:
                    aside = journal.set_aside()
                else:
                    journal.remove()
                finished.append((journal, aside))
            except OSError as error:
                # It is adopted again in a while.
                logger.error("a journal cannot be removed", file=str(journal.file), problem=error.strerror)
                journal.close()
        return finished

    def close(self) -> None:
        """Leave what waits for whoever adopts it."""
        for journal in self._all:
            journal.close()
        self._adopted.clear()
        self._own = None

    def _remove_old(self) -> None:
        """What was put aside so long ago that nobody will look at it; personal data has its time."""
        for file in self._directory.glob(f"{self.kind}-*{DAMAGED_SUFFIX}*"):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > KEEP_DAMAGED_SECONDS:
                    file.unlink()

    @property
    def _all(self) -> list[Journal]:
        return self._adopted if self._own is None else [*self._adopted, self._own]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in the journals of all workers of this machine, as their lock files tell."""

    records: int
    octets: int
    # About since when the database is away.
    oldest_at: datetime | None
    # Journals that could not be read whole and were put aside.
    damaged: tuple[Path, ...]


def read_waiting(directory: Path) -> Waiting:
    """Look at the journals without touching them; for any process that may read the folder. Raises OSError."""
    marks = [marks for file in directory.glob(f"*{LOCK_SUFFIX}") if (marks := read_marks(file)) and marks.waiting]
    octets = 0
    for file in directory.glob(f"*{SUFFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # its worker goes on meanwhile
            octets += file.stat().st_size
    oldest_at = min((each.oldest_at for each in marks if each.oldest_at), default=None)
    return Waiting(
        records=sum(each.waiting for each in marks),
        octets=octets,
        oldest_at=datetime.fromtimestamp(oldest_at, UTC) if oldest_at else None,
        damaged=tuple(sorted(directory.glob(f"*{DAMAGED_SUFFIX}"))),
    )
