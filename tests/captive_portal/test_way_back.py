"""What the portal learns when a gateway sends the browser back, and what it takes for a proof."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import Row, select

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions
from tests.captive_portal.simulated.browser import SimulatedBrowser
from tests.captive_portal.simulated.meraki import SimulatedClickThrough, SimulatedSignOn
from tests.captive_portal.simulated.place import PORTAL_URL, Place, open_place
from tests.captive_portal.simulated.ruckus import SimulatedZoneDirector

_CLICK = {"way": "click", "accept_terms": "yes"}


@pytest.fixture
async def click_through(database: Database, keyring: Keyring, tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(SimulatedClickThrough(), database, keyring, tmp_path) as place:
        yield place


@pytest.fixture
async def sign_on(database: Database, keyring: Keyring, tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(SimulatedSignOn(), database, keyring, tmp_path) as place:
        yield place


async def sessions_of(place: Place) -> Sequence[Row[Any]]:
    async with place.database.read() as connection:
        return (await connection.execute(select(accounting_sessions))).all()


async def sent_away(place: Place) -> tuple[SimulatedBrowser, str]:
    """A browser that pressed the first page's button and has not followed the redirect; where it is to come back."""
    browser = await place.browser().be_intercepted()
    form = browser.page.main_form
    assert form is not None
    answer = await place.ask("POST", form.action, form.content(_CLICK))
    assert answer.location is not None
    [way_back] = parse_qs(urlsplit(answer.location).query)["continue_url"]
    return browser, way_back.removeprefix(PORTAL_URL)


async def shown(place: Place, browser: SimulatedBrowser) -> str:
    """The page that the journey is at."""
    path = urlsplit(browser.journey_url).path
    answer = await place.ask("GET", path)
    while answer.location is not None:
        path = answer.location
        answer = await place.ask("GET", path)
    return path.rpartition("/")[2]


async def test_a_click_through_is_online_when_its_browser_came_back(click_through: Place) -> None:
    browser, way_back = await sent_away(click_through)
    assert await shown(click_through, browser) == "waiting"
    answer = await click_through.ask("GET", way_back)
    assert answer.location is not None
    assert await shown(click_through, browser) == "online"
    [session] = await sessions_of(click_through)
    assert (session.source, session.stopped_at) == ("browser", None)
    assert session.calling_station_id == str(browser.device.mac)


async def test_coming_back_twice_is_one_session(click_through: Place) -> None:
    browser, way_back = await sent_away(click_through)
    for _ in range(2):
        await click_through.ask("GET", way_back)
        await shown(click_through, browser)
    assert len(await sessions_of(click_through)) == 1


async def test_opening_the_waiting_page_is_not_coming_back(click_through: Place) -> None:
    browser, way_back = await sent_away(click_through)
    await click_through.ask("GET", f"{way_back.partition('/back/')[0]}/waiting")
    assert await shown(click_through, browser) == "waiting"
    assert not await sessions_of(click_through)


async def test_a_mark_of_another_release_is_none(click_through: Place) -> None:
    browser, way_back = await sent_away(click_through)
    _other, others_way_back = await sent_away(click_through)
    path, _, _ = way_back.rpartition("/")
    for mark in (others_way_back.rpartition("/")[2], "0" * 32):
        assert (await click_through.ask("GET", f"{path}/{mark}")).status == 303
    assert (await click_through.ask("GET", f"{path}/{'x' * 32}")).status == 404
    assert await shown(click_through, browser) == "waiting"
    assert not await sessions_of(click_through)


async def test_a_gateway_that_sends_accounting_is_waited_for_all_the_same(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    async with open_place(SimulatedSignOn(), database, keyring, tmp_path) as place:
        browser = await place.browser().be_intercepted()
        await browser.submit(**_CLICK)
        assert browser.page.main_form is not None
        way_back = dict(browser.page.main_form.content({}))["success_url"].removeprefix(PORTAL_URL)
        await place.ask("GET", way_back)
        assert await shown(place, browser) == "waiting"
        assert not await sessions_of(place)


async def test_the_address_for_log_out_is_kept_if_it_is_merakis(sign_on: Place) -> None:
    browser = await sign_on.browser().be_intercepted()
    await browser.click_through()
    assert browser.place == "online"
    way_back = next(url for url in browser.history if "/back/" in url).partition("?")[0].removeprefix(PORTAL_URL)
    hostile = urlencode({"logout_url": "https://evil.example/"})
    assert (await sign_on.ask("GET", f"{way_back}?{hostile}")).status == 303
    assert (await sign_on.ask("GET", f"{way_back}?logout_url=a&logout_url=b")).status == 303
    await browser.follow("/status")
    form = browser.page.main_form
    assert form is not None
    answer = await sign_on.ask("POST", form.action, {})
    assert (answer.location or "").startswith("https://n143.network-auth.com/splash/logout?key=")


async def test_without_an_address_for_log_out_radius_ends_the_session(sign_on: Place) -> None:
    assert isinstance(sign_on.gateway, SimulatedSignOn)
    sign_on.gateway.tells_log_out = False
    browser = await sign_on.browser().be_intercepted()
    await browser.click_through()
    await browser.follow("/status")
    await browser.submit()
    await sign_on.gateway.settle()
    assert not await browser.probe()
    await browser.open(browser.journey_url)
    assert browser.place == "ended"


async def test_a_start_page_with_a_name_that_nobody_was_given_leads_nowhere(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    async with open_place(SimulatedZoneDirector(), database, keyring, tmp_path) as place:
        browser = await place.browser().be_intercepted()
        await browser.click_through()
        start_page = next(url for url in browser.history if "uid=" in url).removeprefix(PORTAL_URL)
        assert (await place.ask("GET", start_page)).location == urlsplit(f"{browser.journey_url}online").path
        for wrong in ("uid=tabc&mac=00005e005300", "uid=&mac=00005e005300", "uid=demo"):
            assert (await place.ask("GET", f"/arrive/ruckus?{wrong}")).status == 400
        _, _, query = start_page.partition("?")
        assert (await place.ask("GET", f"/arrive/aruba?{query}")).status == 400


async def test_where_there_is_no_log_out_none_is_offered_and_what_nobody_counts_is_not_shown(
    click_through: Place,
) -> None:
    browser = await click_through.browser().be_intercepted()
    await browser.click_through()
    await browser.follow("/status")
    assert browser.page.main_form is None
    assert "Time left" in browser.text
    assert "Data used" not in browser.text
    answer = await click_through.ask("POST", f"{urlsplit(browser.journey_url).path}logout", {})
    assert (answer.location or "").endswith("/status")
