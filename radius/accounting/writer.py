"""Group commit: records that wait are written in one transaction, and answered only when it is committed.

A record that the database refuses (its NAS was deleted a moment ago) must not take its neighbours down: the batch is
halved until the bad one is alone. When the database does not answer, nobody of the batch is answered, and the equipment
sends again: merging makes that harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from foundation.database import Database
from foundation.partitions import ensure_months
from radius import metrics
from radius.accounting.records import Record, Restart, SessionRecord
from radius.accounting.sessions import SessionStore, note_heard
from radius.batching import Batcher
from radius.errors import RadiusError

logger = structlog.get_logger(__name__)

QUEUE_LIMIT: Final = 20_000
# Longer than SQLite waits for another process's transaction.
_PATIENCE_SECONDS: Final = 25
_HEARD_EVERY: Final = timedelta(minutes=1)
_QUEUE: Final = "accounting"


class StorageUnavailableError(RadiusError):
    """The database did not take the batch; what was in it must not be answered."""


class AccountingWriter:
    """The one way by which accounting records reach the database; one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = SessionStore(database)
        self._heard_at: dict[int, datetime] = {}
        self._is_available = True
        self.queue: Batcher[Record, bool] = Batcher(self._write, limit=QUEUE_LIMIT)

    async def write(self, record: Record) -> bool:
        """Return when the record is committed; False if the database refuses this record for what it says.

        Raises StorageUnavailableError, or QueueFullError when too many wait already.
        """
        return await self.queue.submit(record)

    async def drain(self) -> None:
        """Return when everything that was given is written or has failed."""
        await self.queue.drain()

    async def _write(self, records: list[Record]) -> Sequence[bool]:
        metrics.batch_rows.labels(_QUEUE).observe(len(records))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                stored = await self._write_or_halve(records)
        except (DBAPIError, OSError, TimeoutError) as error:
            metrics.storage_failures.labels(_QUEUE).inc()
            if self._is_available:
                logger.error("accounting cannot be stored; it is not answered until it can", problem=_kind(error))
            self._is_available = False
            raise StorageUnavailableError("accounting could not be stored") from error
        if not self._is_available:
            logger.info("accounting can be stored again")
        self._is_available = True
        return stored

    async def _write_or_halve(self, records: list[Record]) -> list[bool]:
        try:
            await self._commit(records)
        except (IntegrityError, DataError) as error:
            if len(records) == 1:
                problem, nas_id = _kind(error), records[0].nas_id
                logger.error("the database refuses an accounting record", problem=problem, nas_id=nas_id)
                return [False]
            middle = len(records) // 2
            return [*await self._write_or_halve(records[:middle]), *await self._write_or_halve(records[middle:])]
        return [True] * len(records)

    async def _commit(self, records: list[Record]) -> None:
        heard_at = self._newly_heard(records)
        sessions = [record for record in records if isinstance(record, SessionRecord)]
        restarts = [record for record in records if isinstance(record, Restart)]

        await ensure_months(self._database, [record.started_at for record in sessions])

        def write(connection: Connection) -> None:
            self._store.merge(connection, sessions, restarts)
            note_heard(connection, heard_at)

        await self._database.run(write, writes=True)
        self._heard_at.update(heard_at)

    def _newly_heard(self, records: list[Record]) -> dict[int, datetime]:
        """Access points whose ``last_heard_at`` is to be set: at most once a minute each, to spare the database."""
        newly: dict[int, datetime] = {}
        for record in records:
            point = record.access_point_id
            if point is None:
                continue
            written = self._heard_at.get(point)
            if written is None or record.received_at - written >= _HEARD_EVERY:
                newly[point] = max(record.received_at, newly.get(point, record.received_at))
        return newly


def _kind(error: Exception) -> str:
    """What went wrong, without the statement's values, which are personal."""
    original = getattr(error, "orig", None) or error
    return type(getattr(original, "__cause__", None) or original).__name__
