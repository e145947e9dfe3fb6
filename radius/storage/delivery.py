"""Delivering journals to the database when it is back, and adopting those of workers that are gone.

Records are delivered in their order, some hundred in one transaction, which also notes how far the journal got: what
was committed but not yet forgotten here when the worker was killed is not delivered twice. A record that cannot be
read, or that the database refuses for what it says, is counted and told, and stops none of those behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final, Generic

import structlog

from radius.storage import metrics
from radius.storage.absence import PROBED_SECONDS
from radius.storage.durable_queue import DurableQueue
from radius.storage.journal import Journal, Window
from radius.storage.journal_entries import NotUnderstoodError
from radius.storage.store import UNAVAILABLE, Item

logger = structlog.get_logger(__name__)

# More than goes behind meanwhile (radius.batching.LARGEST_BATCH), so that the journal is emptied under any load.
_TOGETHER: Final = 1000
# New items wait so long for records that are being delivered before they go behind those that wait.
_PACE_SECONDS: Final = 0.5
# For a transaction that nobody waits for.
_DELIVERY_SECONDS: Final = 30.0
_SHORTEST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_ADOPT_SECONDS: Final = 30.0


class Delivery(Generic[Item]):
    """What runs beside a queue."""

    def __init__(self, queue: DurableQueue[Item]) -> None:
        self._queue = queue
        self._journals = queue.thread.journals
        # Journals of which it is known how far they were delivered before, and those that are gone.
        self._asked: set[str] = set()
        self._removed: set[str] = set()
        self._delivered = 0

    async def keep_delivering(self) -> None:
        """Adopt and deliver whenever there is something, for ever."""
        queue = self._queue
        while True:
            await self._adopt()
            while queue.goes_behind:
                await self._try_until_it_works()
            queue.woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ADOPT_SECONDS):
                    await queue.woken.wait()

    async def _adopt(self) -> None:
        async with self._queue.order:
            found = await self._queue.thread.run(self._journals.adopt)
            if self._journals.next() is not None:
                self._queue.goes_behind = True
            await self._remove_empty()
        if found:
            logger.info("journals of workers that are gone were found", queue=self._queue.name, records=found)
        self._queue.sample_metrics()

    async def _try_until_it_works(self) -> None:
        pause_seconds = _SHORTEST_PAUSE_SECONDS
        while self._queue.goes_behind:
            try:
                await self._ask()
                await self._deliver_all()
            except UNAVAILABLE as error:
                metrics.journal_deliveries.labels(self._queue.name, "failed").inc()
                self._queue.note_away(error)
                self._queue.sample_metrics()
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def _ask(self) -> None:
        """Return if the database answers. Raises one of UNAVAILABLE."""
        absence = self._queue.absence
        try:
            await self._queue.within_patience(self._queue.store.ask())
        except UNAVAILABLE:
            absence.note(PROBED_SECONDS)
            raise
        absence.end()

    async def _deliver_all(self) -> None:
        """Deliver until nothing waits; then items go to the database again. Raises one of UNAVAILABLE."""
        queue = self._queue
        while True:
            async with queue.order:
                await self._remove_empty()
                journal = self._journals.next()
                if journal is None:
                    self._note_back()
                    break
                step = asyncio.create_task(self._deliver_some(journal))
                # Who wants to go behind waits a moment, so that delivering is the faster of the two.
                await self._wait_for(step, _PACE_SECONDS)
            await self._wait_for(step, None)
            step.result()
            queue.sample_metrics()
        await self._forget_removed()

    async def _wait_for(self, step: asyncio.Task[None], timeout_seconds: float | None) -> None:
        try:
            await asyncio.wait({step}, timeout=timeout_seconds)
        except asyncio.CancelledError:
            step.cancel()
            raise

    async def _deliver_some(self, journal: Journal) -> None:
        queue = self._queue
        async with asyncio.timeout(_DELIVERY_SECONDS):
            if journal.name not in self._asked:
                until = await queue.store.delivered_until(journal.name)
                await queue.thread.run(lambda: journal.forget(until))
                self._asked.add(journal.name)
            window = await queue.thread.run(lambda: journal.read(_TOGETHER))
            entries, damaged = self._understood(window)
            if entries:
                stored = await queue.store.deliver(journal.name, entries)
                self._count(stored)
        if damaged:
            journal.damaged += damaged
            metrics.journal_records.labels(queue.name, "damaged").inc(damaged)
        await queue.thread.run(lambda: journal.forget(window.until))
        metrics.storage_away.labels(queue.name).set(0)

    def _understood(self, window: Window) -> tuple[list[tuple[int, Item]], int]:
        """The entries as items with their numbers, and how many there should be beside."""
        entries: list[tuple[int, Item]] = []
        for number, payload in window.entries:
            with contextlib.suppress(NotUnderstoodError):
                entries.append((number, self._queue.storage.decode(payload)))
        return entries, window.damaged + len(window.entries) - len(entries)

    def _count(self, stored: Sequence[bool]) -> None:
        name = self._queue.name
        delivered = sum(stored)
        self._delivered += delivered
        metrics.journal_deliveries.labels(name, "delivered").inc()
        metrics.journal_records.labels(name, "delivered").inc(delivered)
        metrics.journal_records.labels(name, "refused").inc(len(stored) - delivered)

    async def _remove_empty(self) -> None:
        """Remove journals in which nothing waits."""
        queue = self._queue
        for journal, aside in await queue.thread.run(self._journals.finish):
            self._removed.add(journal.name)
            if aside is None:
                continue
            metrics.journals_damaged.labels(queue.name).inc()
            logger.error(
                "a journal was damaged: records that were answered are lost; it was put aside",
                queue=queue.name, file=str(aside), records=journal.damaged,
            )  # fmt: skip

    async def _forget_removed(self) -> None:
        """The database need not know how far journals were delivered that are gone; it is no hurry."""
        if self._removed:
            await self._queue.store.finish(sorted(self._removed))
            self._asked -= self._removed
            self._removed.clear()

    def _note_back(self) -> None:
        self._queue.note_back(self._delivered)
        self._delivered = 0
