"""A real radclient is told what a policy says, and where a quarantined device goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.schema import network_access_servers
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.policies.rows import add_policy, remove_policies
from tests.radius.support import ACCESS_POINT, DEVICE, SECRET, City
from tests.support.peers import Peers

STRANGER = "02-00-5E-00-53-99"
Ask = Callable[..., Awaitable[str]]

pytestmark = pytest.mark.peer("radclient")


@pytest.fixture
def ask(peers: Peers, server: RadiusServer) -> Ask:
    program = peers.require("radclient")

    async def by_address(address: str, network: str = "CityWiFi") -> str:
        """radclient's output for a MAC authentication."""
        host, number = server.transports[Port.AUTHENTICATION].address
        process = await asyncio.create_subprocess_exec(
            program, "-x", "-t", "2", "-r", "2", f"{host}:{number}", "auth", SECRET.decode(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        values = {
            "User-Name": address,
            "User-Password": address,
            "Calling-Station-Id": address,
            "Called-Station-Id": f"{ACCESS_POINT}:{network}",
            "Message-Authenticator": "0x00",
        }
        lines = [f'{name} = "{value}"' if value != "0x00" else f"{name} = {value}" for name, value in values.items()]
        output, _ = await process.communicate("\n".join(lines).encode() + b"\n")
        return output.decode()

    return by_address


async def set_equipment(database: Database, server: RadiusServer, **values: object) -> None:
    async with database.write() as connection:
        await connection.execute(update(network_access_servers).values(updated_at=datetime.now(UTC), **values))
    await server.equipment.refresh()


async def test_a_venues_policy_is_in_force_within_a_second_and_until_it_is_removed(
    database: Database, server: RadiusServer, city: City, ask: Ask
) -> None:
    assert "Session-Timeout = 14400" in await ask(str(DEVICE))
    limits = {"session_seconds": 1234, "download_kilobits_per_second": 8000, "upload_kilobits_per_second": 1000}
    await add_policy(database, city, venue_id=city.venue_id, filter_name="guests", daily_octets=5 * 2**32, **limits)
    # The server polls by itself.
    await asyncio.sleep(1.2)
    told = await ask(str(DEVICE))
    assert "Received Access-Accept" in told
    for line in (
        "Session-Timeout = 1234",
        "WISPr-Bandwidth-Max-Down = 8000000",
        "WISPr-Bandwidth-Max-Up = 1000000",
        "ChilliSpot-Bandwidth-Max-Down = 8000",
        "ChilliSpot-Bandwidth-Max-Up = 1000",
        "ChilliSpot-Max-Total-Octets = 0",
        'Filter-Id = "guests"',
    ):
        assert line in told
    await remove_policies(database)
    await server.policies.refresh()
    assert "Session-Timeout = 14400" in await ask(str(DEVICE))


async def test_a_networks_vlan_is_told_in_rfc_3580s_attributes(
    database: Database, server: RadiusServer, city: City, ask: Ask
) -> None:
    await set_equipment(database, server, vendor="hostapd")
    await add_policy(database, city, network_name="Secure", vlan=20)
    await server.policies.refresh()
    assert "Tunnel-" not in await ask(str(DEVICE))
    told = await ask(str(DEVICE), "Secure")
    assert "Tunnel-Type:0 = VLAN" in told
    assert "Tunnel-Medium-Type:0 = IEEE-802" in told
    assert 'Tunnel-Private-Group-Id:0 = "20"' in told


async def test_a_device_that_nobody_registered_goes_into_the_quarantine_vlan(
    database: Database, server: RadiusServer, city: City, ask: Ask
) -> None:
    assert "Received Access-Reject" in await ask(STRANGER)
    await set_equipment(database, server, vendor="hostapd", unknown_devices="quarantine", quarantine_vlan=99)
    told = await ask(STRANGER)
    assert "Received Access-Accept" in told
    assert 'Tunnel-Private-Group-Id:0 = "99"' in told
    assert "Session-Timeout = 600" in told
    assert "Termination-Action = RADIUS-Request" in told
    assert "WISPr" not in told
    # Registered, and the same device is free.
    assert "Tunnel-" not in await ask(str(DEVICE))


async def test_a_cisco_controller_is_told_where_to_redirect_a_device_that_nobody_registered(
    database: Database, server: RadiusServer, ask: Ask
) -> None:
    address = {"quarantine_url": "https://wifi.example.org/arrive/cisco", "quarantine_role": "REDIRECT"}
    await set_equipment(database, server, vendor="cisco", unknown_devices="quarantine", **address)
    told = await ask(STRANGER)
    assert 'Cisco-AVPair = "url-redirect-acl=REDIRECT"' in told
    assert 'Cisco-AVPair = "url-redirect=https://wifi.example.org/arrive/cisco?"' in told
