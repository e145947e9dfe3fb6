"""Group commit that outlives the database: what it does not take is flushed to a local journal, and counts as done.

What waits is stored in one transaction. When the database does not take it within a moment (equipment asks again after
three to five seconds), it goes to the worker's journal, and so does all that follows, at once: nobody waits for a
database that is known to be away. It is asked in the background until it answers. Then the journal is delivered in its
order, and new items go behind what waits there until nothing does. ``radius.storage.delivery`` does that part.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Generic, TypeVar

import structlog

from foundation.database import Database
from foundation.direct import DatabaseUnavailableError
from radius import metrics
from radius.batching import Batcher
from radius.errors import RadiusError
from radius.storage import metrics as storage_metrics
from radius.storage.absence import absence_of
from radius.storage.journal import JournalError
from radius.storage.journals import Journals
from radius.storage.store import UNAVAILABLE, DatabaseStore, Item, Storage

logger = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 2.0
# A database that takes some things and not others would fill the log.
_TELL_EVERY_SECONDS: Final = 60.0
_Result = TypeVar("_Result")


class StorageUnavailableError(RadiusError):
    """Neither the database nor the journal took the batch; what was in it must not be answered."""


class JournalThread:
    """The journals of one queue and the one thread that touches them."""

    def __init__(self, journals: Journals) -> None:
        self.journals = journals
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"journal-{journals.kind}")

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Do it in the thread. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Close the journals; what waits in them is adopted by the next worker."""
        await self.run(self.journals.close)
        await asyncio.to_thread(self._thread.shutdown)


class DurableQueue(Generic[Item]):
    """Items on their way to the database; one per process and kind. ``keep_delivering`` must run beside it."""

    def __init__(self, database: Database, storage: Storage[Item], journals: Journals, *, limit: int) -> None:
        self.name = storage.name
        self.absence = absence_of(database)
        self.store = DatabaseStore(database, storage)
        self.storage = storage
        self.thread = JournalThread(journals)
        self.queue: Batcher[Item, bool] = Batcher(self._write, limit=limit)
        # Held by who writes to the journal and by who looks whether it is empty.
        self.order = asyncio.Lock()
        # Set when the database is found to be away.
        self.woken = asyncio.Event()
        self.goes_behind = False
        """Whether items go to the journal: the database is away, or others wait there."""
        self._journal_takes = True
        self._told_at = -_TELL_EVERY_SECONDS
        self._strays: set[asyncio.Task[Any]] = set()
        self._rows = metrics.batch_rows.labels(self.name)
        storage_metrics.declare(self.name)
        storage_metrics.journal_limit_octets.labels(self.name).set(journals.limit_octets)
        self.sample_metrics()

    def submit(self, item: Item) -> asyncio.Future[bool]:
        """True when the item cannot be lost any more; False if the database refuses it for what it says.

        Raises QueueFullError at once, and StorageUnavailableError when awaited.
        """
        return self.queue.submit(item)

    async def drain(self) -> None:
        """Return when everything that was given is in the database or the journal, or has failed."""
        await self.queue.drain()

    async def close(self) -> None:
        """Drain, and leave what waits in the journal for the next worker."""
        await self.drain()
        for stray in self._strays:
            stray.cancel()
        if self._strays:
            await asyncio.wait(self._strays, timeout=PATIENCE_SECONDS)
        await self.thread.close()

    async def within_patience(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Its result, if it has one soon. Raises TimeoutError.

        A connection to a database that hangs may take long to be given up: that is not waited for.
        """
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
            if task.done():
                return task.result()
            raise TimeoutError
        finally:
            if not task.done():
                task.cancel()
                self._strays.add(task)
                task.add_done_callback(self._forget)

    def note_away(self, error: Exception) -> None:
        """The database did not take what it was given: from now on the journal does."""
        metrics.storage_failures.labels(self.name).inc()
        storage_metrics.storage_away.labels(self.name).set(1)
        now = time.monotonic()
        if not self.goes_behind and now - self._told_at > _TELL_EVERY_SECONDS:
            self._told_at = now
            logger.error(
                "the database does not take what RADIUS writes; it goes to the journal until it does",
                queue=self.name, problem=type(error).__name__,
            )  # fmt: skip
        self.goes_behind = True
        self.woken.set()

    def note_back(self, delivered: int) -> None:
        """Nothing waits in the journal: from now on items go to the database again."""
        self.goes_behind = False
        storage_metrics.storage_away.labels(self.name).set(0)
        if delivered:
            logger.info("the journal is delivered", queue=self.name, records=delivered)
        self.sample_metrics()

    def sample_metrics(self) -> None:
        """Set the gauges of the journal."""
        journals = self.thread.journals
        oldest_at = journals.oldest_at
        age = 0.0 if not oldest_at else max(time.time() - oldest_at, 0.0)
        storage_metrics.journal_octets.labels(self.name).set(journals.octets)
        storage_metrics.journal_records_waiting.labels(self.name).set(journals.waiting)
        storage_metrics.journal_oldest_record_seconds.labels(self.name).set(age)

    async def _write(self, items: list[Item]) -> Sequence[bool]:
        self._rows.observe(len(items))
        if not self.goes_behind:
            try:
                return await self._try(items)
            except UNAVAILABLE as error:
                self.absence.note()
                self.note_away(error)
        async with self.order:
            if self.goes_behind:
                await self._append(items)
                return [True] * len(items)
        # Meanwhile the journal was emptied.
        return await self._write(items)

    async def _try(self, items: Sequence[Item]) -> list[bool]:
        """Store them, unless it is known that this would not work. Raises one of UNAVAILABLE."""
        if self.absence.is_recent:
            raise DatabaseUnavailableError("the database did not answer a moment ago")
        return await self.within_patience(self.store.store(items))

    async def _append(self, items: Sequence[Item]) -> None:
        """Return when they are on the disk. Raises StorageUnavailableError."""
        encode, journals = self.storage.encode, self.thread.journals
        try:
            await self.thread.run(lambda: journals.append([encode(item) for item in items], time.time()))
        except JournalError as error:
            storage_metrics.journal_records.labels(self.name, "not_taken").inc(len(items))
            if self._journal_takes:
                logger.error(
                    "the journal takes nothing more, so nothing is answered", queue=self.name, problem=str(error)
                )
            self._journal_takes = False
            raise StorageUnavailableError(str(error)) from None
        self._journal_takes = True
        storage_metrics.journal_records.labels(self.name, "written").inc(len(items))
        self.sample_metrics()

    def _forget(self, stray: asyncio.Task[Any]) -> None:
        self._strays.discard(stray)
        if not stray.cancelled():
            stray.exception()
