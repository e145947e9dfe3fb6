"""Every process hears of changes of those who may connect, and knows when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, delete, insert, select, text, update

from foundation import changes
from foundation.changes import follow_directory
from foundation.database import Database
from foundation.schema import councils, credentials, devices, directory_changes, residents

MOMENT = datetime(2026, 11, 22, 8, tzinfo=UTC)
COUNCIL, RESIDENT, DEVICE, CREDENTIAL = 1001, 1002, 1003, 1004


class Heard:
    """What a follower was told."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int]] = []
        self.states: list[str] = []
        self._news = asyncio.Event()

    def changed(self, kind: str, row_id: int) -> None:
        self.rows.append((kind, row_id))
        self._news.set()

    def unsure(self) -> None:
        self._note("unsure")

    def sure(self, *, nothing_missed: bool) -> None:
        self._note("sure" if nothing_missed else "anew")

    def _note(self, state: str) -> None:
        if self.states[-1:] != [state]:
            self.states.append(state)
            self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def following(database: Database) -> AsyncIterator[Heard]:
    heard = Heard()
    task = asyncio.create_task(follow_directory(database, heard))
    try:
        await heard.until(lambda: heard.states[:1] == ["anew"])
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def city(any_database: Database) -> Database:
    """A resident with a device and a credential."""
    rows: list[tuple[Table, dict[str, Any]]] = [
        (councils, {"id": COUNCIL, "code": "E1", "name": "One", "created_at": MOMENT}),
        (residents, {"id": RESIDENT, "contact_kind": "none", "registered_at": MOMENT, "last_seen_at": MOMENT}),
        (
            devices,
            {
                "id": DEVICE,
                "resident_id": RESIDENT,
                "mac_pseudonym": bytes(16),
                "randomised": False,
                "created_at": MOMENT,
                "last_seen_at": MOMENT,
            },
        ),
        (credentials, {"id": CREDENTIAL, "resident_id": RESIDENT, "user_name": "demo", "created_at": MOMENT}),
    ]
    async with any_database.write() as connection:
        for table, values in rows:
            council = {} if table is councils else {"council_id": COUNCIL}
            await connection.execute(insert(table).values(**values, **council))
    return any_database


async def write(database: Database, *statements: Any) -> None:
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (update(devices).values(remembered_until=MOMENT), [("device", DEVICE)]),
        (update(credentials).values(revoked_at=MOMENT), [("credential", CREDENTIAL)]),
        (update(credentials).values(nt_hash_encrypted=b"x"), [("credential", CREDENTIAL)]),
        (
            insert(credentials).values(id=9, council_id=COUNCIL, user_name="new", created_at=MOMENT),
            [("credential", 9)],
        ),
        (update(residents).values(group_name="staff"), [("resident", RESIDENT)]),
        (update(councils).values(code="E2"), [("council", COUNCIL)]),
        (delete(devices), [("device", DEVICE)]),
        (delete(credentials), [("credential", CREDENTIAL)]),
        (delete(residents), [("credential", CREDENTIAL), ("device", DEVICE), ("resident", RESIDENT)]),
    ],
    ids=["device", "revoked", "password", "new", "group", "council", "no device", "no credential", "resident with all"],
)
async def test_a_change_is_told_within_a_second(city: Database, statement: Any, told: list[tuple[str, int]]) -> None:
    async with following(city) as heard:
        async with asyncio.timeout(1):
            await write(city, statement)
            await heard.until(lambda: len(heard.rows) >= len(told))
        assert sorted(heard.rows) == told


async def test_who_is_seen_again_or_new_is_no_change(city: Database) -> None:
    later = MOMENT + timedelta(hours=1)
    async with following(city) as heard:
        await write(
            city,
            update(devices).values(last_seen_at=later, randomised=True),
            update(residents).values(last_seen_at=later, language="cy"),
            update(residents).values(group_name=residents.c.group_name),
            insert(councils).values(id=7, code="E7", name="Seven", created_at=MOMENT),
            update(councils).values(name="Other"),
        )
        await write(city, update(councils).where(councils.c.id == COUNCIL).values(code="E2"))
        await heard.until(lambda: bool(heard.rows))
        assert heard.rows == [("council", COUNCIL)]


async def test_what_is_rolled_back_is_not_told(city: Database) -> None:
    async def fail() -> None:
        async with city.write() as connection:
            await connection.execute(delete(devices))
            raise RuntimeError

    async with following(city) as heard:
        with pytest.raises(RuntimeError):
            await fail()
        await write(city, update(councils).values(code="E2"))
        await heard.until(lambda: bool(heard.rows))
        assert heard.rows == [("council", COUNCIL)]


async def test_on_sqlite_the_table_of_changes_stays_short(database: Database) -> None:
    rows = [{"kind": "device", "row_id": number} for number in range(10_050)]
    async with database.write() as connection:
        await connection.execute(insert(directory_changes), rows)
        kept = (await connection.execute(select(directory_changes.c.row_id))).scalars().all()
    assert sorted(kept) == list(range(50, 10_050))


async def test_on_sqlite_who_was_away_too_long_is_told_that_something_was_missed(database: Database) -> None:
    rows = [{"kind": "device", "row_id": number} for number in range(10_001)]
    await write(database, insert(directory_changes).values(kind="device", row_id=1))
    async with following(database) as heard:
        await heard.until(lambda: heard.states == ["anew", "sure"])
        await write(database, insert(directory_changes).values(rows[:400]))
        await heard.until(lambda: len(heard.rows) == 400)
        async with database.write() as connection:
            await connection.execute(insert(directory_changes), rows)
        await heard.until(lambda: heard.states[:3] == ["anew", "sure", "anew"])


async def test_on_sqlite_it_is_unsure_while_the_file_cannot_be_read(database: Database) -> None:
    async with following(database) as heard:
        await heard.until(lambda: heard.states == ["anew", "sure"])
        await write(database, text("ALTER TABLE directory_changes RENAME TO elsewhere"))
        await heard.until(lambda: heard.states[-1] == "unsure")
        await write(database, text("ALTER TABLE elsewhere RENAME TO directory_changes"))
        await heard.until(lambda: heard.states[-1] == "sure")
        assert heard.states == ["anew", "sure", "unsure", "sure"]


async def test_a_lost_connection_is_noticed_within_a_second_and_remade(postgres_url: str) -> None:
    database, killer = Database(postgres_url), Database(postgres_url)
    async with following(database) as heard:
        await heard.until(lambda: heard.states == ["anew", "sure"])
        async with asyncio.timeout(1.5):
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            await write(killer, text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
            await heard.until(lambda: heard.states[-1] == "unsure")
        await heard.until(lambda: heard.states[-1] == "sure")
        assert heard.states == ["anew", "sure", "unsure", "anew", "sure"]
    await database.close()
    await killer.close()


async def test_a_late_heartbeat_makes_unsure_but_nothing_is_missed(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LATE_SECONDS", 0.0)
    database = Database(postgres_url)
    heard = Heard()
    task = asyncio.create_task(follow_directory(database, heard))
    await heard.until(lambda: len(heard.states) >= 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert heard.states[:4] == ["unsure", "anew", "unsure", "sure"]
    await database.close()
