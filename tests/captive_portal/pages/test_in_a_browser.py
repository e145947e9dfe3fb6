"""Every page in every language as a browser lays it out: axe-core's judgement, narrow screens, the keyboard alone."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.captive_portal.conftest import LOGIN_URL, City, Client, newest_code, redirect
from tests.support.axe import FLAGS, NARROWEST, bring_axe, judge
from tests.support.peers import Peers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer("chromium"),
    pytest.mark.timeout(180),
    pytest.mark.xdist_group("every page"),
]

_TABS = 3
# What a focused element shows: an outline, a shadow or a ground of the focus colour; a choice shows it on its label.
_SHOWS_FOCUS = """() => {
  const one = document.activeElement, shown = [one, one.nextElementSibling].filter(Boolean);
  return shown.some(each => ["", "::before"].some(part => {
    const style = getComputedStyle(each, part);
    return style.boxShadow !== "none" || style.backgroundColor === "rgb(255, 221, 0)" ||
      (style.outlineStyle !== "none" && style.outlineColor !== "rgba(0, 0, 0, 0)");
  }));
}"""


# The one thing that axe would complain of. The page on which a resident waits for the network reloads itself for up to
# 30 seconds, because there are no scripts; the accessibility statement tells it, and a link does it sooner.
RELOAD = re.compile(r'<meta http-equiv="refresh"[^>]*>')


@pytest.fixture
async def browser(peers: Peers) -> AsyncIterator[Browser]:
    chromium = peers.require("chromium")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        await opened.close()


async def test_axe_finds_nothing_on_any_page_in_any_language_and_nothing_is_wider_than_a_phone(
    every_page: dict[tuple[str, str], str], browser: Browser, peers: Peers
) -> None:
    context = await browser.new_context(viewport=NARROWEST)
    await bring_axe(context, peers)
    waiting = list(every_page.items())
    complaints: dict[tuple[str, str], list[str]] = {}

    async def judge_in_a_tab() -> None:
        page = await context.new_page()
        while waiting:
            where, html = waiting.pop()
            await page.set_content(RELOAD.sub("", html), wait_until="commit")
            if found := await judge(page):
                complaints[where] = found

    await asyncio.gather(*(judge_in_a_tab() for _tab in range(_TABS)))
    assert complaints == {}


async def press_tab_until(page: Page, selector: str) -> None:
    """Go on with the keyboard to an element, past others whose focus can be seen."""
    for _step in range(40):
        await page.keyboard.press("Tab")
        assert await page.evaluate(_SHOWS_FOCUS), await page.evaluate("document.activeElement.outerHTML")
        if await page.locator(selector).evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not lead to {selector}")


async def test_a_resident_gets_online_with_the_keyboard_alone(client: Client, city: City, browser: Browser) -> None:
    page = await (await browser.new_context(viewport=NARROWEST)).new_page()

    await page.goto(str(client.make_url("/")).rstrip("/") + redirect())
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "govuk-skip-link"
    await page.keyboard.press("Enter")
    await press_tab_until(page, "input[name=way][value=click]")
    await page.keyboard.press("ArrowDown")
    assert await page.locator("input[name=way][value=email]").is_checked()
    await press_tab_until(page, "#main-form button")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".govuk-error-summary:focus")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "accept_terms"
    await page.keyboard.press("Space")
    await press_tab_until(page, "#main-form button")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/email")
    await press_tab_until(page, "#email")
    await page.keyboard.type("ann@example.org")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/code")
    await press_tab_until(page, "#code")
    await page.keyboard.type(newest_code(city))
    # Nothing answers at the gateway's address here; that the browser asks there is enough.
    async with page.expect_request(f"{LOGIN_URL}/logon**"):
        await page.keyboard.press("Enter")


@pytest.mark.skipif(
    "CITYWIFI_SCREENSHOTS" not in os.environ, reason="CITYWIFI_SCREENSHOTS names no folder for pictures"
)
@pytest.mark.parametrize("width", [360, 1280])
async def test_pictures_of_every_page_are_taken_to_be_looked_at(
    every_page: dict[tuple[str, str], str], browser: Browser, width: int
) -> None:
    folder = Path(os.environ["CITYWIFI_SCREENSHOTS"])
    page = await (await browser.new_context(viewport={"width": width, "height": 700})).new_page()
    for (language, name), html in every_page.items():
        if language in ("en", "ar"):
            await page.set_content(RELOAD.sub("", html), wait_until="commit")
            file = f"{language}-{width}-{re.sub(r'[^a-z]+', '-', name.lower()).strip('-') or 'front-door'}.png"
            await page.screenshot(path=folder / file, full_page=True)
