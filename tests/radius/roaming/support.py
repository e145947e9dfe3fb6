"""What the tests of roaming share: realms in the database, a server with settings for roaming."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import home_servers, realms
from foundation.settings import RoamingSettings, Settings
from radius.server import RadiusServer, running
from tests.radius.support import free_ports, insert, radius_settings
from tests.support.freeradius import SECRET as HOME_SECRET


async def add_realm(database: Database, council_id: int, name: str) -> int:
    """A realm; its number."""
    now = datetime.now(UTC)
    return await insert(database, realms, council_id=council_id, name=name, created_at=now, updated_at=now)


async def add_server(
    database: Database,
    keyring: Keyring,
    realm_id: int,
    port: int,
    *,
    accounting_port: int | None = None,
    priority: int = 1,
    secret: bytes = HOME_SECRET,
    **more: Any,
) -> int:
    """A home server on loopback; its number."""
    values = {"host": "127.0.0.1", "transport": "udp"} | more
    return await insert(
        database,
        home_servers,
        realm_id=realm_id,
        priority=priority,
        port=port,
        accounting_port=accounting_port,
        secret_encrypted=keyring.encrypt("nas secret", secret),
        created_at=datetime.now(UTC),
        **values,
    )


@asynccontextmanager
async def roaming_server(
    database: Database,
    keyring: Keyring,
    folder: Path,
    *,
    host: str = "127.0.0.1",
    ports: tuple[int, int] | None = None,
    **roaming: Any,
) -> AsyncIterator[RadiusServer]:
    """A running server of this process."""
    authentication_port, accounting_port = ports or tuple(free_ports(2))
    usual = {"operator_name": "wifi.coventry.example"}
    settings = Settings(
        data_directory=folder,
        radius=radius_settings(
            host=host,
            authentication_port=authentication_port,
            accounting_port=accounting_port,
            reject_delay_seconds=0,
        ),
        roaming=RoamingSettings(**(usual | roaming)),
    )
    async with running(Runtime(settings, database, keyring)) as server:
        yield server
