"""Terms that changed: who is asked again, and who goes straight on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from captive_portal.storage.published_terms import publish
from foundation.schema import terms_acceptances
from tests.captive_portal.conftest import City, Phone, get_online

CHANGED = "Our terms have changed since you were last here"


async def change_terms(city: City, *, is_material: bool) -> None:
    async with city.database.write() as connection:
        text = {"en": "# Be kinder"}
        await publish(connection, city.council_id, text, is_material=is_material, now=datetime.now(UTC))


async def test_who_accepted_older_terms_is_asked_again_and_told_why(phone: Phone, city: City) -> None:
    await phone.arrive()
    assert CHANGED not in phone.text
    await get_online(phone, city)
    await change_terms(city, is_material=True)
    await phone.arrive(res="logoff", challenge=None)
    await phone.arrive()
    assert phone.page == "start"
    assert CHANGED in phone.text
    await phone.submit(way="click")
    assert phone.status == 422
    assert CHANGED in phone.text
    await phone.submit(way="click", accept_terms="yes")
    async with city.database.read() as connection:
        accepted = (await connection.execute(select(terms_acceptances.c.terms_version_id))).scalars().all()
    assert len(set(accepted)) == 2
    stranger = Phone(phone.client, city)
    await stranger.arrive(mac="00-00-5E-00-53-77")
    assert (stranger.page, CHANGED in stranger.text) == ("start", False)


@pytest.mark.parametrize("is_material", [True, False], ids=["material", "better words"])
async def test_only_a_material_change_stops_a_device_that_comes_back(
    phone: Phone, city: City, is_material: bool
) -> None:
    await get_online(phone, city)
    await change_terms(city, is_material=is_material)
    await phone.arrive(res="logoff", challenge=None)
    await phone.arrive()
    assert phone.page == ("start" if is_material else "connect")
