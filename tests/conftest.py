"""What all tests share: a database of either kind, a keyring, real peers, and the publishers' data where present."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foundation import migrations
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import councils
from tests.support.peers import Peers
from tools import free_ports
from tools.postgres import PostgresCluster

pytest_plugins = [
    "tests.support.commands",
    "tests.support.garbage",
    "tests.support.groups",
    "tests.support.matrix",
    "tests.support.passwords",
    "tests.support.statements",
    "tests.support.summary",
    "tests.support.templates",
]

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes goes first, so that the others end beside it and not before it."""
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring(bytes(range(32)))


@pytest.fixture
def peers(request: pytest.FixtureRequest) -> Peers:
    return Peers(request.node)


@pytest.fixture
def shared_data(request: pytest.FixtureRequest) -> Path | None:
    """The folder with the publishers' real files, or None; what uses them is told in the last lines of a run."""
    folder = Path(os.environ.get("CITYWIFI_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    present = folder.is_dir()
    request.node.user_properties.append(("data", "publishers' files" if present else "own cases only"))
    return folder if present else None


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on, neither UDP nor TCP, on loopback."""
    return free_ports.free_port()


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once a run; each test gets a copy."""
    file = tmp_path_factory.mktemp("template") / "migrated.sqlite3"

    async def migrate() -> None:
        database = Database(f"sqlite:///{file}")
        try:
            await migrations.upgrade(database)
        finally:
            await database.close()

    asyncio.run(migrate())
    return file


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL server of this run's own, stopped at the end."""
    with PostgresCluster.start() as cluster:
        yield cluster


@pytest.fixture
def sqlite_url(migrated_sqlite_file: Path, tmp_path: Path) -> str:
    """The address of a fresh migrated SQLite database."""
    file = tmp_path / "citywifi.sqlite3"
    shutil.copy(migrated_sqlite_file, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster, request: pytest.FixtureRequest) -> str:
    """The address of a fresh migrated PostgreSQL database."""
    request.node.user_properties.append(("peer", postgres_cluster.version))
    return postgres_cluster.create_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database_url(request: pytest.FixtureRequest) -> str:
    """Runs the test twice: on SQLite and on PostgreSQL."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
async def any_database(any_database_url: str) -> AsyncIterator[Database]:
    opened = Database(any_database_url)
    yield opened
    await opened.close()


async def insert_council(database: Database) -> int:
    """Coventry, as its only council."""
    async with database.write() as connection:
        row = councils.insert().values(code="E08000026", name="Coventry", created_at=datetime.now(UTC))
        return int((await connection.execute(row.returning(councils.c.id))).scalar_one())


@pytest.fixture
async def council_id(database: Database) -> int:
    """Coventry in `database`."""
    return await insert_council(database)
