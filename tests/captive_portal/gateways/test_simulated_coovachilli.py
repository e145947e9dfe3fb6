"""A whole visit at CoovaChilli, with a real RADIUS server between the gateway and the portal's proof."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions
from tests.captive_portal.simulated.coovachilli import SimulatedChilli
from tests.captive_portal.simulated.place import open_place


async def test_a_phone_gets_online_looks_at_its_time_and_logs_out(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    async with open_place(SimulatedChilli(), database, keyring, tmp_path) as place:
        phone = place.browser("apple_cna")
        await phone.be_intercepted()
        await phone.click_through()
        assert await phone.probe()
        await phone.look_at_journey()
        assert phone.place == "online"

        await place.gateway.report_usage(phone.device, input_octets=1_000_000, output_octets=41_300_000)
        await phone.follow("/status")
        assert "42.3 MB" in phone.text
        await phone.submit()
        assert phone.place == "ended"
        assert not await phone.probe()

        async with database.read() as connection:
            [session] = (await connection.execute(select(accounting_sessions))).all()
        assert session.stopped_at is not None
        assert session.terminate_cause == 1
