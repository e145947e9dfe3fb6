"""A phone behind the Linux gateway that asks for no DHCP option: its probe is redirected, a browser does the rest."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, async_playwright, expect
from sqlalchemy import select

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions
from tests.end_to_end.test_nftables_gateway import (
    PROBE,
    authority_of,
    council_site,
    garden,
    gateway,
    made_town,
    serving,
)
from tests.support.opennds import Town
from tests.support.peers import Peers

__all__ = ["made_town"]
pytestmark = [pytest.mark.slow, pytest.mark.peer("nft"), pytest.mark.peer("chromium"), pytest.mark.timeout(120)]

_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


async def test_a_browser_gets_online_sees_its_status_logs_out_and_is_captive_again(
    made_town: Town, database: Database, keyring: Keyring, peers: Peers
) -> None:
    chromium = made_town.browser(peers.require("chromium"))
    authority = authority_of(made_town)
    async with (
        serving(made_town, database, keyring, authority) as runtime,
        council_site(made_town, authority),
        gateway(made_town, authority, await garden(runtime)),
        async_playwright() as playwright,
    ):
        await asyncio.to_thread(made_town.lease)
        browser = await playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        context = await browser.new_context(java_script_enabled=False, ignore_https_errors=True)
        await be_online_and_leave(await context.new_page())
        await browser.close()
    async with database.read() as connection:
        session = (await connection.execute(select(accounting_sessions))).one()
    assert (session.source, session.ended_by, session.terminate_cause) == ("api", "stop", 1)


async def be_online_and_leave(page: Page) -> None:
    """From the probe to the open internet of the test and back."""
    await page.goto(PROBE)
    await expect(page).to_have_url(re.compile("/start$"))
    await page.locator('input[name="way"][value="click"]').check()
    await page.locator('input[name="accept_terms"]').check()
    await page.locator("#main-form button").click()
    # The waiting page reloads itself, without scripts.
    await expect(page).to_have_url(re.compile("/online$"), timeout=20_000)
    status = page.url.replace("/online", "/status")

    await page.goto(PROBE)
    await expect(page).to_have_url(PROBE)

    await page.goto(status)
    await expect(page.get_by_text("Time left")).to_be_visible()
    await page.locator("#main-form button").click()
    await expect(page).to_have_url(re.compile("/ended$"), timeout=20_000)
    await page.goto(PROBE)
    await expect(page).not_to_have_url(PROBE)
