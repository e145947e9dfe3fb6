from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from captive_portal.gateways.base import Usage
from captive_portal.journey import Details, Journey, State
from captive_portal.release import find_proof
from captive_portal.storage import residents, sessions
from captive_portal.storage.sessions import EndedBy, Source, TerminateCause
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, devices, one_time_tokens
from foundation.settings import Settings
from monitoring.usage import roll_up
from radius.accounting.sessions import close_lost_sessions
from tests.captive_portal.conftest import City, build_city
from tests.conftest import insert_council

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def any_city(any_database: Database, keyring: Keyring, settings: Settings) -> City:
    return await build_city(Runtime(settings, any_database, keyring), await insert_council(any_database))


async def released(city: City, user_name: str = "t-one") -> Journey:
    """A journey that was sent to its gateway a moment ago."""
    async with city.database.write() as connection:
        new = residents.NewResident(city.council_id, "en", city.venue_id)
        resident_id = await residents.insert_resident(connection, city.database, new, NOW)
        device = devices.insert().values(
            council_id=city.council_id,
            resident_id=resident_id,
            mac_pseudonym=b"a device's......",
            randomised=False,
            created_at=NOW,
            last_seen_at=NOW,
        )
        device_id = (await connection.execute(device.returning(devices.c.id))).scalar_one()
        await connection.execute(
            one_time_tokens.insert().values(
                council_id=city.council_id,
                user_name=user_name,
                resident_id=resident_id,
                device_id=device_id,
                nas_id=city.nas_id,
                created_at=NOW,
                expires_at=NOW + MINUTE,
            )
        )
    details = Details(
        path_id="x" * 24,
        driver="coovachilli",
        randomised=False,
        hand_over={"mac": "00:00:5e:00:53:01", "ip": "10.1.0.23", "ssid": "Library WiFi"},
        device_id=device_id,
        user_name=user_name,
        released_at=NOW,
        waiting_since=NOW,
    )
    return Journey(
        id=1,
        council_id=city.council_id,
        nas_id=city.nas_id,
        venue_id=city.venue_id,
        mac_pseudonym=b"a device's......",
        resident_id=resident_id,
        state=State.WAITING,
        language="en",
        details=details,
        expires_at=NOW + 60 * MINUTE,
    )


async def begin(city: City, journey: Journey, at: datetime = NOW) -> None:
    async with city.database.write() as connection:
        await sessions.begin(connection, city.runtime.keyring, sessions.owner_of(journey, Source.API), at)


async def rows(city: City) -> list[Any]:
    async with city.database.read() as connection:
        return list((await connection.execute(select(accounting_sessions).order_by(accounting_sessions.c.id))).all())


async def test_a_session_of_the_portals_making_proves_the_release_like_any_other(any_city: City) -> None:
    journey = await released(any_city)
    await begin(any_city, journey)
    async with any_city.database.read() as connection:
        proof = await find_proof(connection, journey)
    assert proof is not None
    assert proof.started_at == NOW
    assert proof.stopped_at is None
    [row] = await rows(any_city)
    assert (row.source, row.user_name, row.venue_id) == ("api", "t-one", any_city.venue_id)
    assert (row.calling_station_id, row.framed_ip_address) == ("00-00-5E-00-53-01", "10.1.0.23")
    assert row.network_name == "Library WiFi"


async def test_beginning_twice_makes_one_session(any_city: City) -> None:
    journey = await released(any_city)
    await begin(any_city, journey)
    await begin(any_city, journey, NOW + MINUTE)
    [row] = await rows(any_city)
    assert row.started_at == NOW


async def test_a_new_release_ends_what_the_device_had_there(any_city: City) -> None:
    journey = await released(any_city)
    await begin(any_city, journey)
    again = replace(journey, details=replace(journey.details, user_name="t-two"))
    await begin(any_city, again, NOW + MINUTE)
    first, second = await rows(any_city)
    assert (first.stopped_at, first.ended_by) == (NOW + MINUTE, "lost")
    assert (second.user_name, second.stopped_at) == ("t-two", None)


async def test_its_one_time_name_is_used_up_so_that_the_next_release_has_another(any_city: City) -> None:
    await begin(any_city, await released(any_city))
    async with any_city.database.read() as connection:
        assert (await connection.execute(select(one_time_tokens.c.uses))).scalar_one() == 1


async def test_usage_grows_and_never_falls(any_city: City) -> None:
    await begin(any_city, await released(any_city))
    async with any_city.database.write() as connection:
        [session] = await sessions.open_of_gateway(connection, any_city.nas_id, 10)
        await sessions.update(connection, session, NOW + MINUTE, Usage(1_000, 50_000))
        await sessions.update(connection, session, NOW + 2 * MINUTE, Usage(900, 60_000))
        await sessions.update(connection, session, NOW + 3 * MINUTE)
    [row] = await rows(any_city)
    assert (row.input_octets, row.output_octets) == (1_000, 60_000)
    assert (row.session_seconds, row.updated_at) == (180, NOW + 3 * MINUTE)


async def test_an_end_is_final(any_city: City) -> None:
    await begin(any_city, await released(any_city))
    async with any_city.database.write() as connection:
        session = await sessions.open_of_user_name(connection, any_city.nas_id, "t-one")
        assert session is not None
        cause = TerminateCause.USER_REQUEST
        await sessions.end(connection, session, NOW + MINUTE, EndedBy.STOP, cause, Usage(5, 6))
        await sessions.end(connection, session, NOW + 2 * MINUTE, EndedBy.LOST, TerminateCause.LOST_CARRIER)
        await sessions.update(connection, session, NOW + 3 * MINUTE, Usage(50, 60))
        assert await sessions.gateways_with_open(connection) == []
    [row] = await rows(any_city)
    assert (row.stopped_at, row.ended_by, row.terminate_cause) == (NOW + MINUTE, "stop", 1)
    assert (row.session_seconds, row.input_octets, row.output_octets) == (60, 5, 6)


async def test_it_counts_in_hourly_usage(any_city: City) -> None:
    await begin(any_city, await released(any_city))
    assert (await roll_up(any_city.database, NOW + MINUTE)).rows_written == 1


async def test_radius_does_not_call_it_lost(any_city: City) -> None:
    await begin(any_city, await released(any_city))
    assert await close_lost_sessions(any_city.database, NOW + 60 * MINUTE) == 0


async def test_its_key_is_none_of_another_source_or_name(any_city: City) -> None:
    owner = sessions.owner_of(await released(any_city), Source.API)
    keyring = any_city.runtime.keyring
    others = [replace(owner, source=Source.AUTHMON), replace(owner, user_name="t-two"), replace(owner, nas_id=77)]
    keys = {sessions.session_key(keyring, each) for each in (owner, *others)}
    assert len(keys) == 4


async def test_who_is_not_released_has_none(any_city: City) -> None:
    journey = await released(any_city)
    with pytest.raises(sessions.NotReleasedError):
        sessions.owner_of(replace(journey, resident_id=None), Source.API)


async def test_neither_names_nor_addresses_show_when_one_is_printed(any_city: City) -> None:
    journey = await released(any_city)
    await begin(any_city, journey)
    async with any_city.database.read() as connection:
        [session] = await sessions.open_of_gateway(connection, any_city.nas_id, 10)
    text = repr(session) + repr(sessions.owner_of(journey, Source.API))
    assert "t-one" not in text
    assert "5E" not in text.upper().replace("0X", "")
    assert "10.1.0.23" not in text
