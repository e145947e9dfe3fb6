from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from citywifi.commands.database import prepare_installation
from citywifi.errors import CommandError
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import open_runtime
from foundation.schema import installation
from foundation.settings import Settings


async def test_preparing_twice_makes_one_database_and_one_key(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    assert "new database" in await prepare_installation(settings)
    fingerprint = Keyring.load(settings.resolved_key_file).fingerprint
    assert "up to date" in await prepare_installation(settings)
    assert Keyring.load(settings.resolved_key_file).fingerprint == fingerprint
    async with open_runtime(settings) as runtime, runtime.database.read() as connection:
        rows = (await connection.execute(select(installation))).all()
    assert [(row.name, row.value) for row in rows] == [("key_fingerprint", fingerprint)]


async def test_the_demo_uses_no_key_file(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path, demo=True)
    await prepare_installation(settings)
    assert not settings.resolved_key_file.exists()
    async with open_runtime(settings) as runtime:
        assert runtime.keyring.is_demo


@pytest.mark.parametrize("demo_first", [True, False])
async def test_demo_and_real_installation_never_mix(tmp_path: Path, demo_first: bool) -> None:
    await prepare_installation(Settings(data_directory=tmp_path, demo=demo_first))
    with pytest.raises(CommandError, match="CITYWIFI_DATABASE_URL"):
        await prepare_installation(Settings(data_directory=tmp_path, demo=not demo_first))


async def test_a_lost_key_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    await prepare_installation(settings)
    settings.resolved_key_file.unlink()
    with pytest.raises(CommandError, match="backup"):
        await prepare_installation(settings)
    assert not settings.resolved_key_file.exists()


async def test_it_works_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(data_directory=tmp_path, database_url=SecretStr(postgres_url))
    await prepare_installation(settings)
    database = Database(postgres_url)
    async with database.read() as connection:
        assert (await connection.execute(select(installation.c.name))).scalars().all() == ["key_fingerprint"]
    await database.close()
