"""Every page of the portal in every language, walked to once for all tests that judge pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp.web import Application, get

from captive_portal.app import create_app
from captive_portal.languages import NAMES
from foundation.access_rules import ANYBODY, add_routes
from tests.captive_portal.conftest import City, Client, Phone
from tests.captive_portal.pages import walk
from tests.captive_portal.pages.test_news import COUNCIL
from tests.captive_portal.pages.test_news import offer as offer_news
from tests.captive_portal.secure import offering

_walked: dict[tuple[str, str], str] = {}


@pytest.fixture
async def every_page(
    city: City, aiohttp_client: Callable[[Application], Awaitable[Client]]
) -> dict[tuple[str, str], str]:
    """HTML by language and name of the page; staff's are in English alone."""
    if not _walked:
        city = replace(city, runtime=replace(city.runtime, settings=offering(city.runtime.settings)))
        app = create_app(city.runtime)
        add_routes(app, ANYBODY, [get("/test/j/{path_id}", walk.hand_over)])
        phone = Phone(await aiohttp_client(app), city)
        await offer_news(city, COUNCIL, **dict.fromkeys(NAMES, "News 1"))
        for number, language in enumerate(NAMES, 1):
            phone.headers["Accept-Language"] = language
            pages = await walk.visit_the_whole_way(phone, city, number)
            pages |= await walk.visit_other_ways(phone, city, number)
            pages |= await walk.visit_the_council(phone, city, f"{language}@example.org")
            _keep(language, pages)
            await _forget_residents(city)
        phone.headers["Accept-Language"] = "en"
        _keep("en", await walk.visit_staff(phone.client, city, phone))
        await _forget_residents(city)
        await walk.make_unready(city)
        for number, language in enumerate(NAMES, 1):
            phone.headers["Accept-Language"] = language
            _keep(language, await walk.visit_an_unready_city(phone, number))
    return _walked


def _keep(language: str, pages: dict[str, str]) -> None:
    _walked.update({(language, name): html for name, html in pages.items()})


async def _forget_residents(city: City) -> None:
    async with city.database.write() as connection:
        for table in ("accounting_sessions", "one_time_tokens", "journeys", "devices", "residents"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")
