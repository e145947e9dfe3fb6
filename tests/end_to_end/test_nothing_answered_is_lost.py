"""Whatever is killed, away, full or torn under full load: each record that was answered is in the database, once.

Matched record by record. A record that was not answered is sent again, as equipment does, so that in the end each one
was answered; then the database must hold exactly what was reported.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from citywifi.replay.tally import SessionFigures, differences, stored_sessions
from foundation.database import Database
from foundation.privacy import Keyring
from tests.end_to_end.installation import Installation
from tests.end_to_end.load import Load, load_on, missing
from tests.radius.support import build_city
from tests.support.disk import Disk, mounted
from tools.free_ports import free_ports
from tools.postgres import PostgresCluster

# CITYWIFI_TEST_OUTAGE_SECONDS=120 plays the outage of issue and operators' nightmares in full length.
OUTAGE_SECONDS = float(os.environ.get("CITYWIFI_TEST_OUTAGE_SECONDS", "6"))
AGREES_WITHIN_SECONDS = 60 + 2 * OUTAGE_SECONDS
# In an outage everything goes to the journal; a pause keeps what must be delivered afterwards within reason.
PAUSE_SECONDS = 0.05
WORKER = "radius-accounting-1"
NO_DISK = "a disk of a test's own needs root and mount"
_FULL_MEGABYTES = 2
_FULL_OCTETS = 256 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180 + 4 * OUTAGE_SECONDS)]


@dataclass
class MortalPostgres:
    """A PostgreSQL that these tests may kill; on a disk that can be full, where there can be one."""

    cluster: PostgresCluster
    disk: Disk | None


@pytest.fixture(scope="module")
def mortal_postgres() -> Iterator[MortalPostgres]:
    with mounted(400) as disk, PostgresCluster.start(disk=disk.folder if disk else None) as cluster:
        yield MortalPostgres(cluster, disk)


@dataclass
class City:
    """An installation of which RADIUS runs, under load."""

    installation: Installation
    database_url: str
    load: Load
    # Which of its processes alone.
    only: tuple[str, ...]

    async def kill_worker(self, worker: str) -> None:
        """kill -9 of one process of RADIUS."""
        await asyncio.to_thread(self.installation.kill_worker, "radius", worker)

    async def kill(self) -> None:
        """kill -9 of RADIUS, all of it."""
        await asyncio.to_thread(self.installation.kill, "radius")

    async def start(self) -> None:
        """RADIUS serves again."""
        await asyncio.to_thread(self.installation.start, "radius", *self.only)

    @property
    def journals(self) -> list[Path]:
        """What workers keep beside the database."""
        return sorted(self.installation.settings.journal_directory.glob("*.journal"))

    async def agrees(self) -> None:
        """Everything that was reported was answered, and is stored as it was reported, each session once."""
        await self.load.finish(AGREES_WITHIN_SECONDS)
        deadline = time.monotonic() + AGREES_WITHIN_SECONDS
        while found := differences(self.load.tally.sessions, await self.stored()):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.3)
        assert missing(self.load.records, await self.stored()) == []

    async def stored(self) -> dict[str, SessionFigures]:
        """What the database holds."""
        database = Database(self.database_url)
        try:
            return await stored_sessions(database, self.load.run)
        finally:
            await database.close()


@asynccontextmanager
async def city_on(
    database_url: str, folder: Path, pause_seconds: float = 0.0, *, accounting_workers: int = 0
) -> AsyncIterator[City]:
    """RADIUS under load from eight gateways: the whole service with so many workers, or one for accounting alone."""
    keyring = Keyring.create(folder / "citywifi.key")
    database = Database(database_url)
    try:
        await build_city(database, keyring, networks=["127.0.0.0/8"])
    finally:
        await database.close()
    ports = free_ports(2)
    (folder / "metrics").mkdir()
    installation = Installation.of(
        {
            "CITYWIFI_DATABASE_URL": database_url,
            "CITYWIFI_DATA_DIRECTORY": str(folder),
            "CITYWIFI_KEY_FILE": str(folder / "citywifi.key"),
            "CITYWIFI_SETTINGS_FILE": str(folder / "none.toml"),
            "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(ports[0]),
            "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(ports[1]),
            "CITYWIFI_RADIUS__ACCOUNTING_WORKERS": str(accounting_workers or 1),
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
        }
    )
    only = () if accounting_workers else ("--worker", WORKER)
    await asyncio.to_thread(installation.start, "radius", *only)
    try:
        async with load_on(ports[1], pause_seconds=pause_seconds) as load:
            yield City(installation, database_url, load, only)
    finally:
        await asyncio.to_thread(installation.stop)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Fresh and migrated, of either kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    return postgres_url(request)


def postgres_url(request: pytest.FixtureRequest) -> str:
    """A fresh database of the PostgreSQL that may be killed."""
    mortal: MortalPostgres = request.getfixturevalue("mortal_postgres")
    request.node.user_properties.append(("peer", mortal.cluster.version))
    return mortal.cluster.create_database()


@pytest.fixture
def mortal_url(request: pytest.FixtureRequest) -> str:
    """The same, by a name for tests that kill it."""
    return postgres_url(request)


@pytest.fixture
def postgres(mortal_postgres: MortalPostgres) -> Iterator[PostgresCluster]:
    """The PostgreSQL that may be killed; whatever a test left of it, it runs again for the next one."""
    yield mortal_postgres.cluster
    if not mortal_postgres.cluster.is_running:
        mortal_postgres.cluster.begin()


async def test_kill_9_of_a_worker_and_then_of_the_whole_service(database_url: str, tmp_path: Path) -> None:
    workers = 1 if database_url.startswith("sqlite") else 2
    async with city_on(database_url, tmp_path, accounting_workers=workers) as city:
        await city.load.until_answered(500)
        await city.kill_worker(WORKER)
        await city.load.until_answered(1000)
        await city.kill()
        answered = [*city.load.records]
        assert missing(answered, await city.stored()) == []
        await city.start()
        await city.load.until_answered(300)
        await city.agrees()


async def test_kill_9_of_postgresql_and_of_one_of_its_processes(
    mortal_url: str, postgres: PostgresCluster, tmp_path: Path
) -> None:
    async with city_on(mortal_url, tmp_path, PAUSE_SECONDS) as city:
        await city.load.until_answered(300)
        # One process that dies takes all connections with it: PostgreSQL trusts its shared memory no more.
        os.kill(postgres.processes()[-1], 9)
        await city.load.until_answered(300)
        await asyncio.to_thread(postgres.kill)
        await city.load.until_answered(300)
        await asyncio.sleep(OUTAGE_SECONDS)
        await asyncio.to_thread(postgres.begin)
        await city.load.until_answered(300)
        await city.agrees()


async def test_sqlite_is_locked_by_somebody_else_for_a_while(sqlite_url: str, tmp_path: Path) -> None:
    async with city_on(sqlite_url, tmp_path, PAUSE_SECONDS) as city:
        await city.load.until_answered(300)
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(OUTAGE_SECONDS)
            connection.execute("ROLLBACK")
        await city.load.until_answered(300)
        await city.agrees()


async def test_the_disk_of_postgresql_is_full(
    mortal_url: str, postgres: PostgresCluster, mortal_postgres: MortalPostgres, tmp_path: Path
) -> None:
    disk = mortal_postgres.disk
    if disk is None:
        pytest.skip(NO_DISK)
    async with city_on(mortal_url, tmp_path, PAUSE_SECONDS / 5) as city:
        await city.load.until_answered(300)
        disk.fill(leave_octets=64 * 1024)
        try:
            await city.load.until_answered(3000)
        finally:
            disk.make_room()
        # Without room for its log PostgreSQL ends itself.
        if not postgres.is_running:
            await asyncio.to_thread(postgres.begin)
        await city.agrees()


async def test_the_disk_of_sqlite_is_full(migrated_sqlite_file: Path, tmp_path: Path) -> None:
    with mounted(64) as disk:
        if disk is None:
            pytest.skip(NO_DISK)
        shutil.copy(migrated_sqlite_file, disk.folder / "citywifi.sqlite3")
        async with city_on(f"sqlite:///{disk.folder}/citywifi.sqlite3", tmp_path, PAUSE_SECONDS / 5) as city:
            await city.load.until_answered(300)
            disk.fill(leave_octets=64 * 1024)
            await city.load.until_answered(3000)
            disk.make_room()
            await city.agrees()


async def test_the_database_is_gone_and_the_journal_has_no_more_room(
    mortal_url: str, postgres: PostgresCluster, tmp_path: Path
) -> None:
    (tmp_path / "journal").mkdir(mode=0o700)
    with mounted(_FULL_MEGABYTES, tmp_path / "journal") as disk:
        if disk is None:
            pytest.skip(NO_DISK)
        async with city_on(mortal_url, tmp_path) as city:
            await city.load.until_answered(300)
            await asyncio.to_thread(postgres.kill)
            # What finds no room is not answered.
            while disk.free_octets > _FULL_OCTETS:  # noqa: ASYNC110  the kernel tells nobody
                await asyncio.sleep(0.05)
            await city.load.until_silent(1)
            await asyncio.to_thread(postgres.begin)
            await city.load.until_answered(300)
            await city.agrees()


async def test_the_journal_is_torn_when_the_service_is_killed(
    mortal_url: str, postgres: PostgresCluster, tmp_path: Path
) -> None:
    async with city_on(mortal_url, tmp_path) as city:
        await city.load.until_answered(300)
        await asyncio.to_thread(postgres.kill)
        await city.load.until_answered(500)
        await city.kill()
        assert city.journals
        for journal in city.journals:
            tear(journal)
        await asyncio.to_thread(postgres.begin)
        await city.start()
        await city.load.until_answered(300)
        await city.agrees()


def tear(journal: Path) -> None:
    """Behind what was flushed stands half of what was being written: the beginning of a frame, then anything."""
    log = journal.with_name(f"{journal.name}-wal")
    written = log.read_bytes()
    with log.open("ab") as file:
        file.write(written[32:1500] + os.urandom(2000))
