"""The journal: where records wait while the database is away, in a SQLite file of this worker alone.

What ``append`` was given is on the disk when it returns (WAL, synchronous=FULL: one flush for a whole batch). Each
record is sealed by the installation's key together with its number and the journal's name: that keeps it private, and
is a checksum that no accident and nobody without the key can meet. Records have consecutive numbers, and how far they
go stands in the journal's lock file too (``radius.storage.journal_marks``), so that it is known how many records a
torn or overwritten file has lost. Nothing here waits for anything but the disk; call it in a thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from foundation.privacy import Keyring, PrivacyError
from radius.errors import RadiusError
from radius.storage.journal_marks import JournalLock, Marks, lock_file, read_marks

SUFFIX: Final = ".journal"
DAMAGED_SUFFIX: Final = ".damaged"
_PARTS: Final = ("", "-wal", "-shm")
_SCHEMA: Final = (
    "CREATE TABLE entries (number INTEGER PRIMARY KEY, written_at REAL NOT NULL, sealed BLOB NOT NULL) STRICT"
)
_INSERT: Final = "INSERT INTO entries (number, written_at, sealed) VALUES (?, ?, ?)"
_SELECT: Final = "SELECT number, sealed FROM entries WHERE number BETWEEN ? AND ? ORDER BY number"
_OLDEST: Final = "SELECT number, written_at FROM entries ORDER BY number LIMIT 1"
_NEWEST: Final = "SELECT number FROM entries ORDER BY number DESC LIMIT 1"
_DELETE: Final = "DELETE FROM entries WHERE number <= ?"
# What SQLite needs for a row beside its octets, with its share of the tree above it.
_ROW_OCTETS: Final = 48


class JournalError(RadiusError):
    """The journal did not take the records; they must not be answered."""


class JournalFullError(JournalError):
    """The journal has its largest size, or the disk is full."""


class JournalUnwritableError(JournalError):
    """The file cannot be written to for another reason; what stands in it may still be readable."""


@dataclass(frozen=True, slots=True)
class Window:
    """Records in their order, each with its number, up to ``until``; how many numbers below it could not be read."""

    entries: tuple[tuple[int, bytes], ...]
    damaged: int
    until: int


class Journal:
    """One file, which only the holder of its lock opens. Make one by ``create`` or ``adopt``."""

    def __init__(self, file: Path, lock: JournalLock, keyring: Keyring, connection: sqlite3.Connection) -> None:
        self.file = file
        self.name = file.name.removesuffix(SUFFIX)
        self.octets = 0
        self.damaged = 0
        self._lock = lock
        self._keyring = keyring
        self._connection = connection
        self._marks = Marks(0, 0, 0.0)

    @classmethod
    def create(cls, directory: Path, kind: str, keyring: Keyring) -> Journal:
        """A new journal in a folder that only its owner may read. Raises JournalError."""
        file = directory / f"{kind}-{secrets.token_hex(8)}{SUFFIX}"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = JournalLock.take(lock_file(file))
        except OSError as error:
            raise _refusal(error, file) from None
        assert lock is not None
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            journal = cls(file, lock, keyring, _connect(file))
            journal._connection.execute(_SCHEMA)
            lock.write(journal._marks)
            for folder in (directory.parent, directory):
                _flush_folder(folder)
        except (OSError, sqlite3.Error) as error:
            for part in _PARTS:
                file.with_name(file.name + part).unlink(missing_ok=True)
            lock.remove()
            raise _refusal(error, file) from None
        return journal

    @classmethod
    def adopt(cls, file: Path, keyring: Keyring) -> Journal | None:
        """The journal of a worker that is gone; None if it is not gone, or its journal is.

        Raises OSError or sqlite3.Error.
        """
        lock = JournalLock.take(lock_file(file))
        if lock is None:
            return None
        if not file.exists():
            lock.remove()
            return None
        try:
            journal = cls(file, lock, keyring, _connect(file, to_the_end=True))
        except sqlite3.Error:
            lock.release()
            raise
        journal._marks = journal._find_marks(read_marks(lock_file(file)))
        journal._measure()
        return journal

    @property
    def waiting(self) -> int:
        """How many records wait here, readable or not."""
        return self._marks.appended_until - self._marks.forgotten_until

    @property
    def oldest_at(self) -> float:
        """When the oldest record that waits was written (seconds since 1970); 0 when it is not known."""
        return self._marks.oldest_at

    def append(self, payloads: Sequence[bytes], at: float) -> None:
        """Return when they are on the disk. Raises JournalError: then none of them is here."""
        first = self._marks.appended_until + 1
        rows = [
            (number, at, self._keyring.encrypt(self._purpose(number), payload))
            for number, payload in enumerate(payloads, first)
        ]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise _refusal(error, self.file) from None
        oldest_at = self._marks.oldest_at if self.waiting else at
        self._mark(Marks(self._marks.forgotten_until, first + len(rows) - 1, oldest_at))
        self._measure()

    def read(self, most: int) -> Window:
        """The next records that wait, at most so many."""
        first = self._marks.forgotten_until + 1
        until = min(self._marks.appended_until, self._marks.forgotten_until + most)
        entries = tuple(self._opened(self._rows(first, until)))
        return Window(entries, until - first + 1 - len(entries), until)

    def forget(self, until: int) -> None:
        """Records up to this number are stored elsewhere: never read them again. Room for others is made if it can."""
        if until <= self._marks.forgotten_until:
            return
        oldest_at = self._marks.oldest_at
        with contextlib.suppress(sqlite3.Error):  # a damaged file or a full disk; the marks and the database know
            self._connection.execute(_DELETE, (until,))
            if oldest := self._connection.execute(_OLDEST).fetchone():
                oldest_at = float(oldest[1])
        appended_until = max(self._marks.appended_until, until)
        self._mark(Marks(until, appended_until, oldest_at if appended_until > until else 0.0))
        self._measure()

    def close(self) -> None:
        """Leave the file for whoever adopts it."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._lock.release()

    def remove(self) -> None:
        """Close the file and remove it. Raises OSError."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        for part in _PARTS:
            self._part(part).unlink(missing_ok=True)
        self._lock.remove()

    def set_aside(self) -> Path:
        """Close a damaged file and keep it for an engineer to look at; returns its new name. Raises OSError."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        aside = self.file.with_suffix(DAMAGED_SUFFIX)
        for part in _PARTS:
            with contextlib.suppress(FileNotFoundError):
                self._part(part).rename(f"{aside}{part}")
        self._lock.remove()
        return aside

    def _find_marks(self, noted: Marks | None) -> Marks:
        """Where the records begin and end. The note may lag behind the file after a loss of power, never the file."""
        oldest = newest = None
        with contextlib.suppress(sqlite3.Error):
            oldest = self._connection.execute(_OLDEST).fetchone()
        with contextlib.suppress(sqlite3.Error):
            newest = self._connection.execute(_NEWEST).fetchone()
        marks = noted or Marks(0, 0, 0.0)
        if newest:
            marks = replace(marks, appended_until=max(marks.appended_until, newest[0]))
        if oldest:
            forgotten_until = max(marks.forgotten_until, oldest[0] - 1)
            marks = replace(marks, forgotten_until=forgotten_until, oldest_at=float(oldest[1]))
        return marks

    def _rows(self, first: int, until: int) -> list[tuple[int, bytes]]:
        """Together, and what is missing then, one by one: a damaged page hides others, or shows rows of no sense."""
        found = {number: sealed for number, sealed in self._select(first, until) if first <= number <= until}
        for number in range(first, until + 1):
            if number not in found:
                found.update(self._select(number, number))
        return sorted(found.items())

    def _select(self, first: int, until: int) -> list[tuple[int, bytes]]:
        with contextlib.suppress(sqlite3.Error):
            rows = self._connection.execute(_SELECT, (first, until)).fetchall()
            return [(number, sealed) for number, sealed in rows if isinstance(sealed, bytes)]
        return []

    def _opened(self, rows: Iterable[tuple[int, bytes]]) -> Iterable[tuple[int, bytes]]:
        for number, sealed in rows:
            with contextlib.suppress(PrivacyError):
                yield number, self._keyring.decrypt(self._purpose(number), sealed)

    def _purpose(self, number: int) -> str:
        return f"journal {self.name} {number}"

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _mark(self, marks: Marks) -> None:
        self._marks = marks
        self._lock.write(marks)

    def _measure(self) -> None:
        """What the records take in the file, beside which there is a -wal file of a few megabytes."""
        with contextlib.suppress(sqlite3.Error):
            pages, free, page_octets = (
                self._connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            self.octets = (pages - free) * page_octets

    def _part(self, part: str) -> Path:
        return self.file.with_name(self.file.name + part)


def octets_needed(payloads: Iterable[bytes]) -> int:
    """About how much a journal grows by these."""
    return sum(len(payload) + _ROW_OCTETS for payload in payloads)


def _connect(file: Path, *, to_the_end: bool = False) -> sqlite3.Connection:
    """A damaged file is opened as well; ``to_the_end`` also one that was cut off, to read as far as it goes."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    if to_the_end:
        # SQLite refuses a file that is shorter than its header says, unless it is being repaired
        # (https://sqlite.org/pragma.html#pragma_writable_schema).
        connection.execute("PRAGMA writable_schema = ON")
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    return connection


def _refusal(error: Exception, file: Path) -> JournalError:
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "strerror", None) or type(error).__name__
    if code == "SQLITE_FULL" or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return JournalFullError(f"the disk of {file.parent} is full; make room on it")
    return JournalUnwritableError(f"the journal {file} cannot be written to ({code}); look at its disk")


def _flush_folder(directory: Path) -> None:
    """The files' names are to be on the disk too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
