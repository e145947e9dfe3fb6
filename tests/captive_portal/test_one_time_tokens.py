from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from captive_portal.journey import Journey
from captive_portal.one_time_tokens import NotRegisteredError, new_user_name, token_for
from foundation.schema import one_time_tokens
from tests.captive_portal.conftest import City
from tests.captive_portal.test_registration import journey_of, registered

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def token(city: City, journey: Journey, now: datetime = NOW) -> str:
    async with city.database.write() as connection:
        return await token_for(connection, journey, city.runtime.settings.portal, now)


def test_a_user_name_is_random_and_says_nothing() -> None:
    names = {new_user_name() for _ in range(100)}
    assert len(names) == 100
    assert all(re.fullmatch(r"t[a-z2-7]{26}", name) for name in names)


async def test_a_token_is_bound_to_device_and_gateway_for_two_minutes(city: City) -> None:
    journey = await registered(city, journey_of(city, 1), None)
    name = await token(city, journey)
    async with city.database.read() as connection:
        row = (await connection.execute(select(one_time_tokens))).one()
    assert (row.user_name, row.device_id, row.nas_id) == (name, journey.details.device_id, city.nas_id)
    assert (row.resident_id, row.uses) == (journey.resident_id, 0)
    assert row.expires_at == NOW + timedelta(seconds=120)


async def test_a_double_click_makes_one_token(city: City) -> None:
    journey = await registered(city, journey_of(city, 1), None)
    first = await token(city, journey)
    again = replace(journey, details=replace(journey.details, user_name=first))
    assert await token(city, again, NOW + timedelta(seconds=90)) == first
    assert await token(city, again, NOW + timedelta(seconds=91)) != first
    async with city.database.write() as connection:
        await connection.execute(update(one_time_tokens).values(uses=1))
    assert await token(city, again) != first


async def test_an_unregistered_device_gets_no_token(city: City) -> None:
    with pytest.raises(NotRegisteredError):
        await token(city, journey_of(city, 1))
