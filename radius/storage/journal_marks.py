"""Who has a journal, and how far its records go: the lock file beside it.

The kernel gives the lock back when a worker dies, so that another one can adopt the journal. What stands in the file
is one line that anybody may read while the worker goes on: the number of the last record that is stored elsewhere,
that of the last one that was written, and when the oldest one that waits was written. The line is not flushed to the
disk; it survives the worker, and after a loss of power the journal itself knows better.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOCK_SUFFIX: Final = ".lock"
# Always as long, so that it can be written again on a disk that is full.
_LINE_OCTETS: Final = 80


@dataclass(frozen=True, slots=True)
class Marks:
    """Records from ``forgotten_until + 1`` to ``appended_until`` wait, the oldest since ``oldest_at`` (Unix time)."""

    forgotten_until: int
    appended_until: int
    oldest_at: float

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return self.appended_until - self.forgotten_until


def lock_file(journal: Path) -> Path:
    """Where a journal's lock is."""
    return journal.with_suffix(LOCK_SUFFIX)


def read_marks(file: Path) -> Marks | None:
    """What a lock file says; None if it says nothing that makes sense."""
    try:
        forgotten_until, appended_until, oldest_at = file.read_text(encoding="ascii").split()
        marks = Marks(int(forgotten_until), int(appended_until), float(oldest_at))
    except (OSError, ValueError):
        return None
    return marks if 0 <= marks.forgotten_until <= marks.appended_until else None


class JournalLock:
    """A lock that this process has until it releases it or dies."""

    def __init__(self, file: Path, descriptor: int) -> None:
        self._file = file
        self._descriptor = descriptor

    @classmethod
    def take(cls, file: Path) -> JournalLock | None:
        """The lock, or None if another process has it. Raises OSError."""
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(file, descriptor)

    def write(self, marks: Marks) -> None:
        """Note the marks; they only describe the journal, so a disk that does not take them stops nothing."""
        line = f"{marks.forgotten_until} {marks.appended_until} {marks.oldest_at:.6f}"
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, line.ljust(_LINE_OCTETS - 1).encode("ascii") + b"\n", 0)

    def release(self) -> None:
        """Let somebody else have the journal."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """The journal is gone: so is its lock."""
        self._file.unlink(missing_ok=True)
        os.close(self._descriptor)
