"""Coroutines that are run by hand while they wait for batches, and as tasks from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from radius.batching import Batcher
from radius.pending import Pending, in_own_task, rest_of


class ByHand:
    """Runs a coroutine as far as it goes, and notes what it waits for."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self.work = work
        self.waits_for: Any = None
        self.result: Any = None
        self.step()

    def step(self) -> None:
        try:
            self.waits_for = self.work.send(None)
        except StopIteration as done:
            self.result = done.value
        else:
            if isinstance(self.waits_for, Pending):
                self.waits_for.waiter = self


async def doubled(numbers: list[int]) -> list[int]:
    await asyncio.sleep(0)
    if 13 in numbers:
        raise ValueError("13")
    return [2 * number for number in numbers]


async def test_all_of_a_batch_go_on_when_it_is_done_and_no_task_was_made_for_them() -> None:
    batcher = Batcher(doubled, limit=10)

    async def ask(number: int) -> int:
        return await batcher.submit(await batcher.submit(number))

    tasks = len(asyncio.all_tasks())
    asking = [ByHand(ask(number)) for number in range(5)]
    assert len(asyncio.all_tasks()) == tasks + 1  # the batcher's own
    await batcher.drain()
    assert [one.result for one in asking] == [4 * number for number in range(5)]


async def test_an_error_of_a_batch_is_raised_where_its_result_is_awaited() -> None:
    batcher = Batcher(doubled, limit=10)

    async def ask() -> str:
        try:
            await batcher.submit(13)
        except ValueError as error:
            return f"wrong: {error}"
        return "right"

    asking = ByHand(ask())
    await batcher.drain()
    assert asking.result == "wrong: 13"


async def test_a_task_may_wait_for_a_batch_too() -> None:
    batcher = Batcher(doubled, limit=10)
    assert await asyncio.gather(*[asyncio.create_task(wait_for(batcher, number)) for number in range(3)]) == [0, 2, 4]


async def wait_for(batcher: Batcher[int, int], number: int) -> int:
    return await batcher.submit(number)


async def test_what_waits_for_anything_else_goes_on_as_a_task() -> None:
    async def work() -> asyncio.Task[Any] | None:
        await in_own_task()
        async with asyncio.timeout(1):
            await asyncio.sleep(0.001)
        return asyncio.current_task()

    by_hand = ByHand(work())
    assert not isinstance(by_hand.waits_for, Pending)
    task = asyncio.create_task(rest_of(by_hand.work, by_hand.waits_for))
    assert await task is task


async def test_a_task_that_took_over_hands_errors_and_its_end_on() -> None:
    loop = asyncio.get_running_loop()
    failing, never = loop.create_future(), loop.create_future()
    ended: list[str] = []

    async def work() -> None:
        try:
            await failing
        except ValueError:
            ended.append("failed")
        try:
            await never
        finally:
            ended.append("cancelled")

    by_hand = ByHand(work())
    task = asyncio.create_task(rest_of(by_hand.work, by_hand.waits_for))
    await asyncio.sleep(0)
    failing.set_exception(ValueError())
    while ended != ["failed"]:  # noqa: ASYNC110  there is no event to wait for
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["failed", "cancelled"]
