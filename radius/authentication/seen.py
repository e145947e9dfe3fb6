"""When a resident and a device were last seen, which retention counts in days: noted at most once an hour each.

Noting is a look into memory; only what is due goes to the database, later and at leisure, so that no login waits for
it: not even when power returns and a whole city is seen within a minute. What is lost when the process dies is noted
with the next login.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import Table, bindparam, select, update

from foundation.database import Database, UtcDateTime
from foundation.direct import Direct, Statement, among
from foundation.schema import devices, residents
from radius.storage.store import UNAVAILABLE

_EVERY: Final = timedelta(hours=1)
# So many rows of each table are written together, once in so many seconds.
_LATER_SECONDS: Final = 5.0
_TOGETHER: Final = 500
# Beyond these the older half is forgotten, and noted again within the hour.
MOST_REMEMBERED: Final = 200_000


class SeenNotes:
    """One per process; ``write`` what is left at the end."""

    def __init__(self, database: Database) -> None:
        self._direct = database.direct
        self._people = _Seen(database.direct, residents)
        self._devices = _Seen(database.direct, devices)
        self._later: asyncio.Task[None] | None = None

    def note(self, resident_id: int | None, device_id: int | None, at: datetime) -> None:
        """They were seen."""
        is_due = resident_id is not None and self._people.note(resident_id, at)
        is_due |= device_id is not None and self._devices.note(device_id, at)
        if is_due and self._later is None:
            self._later = asyncio.create_task(self._write_later())

    async def write(self) -> None:
        """Write what is due now; with the database away it is left for the next time."""
        if self._later is not None:
            self._later.cancel()
            await asyncio.wait([self._later])
        for seen in (self._people, self._devices):
            while seen.due and await self._write_some(seen):
                pass

    async def _write_later(self) -> None:
        try:
            while self._people.due or self._devices.due:
                await asyncio.sleep(_LATER_SECONDS)
                await self._write_some(self._people)
                await self._write_some(self._devices)
        finally:
            self._later = None

    async def _write_some(self, seen: _Seen) -> bool:
        """Those who are due for longest; false when the database is away."""
        some = list(islice(seen.due, _TOGETHER))
        if not some:
            return True
        at = max(seen.due[key] for key in some)
        try:
            async with asyncio.timeout(_LATER_SECONDS):
                await self._direct.fetch(seen.statement, rows=sorted(some), seen_at=at, hour_before=at - _EVERY)
        except UNAVAILABLE:
            return False
        for key in some:
            seen.due.pop(key, None)
        return True


class _Seen:
    """The rows of one table."""

    def __init__(self, direct: Direct, table: Table) -> None:
        self.due: dict[int, datetime] = {}
        self.statement = _statement(direct, table)
        self._noted: dict[int, datetime] = {}

    def note(self, key: int, at: datetime) -> bool:
        """Whether it is due to be written."""
        noted = self._noted.get(key)
        if noted is not None and at - noted < _EVERY:
            return False
        if len(self._noted) >= MOST_REMEMBERED:
            for oldest in list(self._noted)[: MOST_REMEMBERED // 2]:
                del self._noted[oldest]
        self._noted.pop(key, None)
        self._noted[key] = self.due[key] = at
        return True


def _statement(direct: Direct, table: Table) -> Statement[Any]:
    """Rows that another process is about to change are passed over: nobody waits for this, in whatever order."""
    due = (
        select(table.c.id)
        .where(among(table.c.id, "rows"), table.c.last_seen_at <= bindparam("hour_before", type_=UtcDateTime))
        .with_for_update(skip_locked=True)
    )
    return direct.statement(
        update(table).where(table.c.id.in_(due)).values(last_seen_at=bindparam("seen_at", type_=UtcDateTime))
    )
