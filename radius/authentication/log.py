"""The log of authentications: who (by pseudonym), where, by which method, with what verdict, and why.

A line is written in a batch with others (``radius.storage.durable_queue``): before the reply is sent, or after it, as
``radius.log_before_reply`` says. Afterwards costs a login no time; the lines of the last moments before the process is
killed may then be missing. With the database away lines go to the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from foundation.database import Database
from foundation.direct import Direct, Transaction, among
from foundation.partitions import ensure_months, forget_months
from foundation.schema import authentications
from radius import metrics
from radius.authentication.seen import SeenNotes
from radius.batching import QueueFullError
from radius.storage.delivery import Delivery
from radius.storage.durable_queue import DurableQueue
from radius.storage.journal_entries import decode, encode
from radius.storage.journals import Journals

QUEUE_LIMIT: Final = 50_000
KIND: Final = "authentication_log"
_COLUMNS: Final = (
    "at",
    "council_id",
    "nas_id",
    "venue_id",
    "method",
    "accepted",
    "reason",
    "detail",
    "user_pseudonym",
    "milliseconds",
)
# What no two lines have in common.
_IDENTITY: Final = ("at", "council_id", "nas_id", "user_pseudonym", "milliseconds")


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


_KINDS: Final[Mapping[str, type[Any]]] = {LogLine.__name__: LogLine}


class AuthenticationLog:
    """Takes lines; one per process. ``keep_delivering`` must run beside it."""

    def __init__(self, database: Database, journals: Journals) -> None:
        self._durable = DurableQueue(database, _LogStorage(database), journals, limit=QUEUE_LIMIT)
        self._seen = SeenNotes(database)
        self.queue = self._durable.queue
        self.keep_delivering = Delivery(self._durable).keep_delivering

    def add(self, line: LogLine) -> None:
        """Take a line, to be written soon; when too many wait already it is dropped and counted."""
        try:
            written = self._durable.submit(line)
        except QueueFullError:
            metrics.log_drops.labels("queue_full").inc()
            return
        written.add_done_callback(_count_if_lost)
        self.note_seen(line.resident_id, line.device_id, line.at)

    async def write(self, line: LogLine) -> None:
        """Return when the line cannot be lost any more.

        Raises StorageUnavailableError, or QueueFullError when too many wait already. A line that the database refuses
        (its NAS was deleted a moment ago) is dropped and counted.
        """
        written = self._durable.submit(line)
        self.note_seen(line.resident_id, line.device_id, line.at)
        if not await written:
            metrics.log_drops.labels("refused").inc()

    def note_seen(self, resident_id: int | None, device_id: int | None, at: datetime) -> None:
        """They were let on; for a login of which no line is written. Retention removes who is not seen for long."""
        self._seen.note(resident_id, device_id, at)

    async def drain(self) -> None:
        """Return when every line is written or dropped."""
        await self._durable.drain()
        await self._seen.write()

    async def close(self) -> None:
        """Drain, and leave what waits in the journal for the next worker."""
        await self.drain()
        await self._durable.close()


class _LogStorage:
    """See ``radius.storage.store.Storage``."""

    name = KIND

    def __init__(self, database: Database) -> None:
        self._database = database
        self._months: frozenset[tuple[int, int]] = frozenset()
        self._insert = database.direct.bulk_insert(authentications, _COLUMNS)
        table = authentications.c
        self._present = database.direct.statement(
            select(*(table[name] for name in _IDENTITY)).where(
                among(table.council_id, "councils"), among(table.at, "moments")
            )
        )

    async def prepare(self, items: Sequence[LogLine]) -> None:
        months = frozenset((line.at.year, line.at.month) for line in items)
        if not months <= self._months:
            await ensure_months(self._database, [line.at for line in items])
            self._months = months

    def forget_prepared(self) -> None:
        self._months = frozenset()
        forget_months(self._database)

    async def store(self, direct: Direct, items: Sequence[LogLine]) -> Any:
        # One statement is a transaction by itself, without the round trips that begin and end one.
        await direct.insert(self._insert, _rows(items))

    async def deliver(self, transaction: Transaction, items: Sequence[LogLine]) -> Any:
        await transaction.insert(self._insert, _rows(await self._missing(transaction, items)))

    async def _missing(self, transaction: Transaction, lines: Sequence[LogLine]) -> list[LogLine]:
        """A line in the journal may be stored: nobody knows of a commit during which the connection was lost."""
        councils, moments = {line.council_id for line in lines}, {line.at for line in lines}
        rows = await transaction.fetch(self._present, councils=sorted(councils), moments=sorted(moments))
        present = set(rows)
        return [line for line in lines if tuple(getattr(line, name) for name in _IDENTITY) not in present]

    def note_stored(self, stored: Any) -> None:
        """Nothing to remember."""

    def encode(self, item: LogLine) -> bytes:
        return encode(item)

    def decode(self, payload: bytes) -> LogLine:
        line: LogLine = decode(payload, _KINDS)
        return line


def _rows(lines: Sequence[LogLine]) -> list[tuple[Any, ...]]:
    return [line[: len(_COLUMNS)] for line in lines]


def _count_if_lost(written: asyncio.Future[bool]) -> None:
    if written.cancelled() or written.exception() is not None:
        metrics.log_drops.labels("storage").inc()
    elif not written.result():
        metrics.log_drops.labels("refused").inc()
