"""A city, and a server that runs on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from radius.server import RadiusServer
from tests.radius.support import (
    City,
    add_credential,
    build_city,
    server_on,
)


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    made = await build_city(database, keyring)
    await add_credential(database, keyring, made, "demo", "demo")
    return made


@pytest.fixture
async def server(database: Database, keyring: Keyring, city: City, tmp_path: Path) -> AsyncIterator[RadiusServer]:
    async with server_on(database, keyring, tmp_path) as running_server:
        yield running_server
