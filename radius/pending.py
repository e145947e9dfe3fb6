"""Results that many requests wait for together, and going on with them without a turn of the event loop for each.

A task, and the turns that the loop takes to wake it, cost a request as much as reading its packet. Most requests wait
only for results of a batch (``radius.batching``), which are there for all of them at once: so a request's coroutine is
run by hand as far as it comes (``radius.transport.udp``), and whoever has its result runs the next part. A coroutine
that comes to wait for anything else becomes a task then and there. Until then ``asyncio.current_task`` is somebody
else's: what uses ``asyncio.timeout`` awaits ``in_own_task()`` before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class Waiter(Protocol):
    """Who goes on when a result is there."""

    def step(self) -> None:
        """Run as far as it goes. It raises nothing."""


class Pending(asyncio.Future[Result]):
    """A future that may have a waiter, which is called at once and not in the loop's next turn.

    Whoever makes one sets ``waiter``, to None as a rule, and has the waiter step when the result is set: a method of
    Python's for either would cost more than the future itself, which is made in C.
    """

    __slots__ = ("waiter",)

    waiter: Waiter | None


async def in_own_task() -> None:
    """Return in a task of one's own."""
    await asyncio.sleep(0)


@coroutine
def rest_of(work: Coroutine[Any, Any, Result], waits_for: Any) -> Generator[Any, Any, Result]:
    """A coroutine for a task: the rest of one that was run by hand until it yielded ``waits_for``."""
    while True:
        problem: BaseException | None = None
        try:
            yield waits_for
        except BaseException as error:  # it is for the one who waits
            problem = error
        try:
            waits_for = work.send(None) if problem is None else work.throw(problem)
        except StopIteration as done:
            result: Result = done.value
            return result
