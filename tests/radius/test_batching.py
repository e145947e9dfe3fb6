"""What waits is done together, without a timer."""

from __future__ import annotations

import asyncio

import pytest

from radius.batching import Batcher, QueueFullError


async def test_what_one_turn_submits_is_one_batch_and_what_comes_meanwhile_is_the_next() -> None:
    batches: list[list[int]] = []
    may_go_on = asyncio.Event()

    async def handle(items: list[int]) -> list[int]:
        batches.append(items)
        await may_go_on.wait()
        return [item * 10 for item in items]

    batcher = Batcher(handle, limit=100)
    first = [batcher.submit(number) for number in range(3)]
    await asyncio.sleep(0)
    later = [batcher.submit(number) for number in range(3, 5)]
    may_go_on.set()
    assert await asyncio.gather(*first, *later) == [0, 10, 20, 30, 40]
    assert batches == [[0, 1, 2], [3, 4]]
    await batcher.drain()


async def test_a_batch_is_never_larger_than_allowed() -> None:
    sizes: list[int] = []

    async def handle(items: list[int]) -> list[int]:
        sizes.append(len(items))
        return items

    batcher = Batcher(handle, limit=100, largest_batch=4)
    await asyncio.gather(*[batcher.submit(number) for number in range(10)])
    assert sizes == [4, 4, 2]


async def test_a_failed_batch_fails_for_its_submitters_and_the_next_one_is_tried() -> None:
    calls = 0

    async def handle(items: list[int]) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("away")
        return items

    batcher = Batcher(handle, limit=100, largest_batch=1)
    failing, succeeding = batcher.submit(1), batcher.submit(2)
    with pytest.raises(OSError, match="away"):
        await failing
    assert await succeeding == 2


async def test_a_full_queue_refuses() -> None:
    async def handle(items: list[int]) -> list[int]:
        return items

    batcher = Batcher(handle, limit=2)
    waiting = [batcher.submit(1), batcher.submit(2)]
    with pytest.raises(QueueFullError):
        batcher.submit(3)
    await asyncio.gather(*waiting)


async def test_drained_means_that_nothing_waits_and_nothing_is_under_way() -> None:
    done: list[int] = []

    async def handle(items: list[int]) -> list[None]:
        await asyncio.sleep(0.01)
        done.extend(items)
        return [None] * len(items)

    batcher = Batcher(handle, limit=10, largest_batch=1)
    for number in range(3):
        batcher.submit(number)
    await batcher.drain()
    assert done == [0, 1, 2]


async def test_who_gave_up_waiting_does_not_disturb_the_others() -> None:
    async def handle(items: list[int]) -> list[int]:
        await asyncio.sleep(0.01)
        return items

    batcher = Batcher(handle, limit=10)
    given_up, waited_for = batcher.submit(1), batcher.submit(2)
    given_up.cancel()
    assert await waited_for == 2
