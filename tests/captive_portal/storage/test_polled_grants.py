from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.gateways.base import AccessLimits
from captive_portal.journey import Details, Journey, State
from captive_portal.storage import journeys, polled_grants
from captive_portal.storage.polled_grants import PendingGrant
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.settings import Settings
from tests.captive_portal.conftest import City, build_city
from tests.conftest import insert_council

NOW = datetime.now(UTC).replace(microsecond=0)
SECOND = timedelta(seconds=1)
LIMITS = AccessLimits(7200, 10**12, 2000, 1000)


@pytest.fixture
async def any_city(any_database: Database, keyring: Keyring, settings: Settings) -> City:
    return await build_city(Runtime(settings, any_database, keyring), await insert_council(any_database))


async def leave(city: City, reference: str, at: datetime, limits: AccessLimits = LIMITS) -> Journey:
    """A journey of its own, and a grant for it."""
    journey = Journey(
        id=0,
        council_id=city.council_id,
        nas_id=city.nas_id,
        venue_id=city.venue_id,
        mac_pseudonym=reference[:16].encode(),
        resident_id=None,
        state=State.WAITING,
        language="en",
        details=Details(path_id=f"{reference}{at.timestamp()}", driver="opennds", randomised=False),
        expires_at=NOW + timedelta(hours=1),
    )
    async with city.database.short_write() as connection:
        number = await journeys.insert(connection, city.runtime.keyring, journey, at)
        stored = replace(journey, id=number)
        grant = PendingGrant(reference, limits)
        await polled_grants.put(connection, city.database, stored, grant, now=at, expires_at=at + 90 * SECOND)
    return stored


async def pending(city: City, now: datetime = NOW, number: int = 4) -> list[PendingGrant]:
    async with city.database.short_read() as connection:
        return await polled_grants.pending(connection, city.nas_id, now, number)


async def acknowledge(city: City, *references: str) -> list[int]:
    async with city.database.short_write() as connection:
        return await polled_grants.acknowledge(connection, city.nas_id, references)


async def test_the_oldest_come_first_with_their_limits(any_city: City) -> None:
    await leave(any_city, "second", NOW)
    await leave(any_city, "first", NOW - SECOND, AccessLimits())
    assert await pending(any_city) == [PendingGrant("first", AccessLimits()), PendingGrant("second", LIMITS)]
    assert await pending(any_city, number=1) == [PendingGrant("first", AccessLimits())]
    assert await pending(any_city, NOW + 89 * SECOND) == [PendingGrant("second", LIMITS)]


async def test_an_acknowledgement_gives_the_journeys_that_waited_once(any_city: City) -> None:
    journey = await leave(any_city, "one", NOW)
    await leave(any_city, "other", NOW)
    assert await acknowledge(any_city, "one", "nobody") == [journey.id]
    assert await acknowledge(any_city, "one") == []
    assert [grant.reference for grant in await pending(any_city)] == ["other"]
    async with any_city.database.short_read() as connection:
        assert await polled_grants.journey_of(connection, any_city.nas_id, "one") == journey.id
        assert await polled_grants.journey_of(connection, any_city.nas_id, "nobody") is None


async def test_a_visit_that_is_granted_anew_waits_anew(any_city: City) -> None:
    await leave(any_city, "one", NOW - 100 * SECOND, AccessLimits())
    assert await pending(any_city) == []
    again = await leave(any_city, "one", NOW)
    assert await pending(any_city) == [PendingGrant("one", LIMITS)]
    assert await acknowledge(any_city, "one") == [again.id]


async def test_what_was_given_out_is_not_told_again_and_can_be_acknowledged(any_city: City) -> None:
    journey = await leave(any_city, "one", NOW)
    async with any_city.database.short_write() as connection:
        await polled_grants.give_out(connection, any_city.nas_id, ["one"])
    assert await pending(any_city) == []
    assert await acknowledge(any_city, "one") == [journey.id]


async def test_what_is_forgotten_is_what_waited_before(any_city: City) -> None:
    await leave(any_city, "old", NOW - 11 * SECOND)
    await leave(any_city, "new", NOW)
    async with any_city.database.short_write() as connection:
        await polled_grants.forget(connection, any_city.nas_id, NOW - 10 * SECOND)
    assert [grant.reference for grant in await pending(any_city)] == ["new"]
