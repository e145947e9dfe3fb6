"""A page that is kept for everybody at a place shows each resident their own addresses, and every change at once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from aiohttp import web
from sqlalchemy import update

from captive_portal.app import create_app
from captive_portal.pages.common import open_visit
from captive_portal.pages.shared import SharedPages
from foundation.access_rules import ANYBODY, add_routes
from foundation.schema import venues
from tests.captive_portal.conftest import City, Client, Phone, publish_terms


async def first_page(client: Client, city: City, number: int, language: str = "en") -> Phone:
    phone = Phone(client, city, {"Accept-Language": language})
    await phone.arrive(mac=f"00-00-5E-00-53-{number:02X}")
    assert phone.page == "start"
    return phone


def terms_in(page: str) -> str:
    found = re.search(r'name="terms" value="(\d+)"', page)
    assert found is not None
    return found[1]


async def test_each_resident_sees_their_own_addresses_and_no_others(client: Client, city: City) -> None:
    first, second = [await first_page(client, city, number) for number in (1, 2)]
    assert first.path != second.path
    for one, other in ((first, second), (second, first)):
        assert one.path.split("/")[2] in one.text
        assert other.path.split("/")[2] not in one.text
        assert "@" not in one.text.partition("</style>")[2]


async def test_the_kept_page_is_the_one_that_would_have_been_filled_in(client: Client, city: City) -> None:
    filled_in, kept = [await first_page(client, city, number) for number in (1, 2)]
    assert kept.text.replace(kept.path.split("/")[2], filled_in.path.split("/")[2]) == filled_in.text


@pytest.mark.parametrize("language", ["cy", "ar"])
async def test_each_language_has_a_page_of_its_own(client: Client, city: City, language: str) -> None:
    await first_page(client, city, 1)
    assert f'<html class="govuk-template" lang="{language}"' in (await first_page(client, city, 2, language)).text
    assert '<html class="govuk-template" lang="en"' in (await first_page(client, city, 3)).text


async def test_new_terms_new_ways_and_a_new_name_are_seen_at_once(client: Client, city: City) -> None:
    before = (await first_page(client, city, 1)).text
    await publish_terms(city, 2)
    with_terms = (await first_page(client, city, 2)).text
    assert terms_in(with_terms) != terms_in(before)
    async with city.database.write() as connection:
        await connection.execute(update(venues).values(name="Hillfields Library", ways_in="email"))
    changed = (await first_page(client, city, 3)).text
    assert "Hillfields Library" in changed
    assert 'value="click"' not in changed


@pytest.fixture
def pages() -> SharedPages:
    return SharedPages(limit=2)


@pytest.fixture
async def phone(
    city: City, pages: SharedPages, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> Phone:
    """At a portal that shows any template by ``/test/JOURNEY?template=``."""

    async def show(request: web.Request) -> web.Response:
        async with city.database.short_read() as connection:
            visit = await open_visit(request, connection, datetime.now(UTC))
        return pages.render(request, visit, request.query["template"], dict, request.query.get("content", ""))

    app = create_app(city.runtime)
    add_routes(app, ANYBODY, [web.get("/test/{path_id}", show)])
    return await first_page(await aiohttp_client(app), city, 1)


async def test_no_more_pages_are_kept_than_the_limit(phone: Phone, pages: SharedPages) -> None:
    path = f"/test/{phone.path.split('/')[2]}?template=ended.html&content="
    for content in "abcab":
        await phone.get(path + content)
        assert phone.status == 200
    assert len(pages) == 2


async def test_a_template_that_asks_for_more_than_addresses_cannot_be_kept(phone: Phone, pages: SharedPages) -> None:
    await phone.get(f"/test/{phone.path.split('/')[2]}?template=secure.html")
    assert phone.status == 500
    assert len(pages) == 0
