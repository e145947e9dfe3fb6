"""Engineers paste a redirect, play a phone through it and see a gateway's entry; of their own councils only."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from captive_portal.pages.staff import laboratory
from foundation.schema import audit_events, councils, journeys
from foundation.staff import Role
from tests.captive_portal.conftest import PHONE, PORTAL_SECRET, PORTAL_URL, City, Client, redirect
from tests.captive_portal.pages.staff.test_desk import Desk
from tests.captive_portal.pages.staff.test_essentials import account

LABORATORY = "/staff/laboratory"


@pytest.fixture
async def engineer(client: Client, city: City) -> Desk:
    staff = Desk(client, await account(city, Role.ENGINEER, city.council_id))
    await staff.log_in()
    await staff.get(LABORATORY)
    return staff


async def test_a_pasted_redirect_is_explained_and_written_down_without_the_device(engineer: Desk, city: City) -> None:
    await engineer.post(LABORATORY, url=PORTAL_URL + redirect(), what="explain")
    assert engineer.status == 200
    assert "CoovaChilli" in engineer.page
    assert "Access-Request" in engineer.page
    assert engineer.page.count(PHONE) == 1, "only in the field where it was pasted"
    async with city.database.read() as connection:
        (event,) = (await connection.execute(select(audit_events).where(audit_events.c.actor == "staff 1"))).all()
    assert (event.action, event.subject) == ("explain a redirect", "Central Library")
    assert PHONE not in str(event)


async def test_a_phone_is_played_through_it_and_nothing_begins_here(engineer: Desk, city: City) -> None:
    await engineer.post(LABORATORY, url=PORTAL_URL + redirect(), what="play")
    assert "It sees “You are online”" in engineer.page
    async with city.database.read() as connection:
        assert (await connection.execute(select(journeys))).all() == []


async def test_what_is_wrong_stands_there_with_what_to_do(engineer: Desk) -> None:
    await engineer.post(LABORATORY, url=PORTAL_URL + redirect(secret=b"another one"), what="play")
    assert "The seal does not fit" in engineer.page
    await engineer.post(LABORATORY, url="", what="explain")
    assert engineer.status == 422


async def test_one_play_at_a_time(engineer: Desk) -> None:
    async with laboratory._playing:
        await engineer.post(LABORATORY, url=PORTAL_URL + redirect(), what="play")
    assert engineer.status == 422
    assert "Another play" in engineer.page


async def test_a_gateways_page_has_its_configuration_and_no_secret(engineer: Desk, city: City) -> None:
    assert f'href="{LABORATORY}/gateways/{city.nas_id}"' in engineer.page
    await engineer.get(f"{LABORATORY}/gateways/{city.nas_id}")
    assert "HS_UAMSECRET=&#39;PORTAL-SECRET&#39;" in engineer.page
    assert "111.nhs.uk" in engineer.page
    assert PORTAL_SECRET.decode() not in engineer.page
    assert "DHCP option 114" in engineer.page


async def test_a_phone_is_played_through_a_gateway_that_is_chosen(engineer: Desk, city: City) -> None:
    await engineer.get(f"{LABORATORY}/gateways/{city.nas_id}")
    offered = re.search(r'name="url" value="([^"]+)"', engineer.page)
    assert offered is not None
    await engineer.post(LABORATORY, url=html.unescape(offered[1]), what="play")
    assert "It sees “You are online”" in engineer.page


async def test_nothing_is_told_of_another_councils_gateway(client: Client, city: City) -> None:
    async with city.database.write() as connection:
        other = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        added = (await connection.execute(councils.insert().values(other).returning(councils.c.id))).scalar_one()
    staff = Desk(client, await account(city, Role.ENGINEER, added))
    await staff.log_in()
    await staff.get(LABORATORY)
    assert "Central Library" not in staff.page
    await staff.post(LABORATORY, url=PORTAL_URL + redirect(), what="explain")
    assert "Central Library" not in staff.page
    await staff.get(f"{LABORATORY}/gateways/{city.nas_id}")
    assert staff.status == 404
