"""The schema's history (Alembic): bring a database to the newest version, or tell how far it is behind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from foundation.database import Database


@dataclass(frozen=True, slots=True)
class MigrationState:
    """Where a database's schema is; None means that it is empty."""

    current: str | None
    newest: str | None

    @property
    def is_newest(self) -> bool:
        return self.current == self.newest


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to a version, usually the newest; does nothing when it is there."""
    async with database.write_schema() as connection:
        await connection.run_sync(_upgrade, revision)


async def state(database: Database) -> MigrationState:
    """Read the schema's version."""
    async with database.read() as connection:
        current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    return MigrationState(current, _newest())


@cache
def _newest() -> str | None:
    """Of this program: reading every migration takes a tenth of a second."""
    return ScriptDirectory.from_config(_configuration()).get_current_head()


def _upgrade(connection: Connection, revision: str) -> None:
    configuration = _configuration()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, revision)


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    return configuration
