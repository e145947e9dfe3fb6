from __future__ import annotations

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from tests.monitoring.city import City, make_city


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    return await make_city(database, keyring)


@pytest.fixture
async def any_city(any_database: Database, keyring: Keyring) -> City:
    """The city on SQLite and on PostgreSQL."""
    return await make_city(any_database, keyring)
