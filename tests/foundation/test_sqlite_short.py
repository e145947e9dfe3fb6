from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.engine import make_url

from foundation.database import Database, Statements
from foundation.schema import councils


async def add_council(statements: Statements, code: str) -> None:
    await statements.execute(insert(councils).values(code=code, name="Coventry", created_at=datetime.now(UTC)))


async def number_of_councils(database: Database) -> int:
    async with database.short_read() as statements:
        return int((await statements.execute(select(func.count()).select_from(councils))).scalar_one())


async def test_a_short_write_is_there_for_the_next_short_read(any_database: Database) -> None:
    async with any_database.short_write() as statements:
        await add_council(statements, "E1")
    assert await number_of_councils(any_database) == 1


async def test_a_short_write_is_rolled_back_when_the_block_raises(any_database: Database) -> None:
    async def fail_half_way() -> None:
        async with any_database.short_write() as statements:
            await add_council(statements, "E1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    assert await number_of_councils(any_database) == 0


async def test_a_short_read_sees_one_state_whatever_is_written_meanwhile(any_database: Database) -> None:
    counted = select(func.count()).select_from(councils)
    async with any_database.short_read() as reading:
        before = (await reading.execute(counted)).scalar_one()
        async with any_database.short_write() as writing:
            await add_council(writing, "E1")
        assert (await reading.execute(counted)).scalar_one() == before


async def test_a_lock_that_another_program_holds_is_waited_for_while_other_tasks_go_on(database: Database) -> None:
    other = sqlite3.connect(str(Path(make_url(database.description).database or "")), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.short_write() as statements:
            await add_council(statements, "E1")

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    await writing
    assert await number_of_councils(database) == 1


async def test_a_write_that_is_cancelled_while_it_is_committed_leaves_a_database_that_can_be_written(
    database: Database,
) -> None:
    reached = asyncio.Event()

    async def write() -> None:
        async with database.short_write() as statements:
            await add_council(statements, "E1")
            reached.set()

    writing = asyncio.create_task(write())
    await reached.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with database.short_write() as statements:
        await add_council(statements, "E2")
