"""What waits is done together: at once when nothing is under way, else as soon as that is done. No timer.

A database is asked or written once for many requests (group commit). Under low load a request waits for nobody; the
more requests there are, the larger the batches grow, and the cost of one request falls. One batch is under way at a
time: a second one, measured on PostgreSQL with look-ups and with inserts of 16, 64 and 256 submitters, gained nothing,
because both became half as large.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from radius.errors import RadiusError
from radius.pending import Pending

Item = TypeVar("Item")
Result = TypeVar("Result")

LARGEST_BATCH = 500


class QueueFullError(RadiusError):
    """More items wait than the queue may hold: a fault of our own, usually a database that does not keep up."""


class Batcher(Generic[Item, Result]):
    """Hands waiting items to ``handle`` together and gives each submitter its own result.

    ``handle`` gets up to ``largest_batch`` items and returns as many results, in their order. What it raises, every
    submitter of that batch gets. ``limit`` is how many items may wait beside the batch that is under way.
    """

    def __init__(
        self,
        handle: Callable[[list[Item]], Awaitable[Sequence[Result]]],
        *,
        limit: int,
        largest_batch: int = LARGEST_BATCH,
    ) -> None:
        self._handle = handle
        self._largest_batch = largest_batch
        self._waiting: deque[tuple[Item, Pending[Result]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self.limit = limit

    def __len__(self) -> int:
        """How many items wait, without those under way."""
        return len(self._waiting)

    def submit(self, item: Item) -> Pending[Result]:
        """The result, when the item's batch is done. Raises QueueFullError."""
        if len(self._waiting) >= self.limit:
            raise QueueFullError(f"{self.limit} items wait already; the database does not keep up")
        pending: Pending[Result] = Pending()
        pending.waiter = None
        self._waiting.append((item, pending))
        if self._task is None:
            # A task begins in the event loop's next turn: all that this turn submits goes into one batch.
            self._task = asyncio.create_task(self._work())
        return pending

    async def drain(self) -> None:
        """Return when nothing waits and nothing is under way."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _work(self) -> None:
        try:
            while self._waiting:
                count = min(self._largest_batch, len(self._waiting))
                await self._handle_batch([self._waiting.popleft() for _ in range(count)])
        finally:
            self._task = None

    async def _handle_batch(self, batch: list[tuple[Item, Pending[Result]]]) -> None:
        try:
            results = await self._handle([item for item, _ in batch])
        except BaseException as error:
            for _, pending in batch:
                if not pending.done():
                    _fail(pending, error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, pending), result in zip(batch, results, strict=True):
            if not pending.done():
                pending.set_result(result)
                _wake(pending)


def _fail(pending: Pending[Result], error: BaseException) -> None:
    if isinstance(error, Exception):
        pending.set_exception(error)
    else:  # we are being cancelled: so is who waits for us
        pending.cancel()
    _wake(pending)


def _wake(pending: Pending[Result]) -> None:
    if pending.waiter is not None:
        pending.waiter.step()
