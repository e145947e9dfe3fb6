"""Certificates, and a server that takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from radius.server import RadiusServer
from tests.radius.support import City
from tests.radius.transport.support import (
    Certificates,
    Peer,
    add_equipment,
    client_context,
    connected,
    radsec_server,
)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "certificates")


@pytest.fixture
async def nas_id(database: Database, keyring: Keyring, city: City) -> int:
    """Equipment that speaks RadSec."""
    return await add_equipment(database, keyring, city)


@pytest.fixture
async def radsec(
    database: Database, keyring: Keyring, nas_id: int, certificates: Certificates, tmp_path: Path
) -> AsyncIterator[RadiusServer]:
    async with radsec_server(database, keyring, tmp_path) as server:
        yield server


@pytest.fixture
async def peer(radsec: RadiusServer, certificates: Certificates) -> AsyncIterator[Peer]:
    async with connected(radsec, client_context(certificates, certificates.equipment())) as connected_peer:
        yield connected_peer
