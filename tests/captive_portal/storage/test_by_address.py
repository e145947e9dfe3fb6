"""What is asked of the database where a device's address decides, on both kinds of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update

from captive_portal.gateway_sessions.gateway_agent import SeenDevice
from captive_portal.storage import admissions, agent_devices, captivity, passes
from foundation.database import Database, Statements
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, devices, network_access_servers
from foundation.settings import PortalSettings, Settings
from tests.radius.support import DEVICE, City, build_city

KEY = "A" * 22
STRANGER = MacAddress.parse("00-00-5E-00-53-99")


async def test_a_visit_by_address_from_the_right_to_be_on_to_its_end(
    any_database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    city = await build_city(any_database, keyring)
    portal = PortalSettings(public_url="https://portal.example")
    runtime = Runtime(Settings(demo=True, data_directory=tmp_path, portal=portal), any_database, keyring)
    now = datetime.now(UTC)
    async with any_database.write() as connection:
        values = {"gateway_driver": "nftables", "arrival_key": KEY}
        await connection.execute(update(network_access_servers).values(**values))
        await admissions.put_off(connection, city.device_id)
        until = (await connection.execute(select(devices.c.remembered_until))).scalar_one()
        assert until is None
        await admissions.let_on(connection, city.device_id, now + timedelta(hours=4))
        # A shorter right takes nothing of a longer one.
        await admissions.let_on(connection, city.device_id, now + timedelta(hours=1))
        known = await captivity.gateway_by_key(connection, runtime, KEY)
        assert known is not None
        assert known == await captivity.gateway_by_number(connection, runtime, city.nas_id)
        gateway, pseudonym = known.gateway, keyring.device_pseudonym(city.council_id, DEVICE)
        assert await captivity.open_session(connection, runtime, gateway, pseudonym, now) is None
        assert not await admissions.was_let_on(connection, keyring, city.council_id, city.nas_id, DEVICE, now)

        await captivity.lock_gateway(connection, city.nas_id)
        seen = (SeenDevice(DEVICE, "10.0.0.2", is_on=True), SeenDevice(STRANGER, "10.0.0.3", is_on=False))
        found = await agent_devices.look(connection, runtime, gateway, seen, now)
        assert set(found.allowed) == {DEVICE}
        assert 3600 < found.allowed[DEVICE] <= 4 * 3600
        await agent_devices.store(connection, runtime, gateway, found, now)
        session = await captivity.open_session(connection, runtime, gateway, pseudonym, now)
        assert session is not None
        assert session.started_at == now
        number = await admissions.open_session_id(connection, city.nas_id, city.device_id)
        assert number is not None

        assert await _is_proven(connection, city, heard_since=now)
        assert not await _is_proven(connection, city, heard_since=now + timedelta(days=1))

        found = await agent_devices.look(connection, runtime, gateway, (), now)
        await agent_devices.store(connection, runtime, gateway, found, now)
        [stopped] = (await connection.execute(select(accounting_sessions.c.stopped_at))).scalars()
        assert stopped == now


async def _is_proven(connection: Statements, city: City, *, heard_since: datetime) -> bool:
    """By nothing but that the session was heard of since then."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    found = await passes.find_session(
        connection,
        nas_id=city.nas_id,
        device_id=city.device_id,
        user_name="none",
        since=tomorrow,
        heard_since=heard_since,
    )
    return found is not None
