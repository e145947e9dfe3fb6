from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from captive_portal.gateway_sessions.limits import limits_for
from captive_portal.gateways.base import AccessLimits, BrowserRedirect, Usage
from captive_portal.journey import Journey, State
from captive_portal.release import send_to_gateway
from captive_portal.storage import equipment, sessions
from captive_portal.storage.sessions import Source
from foundation.schema import policies, residents
from radius.authentication.outcome import RejectReason
from tests.captive_portal.conftest import City
from tests.captive_portal.storage.test_sessions import released

NOW = datetime.now(UTC)


async def add_policy(city: City, group_name: str = "", **limits: object) -> None:
    async with city.database.write() as connection:
        await connection.execute(
            policies.insert().values(
                council_id=city.council_id, group_name=group_name, scope=f"a scope {group_name}", created_at=NOW,
                updated_at=NOW, **limits,
            )
        )  # fmt: skip


async def ask(city: City, journey: Journey) -> AccessLimits | RejectReason:
    async with city.database.short_read() as connection:
        return await limits_for(connection, city.runtime, journey, NOW)


async def test_without_a_policy_the_settings_say(city: City) -> None:
    settings = city.runtime.settings.radius
    assert await ask(city, await released(city)) == AccessLimits(
        settings.session_timeout_seconds,
        None,
        settings.download_kilobits_per_second,
        settings.upload_kilobits_per_second,
    )


async def test_a_policy_of_the_residents_group_counts(city: City) -> None:
    await add_policy(city, session_seconds=3600)
    await add_policy(city, "staff", session_seconds=7200, download_kilobits_per_second=9)
    journey = await released(city)
    found = await ask(city, journey)
    assert isinstance(found, AccessLimits)
    assert found.seconds == 3600
    async with city.database.write() as connection:
        await connection.execute(residents.update().values(group_name="staff"))
    found = await ask(city, journey)
    assert isinstance(found, AccessLimits)
    assert (found.seconds, found.download_kilobits_per_second) == (7200, 9)


async def test_what_was_used_today_is_taken_off(city: City) -> None:
    await add_policy(city, daily_octets=1_000_000)
    journey = await released(city)
    async with city.database.write() as connection:
        await sessions.begin(connection, city.runtime.keyring, sessions.owner_of(journey, Source.API), NOW)
        [session] = await sessions.open_of_gateway(connection, city.nas_id, 1)
        await sessions.update(connection, session, NOW, Usage(100_000, 300_000))
    found = await ask(city, journey)
    assert isinstance(found, AccessLimits)
    assert found.octets == 600_000


async def test_a_right_that_ends_soon_shortens_the_session(city: City) -> None:
    journey = await released(city)
    details = replace(journey.details, access_until=NOW + timedelta(minutes=10))
    found = await ask(city, replace(journey, details=details))
    assert isinstance(found, AccessLimits)
    assert found.seconds == 600


async def test_where_the_policy_lets_nobody_on_the_controller_is_not_asked(city: City) -> None:
    await add_policy(city, daily_octets=1)
    journey = await released(city)
    async with city.database.write() as connection:
        await sessions.begin(connection, city.runtime.keyring, sessions.owner_of(journey, Source.API), NOW)
        [session] = await sessions.open_of_gateway(connection, city.nas_id, 1)
        await sessions.update(connection, session, NOW, Usage(1, 1))
    assert await ask(city, journey) is RejectReason.DAILY_DATA_USED_UP
    handed_over = replace(journey.details, driver="unifi", handed_over_at=NOW)
    async with city.database.write() as connection:
        row = (await connection.execute(select(*equipment.GATEWAY_COLUMNS))).one()
        gateway = equipment.gateway_of(city.runtime.keyring, row, "unifi", "http://portal.example")
        waiting = replace(journey, details=handed_over)
        after, action = await send_to_gateway(connection, city.runtime, waiting, gateway, NOW)
    assert after.state is State.FAILED
    assert action == BrowserRedirect(after.path("failed"))
