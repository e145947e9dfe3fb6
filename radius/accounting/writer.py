"""Accounting records on their way to the database: answered when they cannot be lost any more.

Records that wait are merged in one transaction (``radius.storage.durable_queue``); with the database away they go to
the journal. Merging is idempotent, so a record whose transaction may or may not have been committed is simply stored
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from foundation.database import Database
from foundation.direct import Direct, Transaction
from radius.accounting.records import Record, Restart, SessionRecord
from radius.accounting.sessions import SessionStore
from radius.storage.delivery import Delivery
from radius.storage.durable_queue import DurableQueue, StorageUnavailableError
from radius.storage.journal_entries import decode, encode
from radius.storage.journals import Journals

__all__ = ["AccountingWriter", "StorageUnavailableError"]

QUEUE_LIMIT: Final = 20_000
KIND: Final = "accounting"
_HEARD_EVERY: Final = timedelta(minutes=1)
_KINDS: Final[Mapping[str, type[Any]]] = {kind.__name__: kind for kind in (SessionRecord, Restart)}


class AccountingWriter:
    """The one way by which accounting records reach the database; one per process.

    ``keep_delivering`` must run beside it.
    """

    def __init__(self, database: Database, journals: Journals) -> None:
        self._durable = DurableQueue(database, _AccountingStorage(database), journals, limit=QUEUE_LIMIT)
        self.queue = self._durable.queue
        self.keep_delivering = Delivery(self._durable).keep_delivering

    async def write(self, record: Record) -> bool:
        """Return when the record cannot be lost any more; False if the database refuses it for what it says.

        Raises StorageUnavailableError, or QueueFullError when too many wait already.
        """
        return await self._durable.submit(record)

    async def drain(self) -> None:
        """Return when everything that was given is in the database or the journal, or has failed."""
        await self._durable.drain()

    async def close(self) -> None:
        """Drain, and leave what waits in the journal for the next worker."""
        await self._durable.close()


class _AccountingStorage:
    """See ``radius.storage.store.Storage``."""

    name = KIND

    def __init__(self, database: Database) -> None:
        self._sessions = SessionStore(database)
        self._heard_at: dict[int, datetime] = {}

    async def prepare(self, items: Sequence[Record]) -> None:
        await self._sessions.prepare(items)

    def forget_prepared(self) -> None:
        self._sessions.forget_prepared()

    async def store(self, direct: Direct, items: Sequence[Record]) -> Any:
        async with direct.writing() as transaction:
            return await self.deliver(transaction, items)

    async def deliver(self, transaction: Transaction, items: Sequence[Record]) -> Any:
        learned = await self._sessions.merge(transaction, items)
        heard_at = self._newly_heard(items)
        await self._sessions.note_heard(transaction, heard_at)
        return learned, heard_at

    def note_stored(self, stored: Any) -> None:
        learned, heard_at = stored
        self._sessions.remember(learned)
        self._heard_at.update(heard_at)

    def encode(self, item: Record) -> bytes:
        return encode(item)

    def decode(self, payload: bytes) -> Record:
        record: Record = decode(payload, _KINDS)
        return record

    def _newly_heard(self, records: Sequence[Record]) -> dict[int, datetime]:
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
