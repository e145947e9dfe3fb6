"""What is asked of the database once the pages were opened, on both kinds of it: health, reports, carrying on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from aiohttp.web import Application
from sqlalchemy import select, update

from captive_portal.app import create_app
from citywifi.revocations import revoke_sponsor
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    access_points,
    accounting_restarts,
    accounting_sessions,
    devices,
    journeys,
    one_time_tokens,
    problem_reports,
    sponsored_devices,
    sponsors,
)
from foundation.settings import Settings
from tests.captive_portal.conftest import City, Client, Phone, build_city, get_online
from tests.conftest import insert_council


async def test_what_comes_after_is_the_same_on_both_databases(
    any_database: Database,
    keyring: Keyring,
    settings: Settings,
    aiohttp_client: Callable[[Application], Awaitable[Client]],
) -> None:
    city = await build_city(Runtime(settings, any_database, keyring), await insert_council(any_database))
    phone = Phone(await aiohttp_client(create_app(city.runtime)), city)
    await get_online(phone, city)
    journey = phone.path.rpartition("/")[0]
    await be_silent(city)
    for venue_id in (city.venue_id, None):
        async with any_database.write() as connection:
            await connection.execute(update(journeys).values(venue_id=venue_id))
        await phone.get(f"{journey}/check")
        assert "The WiFi here has just started again" in phone.text
    await phone.get(f"{journey}/report")
    await phone.submit(kind="slow", text="Upstairs")
    async with any_database.read() as connection:
        assert (await connection.execute(select(problem_reports.c.finding))).scalar_one() == "equipment-restarted"
    await phone.get(f"{journey}/carry-on")
    address = phone.text.partition('<p class="value" dir="ltr">')[2].partition("</p>")[0].replace("<wbr>", "")
    for _ in range(2):
        await phone.get(f"{journey}/carry-on")
    for _ in range(3):
        await phone.get("/go/" + address.partition("/go/")[2])
        assert phone.page == "online"
    await phone.get("/go/" + address.partition("/go/")[2])
    assert phone.status == 404
    await revoke(city)


async def be_silent(city: City) -> None:
    """Nothing was heard of equipment or device for an hour, but that the gateway started a minute ago."""
    now = datetime.now(UTC)
    hour_ago = now - timedelta(hours=1)
    async with city.database.write() as connection:
        await connection.execute(update(access_points).values(last_heard_at=hour_ago))
        await connection.execute(update(accounting_sessions).values(received_at=hour_ago))
        await connection.execute(
            accounting_restarts.insert().values(
                council_id=city.council_id, nas_id=city.nas_id, nas_identifier="central",
                restarted_at=now - timedelta(minutes=1),
            )
        )  # fmt: skip


async def revoke(city: City) -> None:
    """The device came by a sponsor, who is revoked; its chilli has no address for requests."""
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        device_id = (await connection.execute(select(devices.c.id))).scalar_one()
        values = {"way_in": "sponsor", "access_until": now + timedelta(days=1)}
        await connection.execute(update(devices).values(**values))
        sponsor = sponsors.insert().values(
            council_id=city.council_id, name="Hostel", code_pseudonym=bytes(16), group_name="hostels", most_devices=9,
            created_at=now, expires_at=now + timedelta(days=1),
        )  # fmt: skip
        sponsor_id = (await connection.execute(sponsor.returning(sponsors.c.id))).scalar_one()
        member = {"council_id": city.council_id, "sponsor_id": sponsor_id, "device_id": device_id, "joined_at": now}
        await connection.execute(sponsored_devices.insert().values(**member))
    revoked = await revoke_sponsor(city.runtime, "Hostel", None)
    assert (revoked.devices, revoked.ended, revoked.not_ended.total()) == (1, 0, 1)
    async with city.database.read() as connection:
        until = (await connection.execute(select(one_time_tokens.c.expires_at))).scalar_one()
    assert until <= datetime.now(UTC)
