"""The log of authentications: who (by pseudonym), where, by which method, with what verdict, and why.

Lines are written in batches after the reply was sent, so that a login never waits for its own log. The price: lines of
the last moments before the process is killed may be missing. Accounting, which counts, has no such gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import Connection, Table, bindparam, insert, update
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from foundation.schema import authentications, devices, residents
from radius import metrics
from radius.batching import Batcher, QueueFullError

logger = structlog.get_logger(__name__)

QUEUE_LIMIT: Final = 50_000
_PATIENCE_SECONDS: Final = 25
# ``last_seen_at`` serves retention, which counts in days.
_SEEN_EVERY: Final = timedelta(hours=1)
_QUEUE: Final = "authentication_log"


class LogLine(NamedTuple):
    """One authentication; ``reason`` is empty when accepted. Resident and device are not stored in the log."""

    at: datetime
    council_id: int
    nas_id: int
    venue_id: int | None
    method: str
    accepted: bool
    reason: str
    detail: str
    user_pseudonym: bytes
    milliseconds: float
    resident_id: int | None = None
    device_id: int | None = None


class AuthenticationLog:
    """Takes lines at once and writes them soon; one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_available = True
        self.queue: Batcher[LogLine, None] = Batcher(self._write, limit=QUEUE_LIMIT)

    def add(self, line: LogLine) -> None:
        """Take a line; when too many wait already it is dropped and counted."""
        try:
            self.queue.submit(line)
        except QueueFullError:
            metrics.log_drops.labels("queue_full").inc()

    async def write(self, line: LogLine) -> None:
        """Return when the line is committed. Raises QueueFullError when too many wait already."""
        await self.queue.submit(line)

    async def drain(self) -> None:
        """Return when every line is written or dropped."""
        await self.queue.drain()

    async def _write(self, lines: list[LogLine]) -> Sequence[None]:
        metrics.batch_rows.labels(_QUEUE).observe(len(lines))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._database.run(partial(_insert, lines), writes=True)
        except (DBAPIError, OSError, TimeoutError) as error:
            metrics.storage_failures.labels(_QUEUE).inc()
            metrics.log_drops.labels("database").inc(len(lines))
            if self._is_available:
                logger.error(
                    "lines of the authentication log are lost until it can be stored", problem=type(error).__name__
                )
            self._is_available = False
        else:
            self._is_available = True
        return [None] * len(lines)


def _insert(lines: list[LogLine], connection: Connection) -> None:
    connection.execute(insert(authentications), [_values(line) for line in lines])
    _note_seen(connection, residents, {line.resident_id: line.at for line in lines})
    _note_seen(connection, devices, {line.device_id: line.at for line in lines})


def _note_seen(connection: Connection, table: Table, seen_at: dict[int | None, datetime]) -> None:
    rows = [
        {"row": key, "seen_at": seen_at[key], "hour_before": seen_at[key] - _SEEN_EVERY}
        for key in sorted(key for key in seen_at if key is not None)
    ]
    if rows:
        connection.execute(
            update(table)
            .where(table.c.id == bindparam("row"), table.c.last_seen_at < bindparam("hour_before"))
            .values(last_seen_at=bindparam("seen_at")),
            rows,
        )


def _values(line: LogLine) -> dict[str, Any]:
    return {
        "at": line.at,
        "council_id": line.council_id,
        "nas_id": line.nas_id,
        "venue_id": line.venue_id,
        "method": line.method,
        "accepted": line.accepted,
        "reason": line.reason,
        "detail": line.detail,
        "user_pseudonym": line.user_pseudonym,
        "milliseconds": line.milliseconds,
    }
