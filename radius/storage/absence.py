"""Whether the database did not answer lately: what one part of a process found out, no other part needs to wait for."""

from __future__ import annotations

import time
from typing import Final
from weakref import WeakKeyDictionary

from foundation.database import Database

# Then somebody tries again.
_NOTED_SECONDS: Final = 1.0
# While it is asked in the background, which takes a moment each time (radius.storage.delivery).
PROBED_SECONDS: Final = 6.0


class Absence:
    """Of one database, for this process."""

    def __init__(self) -> None:
        self._until = float("-inf")

    @property
    def is_recent(self) -> bool:
        """It did not answer a moment ago, and has not answered since."""
        return time.monotonic() < self._until

    def note(self, seconds: float = _NOTED_SECONDS) -> None:
        """It did not answer: for so long nobody who can do without it asks."""
        self._until = max(self._until, time.monotonic() + seconds)

    def end(self) -> None:
        """It answered."""
        self._until = float("-inf")


_known: WeakKeyDictionary[Database, Absence] = WeakKeyDictionary()


def absence_of(database: Database) -> Absence:
    """The one that all parts of the process share."""
    return _known.setdefault(database, Absence())
