"""Writers of a SQLite file take turns, among tasks, threads and processes, and none is forgotten."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from foundation.database import Database
from foundation.schema import councils
from foundation.write_turn import WriteTurn
from tests.conftest import insert_council

OTHER_PROCESS = """
import sys
from pathlib import Path
from foundation.write_turn import WriteTurn
with WriteTurn(Path(sys.argv[1])).taken_by_thread():
    print("mine", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "database.sqlite3"


@pytest.fixture
def turn(file: Path) -> Iterator[WriteTurn]:
    opened = WriteTurn(file)
    yield opened
    opened.close()


async def test_tasks_and_threads_never_write_at_once(file: Path, turn: WriteTurn) -> None:
    other = WriteTurn(file)
    writing, most = 0, 0

    async def by_task() -> None:
        nonlocal writing, most
        async with turn.taken_by_task():
            writing += 1
            most = max(most, writing)
            await asyncio.sleep(0.001)
            writing -= 1

    def by_thread() -> None:
        nonlocal writing, most
        with other.taken_by_thread():
            writing += 1
            most = max(most, writing)
            writing -= 1

    async def many_threads() -> None:
        for _ in range(20):
            await asyncio.to_thread(by_thread)

    await asyncio.gather(many_threads(), *(by_task() for _ in range(20)))
    other.close()
    assert most == 1


async def test_a_process_that_is_killed_gives_its_turn_back(file: Path, turn: WriteTurn) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER_PROCESS, str(file),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"mine\n"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), turn.taken_by_task():
            pytest.fail("two had the turn")
    process.kill()
    await process.communicate()
    async with asyncio.timeout(5), turn.taken_by_task():
        pass


async def test_who_stops_waiting_leaves_the_turn_to_others(file: Path, turn: WriteTurn) -> None:
    holder = WriteTurn(file)

    async def write() -> None:
        async with turn.taken_by_task():
            pass

    async with holder.taken_by_task():
        waiting = asyncio.create_task(write())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5):
        await write()
        async with holder.taken_by_task():
            pass
    holder.close()


async def test_every_one_of_many_writers_gets_through(sqlite_url: str) -> None:
    databases = [Database(sqlite_url) for _ in range(3)]
    await insert_council(databases[0])

    async def add(database: Database, number: int) -> None:
        async with database.write() as connection:
            found = (await connection.execute(select(func.count()).select_from(councils))).scalar_one()
            created = (await connection.execute(select(councils.c.created_at))).scalars().first()
            code = f"E{number:08}"
            await connection.execute(councils.insert().values(code=code, name=str(found), created_at=created))

    await asyncio.gather(*(add(databases[number % 3], number) for number in range(60)))
    async with databases[0].read() as connection:
        names = set((await connection.execute(select(councils.c.name))).scalars())
    for database in databases:
        await database.close()
    # Each saw all that were written before it: no two transactions overlapped.
    assert names == {"Coventry", *(str(number) for number in range(1, 61))}


async def test_a_writer_that_fails_leaves_nothing_behind(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(councils.insert().values(code="E1", name="", created_at=func.current_timestamp()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with asyncio.timeout(5), database.write() as connection:
        assert (await connection.execute(select(func.count()).select_from(councils))).scalar_one() == 0
    await database.close()
