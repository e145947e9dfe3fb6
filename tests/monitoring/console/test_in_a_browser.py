"""The pages of console and report as a browser lays them out, in the narrowest window."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from playwright.async_api import async_playwright

from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.settings import MonitoringSettings, Settings
from foundation.staff import Role
from monitoring.console.site import make_console_app
from tests.monitoring.city import City
from tests.support.axe import FLAGS, NARROWEST, bring_axe, judge
from tests.support.peers import Peers
from tests.support.staff import add_staff

Client = TestClient[web.Request, web.Application]


@pytest.mark.slow
@pytest.mark.peer("chromium")
async def test_an_engineer_who_logs_in_meets_no_page_that_axe_complains_of(
    busy_city: City, keyring: Keyring, aiohttp_client: Callable[[web.Application], Awaitable[Client]], peers: Peers
) -> None:
    settings = Settings(monitoring=MonitoringSettings(public_url="http://127.0.0.1"))
    client = await aiohttp_client(make_console_app(Runtime(settings, busy_city.database, keyring)))
    account = await add_staff(busy_city.database, keyring, "engineer", [busy_city.council_id], Role.ENGINEER)
    paths = ("/", "/report", "/report?from=x", "/console?still=yes", f"/console/venues/{busy_city.venue_ids[0]}")
    complaints: dict[str, list[str]] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=peers.require("chromium"), args=FLAGS)
        context = await browser.new_context(viewport=NARROWEST)
        await bring_axe(context, peers)
        page = await context.new_page()
        site = str(client.make_url("/")).rstrip("/")
        await page.goto(f"{site}/console")
        complaints["log-in"] = await judge(page)
        await page.click("button")
        for name, value in {**account.log_in(), "code": "000000"}.items():
            await page.fill(f"[name={name}]", value)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[role=alert]")
        complaints["log-in with error"] = await judge(page)
        for name, value in account.log_in().items():
            await page.fill(f"[name={name}]", value)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console")
        for path in paths:
            await page.goto(site + path)
            complaints[path] = await judge(page)
        await browser.close()
    assert {where: found for where, found in complaints.items() if found} == {}
