"""PostgreSQL is gone, or hangs: people go on logging in, accounting is answered, and afterwards nothing is missing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, authentications
from radius.packet import Code
from radius.server import RadiusServer
from radius.service import Port
from radius.storage import metrics as storage_metrics
from radius.storage.journals import read_waiting
from tests.radius.support import (
    ACCESS_POINT,
    DEVICE,
    City,
    Client,
    access_request,
    accounting_request,
    build_city,
    rows,
    server_on,
)
from tools.postgres import PostgresCluster

SESSIONS = 40
# Equipment asks again after three to five seconds.
FIRST_ANSWER_SECONDS = 3.0
ANSWER_SECONDS = 1.0
BACK_SECONDS = 20


@dataclass
class Scene:
    """A server on a database of the cluster."""

    cluster: PostgresCluster
    name: str
    database: Database
    server: RadiusServer
    city: City
    journal: Path

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Every connection is ended and no new one let in while the block runs."""
        try:
            self.cluster.execute(
                f"UPDATE pg_database SET datallowconn = false WHERE datname = '{self.name}';"
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}';"
            )
            yield
        finally:
            self.cluster.execute(f"UPDATE pg_database SET datallowconn = true WHERE datname = '{self.name}'")

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Nothing of PostgreSQL runs while the block does: connections stay open and are silent."""
        processes = [self.cluster.process_id, *self.cluster.processes()]
        try:
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    async def delivered(self) -> None:
        """Return when nothing waits any more."""
        await until(lambda: not any(self.journal.iterdir()))


@pytest.fixture
async def scene(
    postgres_cluster: PostgresCluster, postgres_url: str, keyring: Keyring, tmp_path: Path
) -> AsyncIterator[Scene]:
    database = Database(postgres_url)
    city = await build_city(database, keyring)
    async with server_on(database, keyring, tmp_path) as server:
        name = postgres_url.rpartition("/")[2]
        # Who is known counts from when changes are told.
        await until(lambda: server.directory.cache.is_current)
        yield Scene(postgres_cluster, name, database, server, city, tmp_path / "journal")
    await database.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BACK_SECONDS):
        while not condition():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.02)


class Equipment:
    """Plays sessions, and remembers how long each answer took."""

    def __init__(self, server: RadiusServer) -> None:
        self._server = server
        self.seconds: list[float] = []
        self.answered: dict[str, int] = {}

    async def play(self, *names: str, steps: range = range(3)) -> None:
        """Start, Interim-Update and Stop of each, one after another; the sessions side by side."""
        await asyncio.gather(*[self._session(name, steps) for name in names])

    async def _session(self, name: str, steps: range) -> None:
        with Client(self._server, Port.ACCOUNTING) as client:
            for step in steps:
                started = time.perf_counter()
                reply = await client.ask(
                    accounting_request(
                        {
                            "Acct-Session-Id": name,
                            "Acct-Status-Type": ("Start", "Interim-Update", "Stop")[step],
                            "Acct-Session-Time": step * 10,
                            "Acct-Output-Octets": step * 1000,
                        },
                        identifier=step,
                    )
                )
                assert reply.code is Code.ACCOUNTING_RESPONSE
                self.seconds.append(time.perf_counter() - started)
                self.answered[name] = step

    async def check(self, database: Database) -> None:
        """Each session that was answered is there once and says what its last answered record said."""
        stored = await rows(database, accounting_sessions)
        assert sorted(row.acct_session_id for row in stored) == sorted(self.answered)
        for row in stored:
            step = self.answered[row.acct_session_id]
            assert (row.session_seconds, row.output_octets) == (step * 10, step * 1000)
            assert (row.ended_by == "stop") == (step == 2)


@asynccontextmanager
async def phone(server: RadiusServer) -> AsyncIterator[Callable[[], Any]]:
    """Logs in by MAC authentication; gives the code of the answer."""
    identifier = 0
    with Client(server, Port.AUTHENTICATION) as client:

        async def log_in() -> Code:
            nonlocal identifier
            identifier += 1
            address = str(DEVICE)
            request = {
                "User-Name": address,
                "User-Password": address,
                "Calling-Station-Id": address,
                "Called-Station-Id": f"{ACCESS_POINT}:CityWiFi",
            }
            return (await client.ask(access_request(request, identifier=identifier))).code

        yield log_in


def names(label: str) -> list[str]:
    return [f"{label} {number}" for number in range(SESSIONS)]


async def test_accounting_goes_on_while_the_database_is_gone_and_is_complete_when_it_is_back(scene: Scene) -> None:
    equipment = Equipment(scene.server)
    await equipment.play(*names("before"))
    await equipment.play(*names("across"), steps=range(1))
    equipment.seconds.clear()
    with scene.gone():
        await equipment.play(*names("across"), steps=range(1, 2))
        assert max(equipment.seconds) < FIRST_ANSWER_SECONDS
        equipment.seconds.clear()
        await equipment.play(*names("gone"))
        assert max(equipment.seconds) < ANSWER_SECONDS
        waiting = read_waiting(scene.journal)
        assert waiting.records == 4 * SESSIONS
        assert waiting.oldest_at is not None
        assert storage_metrics.storage_away.labels("accounting")._value.get() == 1
    await equipment.play(*names("across"), steps=range(2, 3))
    await equipment.play(*names("after"))
    await scene.delivered()
    # It is told a moment after the last journal is gone.
    await until(lambda: storage_metrics.storage_away.labels("accounting")._value.get() == 0)
    await equipment.check(scene.database)
    assert len(equipment.answered) == 4 * SESSIONS


async def test_a_database_that_hangs_is_waited_for_once_and_only_for_a_moment(scene: Scene) -> None:
    equipment = Equipment(scene.server)
    await equipment.play(*names("before"))
    equipment.seconds.clear()
    with scene.hanging():
        await equipment.play("first", steps=range(1))
        assert max(equipment.seconds) < FIRST_ANSWER_SECONDS
        equipment.seconds.clear()
        await equipment.play(*names("hanging"))
        assert max(equipment.seconds) < ANSWER_SECONDS
    await equipment.play(*names("after"))
    await scene.delivered()
    await equipment.check(scene.database)


async def test_known_residents_log_in_while_the_database_is_gone_and_each_login_is_logged_once(scene: Scene) -> None:
    async with phone(scene.server) as log_in:
        assert await log_in() is Code.ACCESS_ACCEPT
        with scene.gone():
            assert [await log_in() for _ in range(5)] == [Code.ACCESS_ACCEPT] * 5
            assert read_waiting(scene.journal).records == 5
        await scene.delivered()
        assert await log_in() is Code.ACCESS_ACCEPT
    lines = await rows(scene.database, authentications)
    assert [line.accepted for line in lines] == [True] * 7
    assert len({line.at for line in lines}) == 7


async def test_known_residents_log_in_while_the_database_hangs(scene: Scene) -> None:
    async with phone(scene.server) as log_in:
        await log_in()
        seconds = []
        with scene.hanging():
            for _ in range(4):
                started = time.perf_counter()
                assert await log_in() is Code.ACCESS_ACCEPT
                seconds.append(time.perf_counter() - started)
    assert seconds[0] < FIRST_ANSWER_SECONDS
    assert max(seconds[1:]) < ANSWER_SECONDS
    await scene.delivered()
    assert len(await rows(scene.database, authentications)) == 5
