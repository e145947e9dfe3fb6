"""A resident with a real browser, JavaScript off, on a narrow screen: from the gateway's redirect to "you are online".

Pictures of every page are left in the test's folder; with CITYWIFI_SCREENSHOTS=FOLDER they go there.
"""

from __future__ import annotations

import asyncio
import os
import plistlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Response, ViewportSize, async_playwright, expect

from citywifi.demo_city import load_demo_city
from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.demo import gateway_settings
from citywifi.replay.gateway import Gateway
from citywifi.replay.gateway_coa import DynamicAuthorizationPort
from citywifi.replay.gateway_http import HttpFront
from citywifi.replay.outbox import Outbox
from citywifi.replay.schedule import TerminateCause
from tests.end_to_end.installation import Installation
from tests.support.peers import Peers
from tests.support.text_browser import open_text_browser

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo"), pytest.mark.peer("chromium"), pytest.mark.timeout(400)]

LARGEST_FIRST_PAGE_OCTETS = 50 * 1024
_NARROW: ViewportSize = {"width": 360, "height": 640}
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]
SECURE_NETWORK = "Coventry Secure WiFi"
ONLINE = {"en": "You are online", "cy": "Rydych ar-lein"}


@dataclass
class Loads:
    """What a browser loaded, in octets on the line: headers and bodies."""

    octets: dict[str, int] = field(default_factory=dict)
    _waiting: list[Response] = field(default_factory=list)

    def note(self, response: Response) -> None:
        self._waiting.append(response)

    async def total(self) -> int:
        """Of everything so far."""
        for response in self._waiting:
            sizes = await response.request.sizes()
            self.octets[response.url] = sizes["responseHeadersSize"] + sizes["responseBodySize"]
        self._waiting.clear()
        return sum(self.octets.values())


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_file: Path) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("browser")
    file = folder / "citywifi.sqlite3"
    file.write_bytes(migrated_sqlite_file.read_bytes())
    prepared = Installation.prepare(folder, f"sqlite:///{file}", CITYWIFI_PORTAL__SECURE_NETWORK_NAME=SECURE_NETWORK)
    with prepared.running():
        yield prepared


@pytest.fixture
def chromium(peers: Peers) -> Path:
    return peers.require("chromium")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("CITYWIFI_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def answered() -> list[AccountingRecord]:
    return []


@pytest.fixture
async def gateway(installation: Installation, answered: list[AccountingRecord]) -> AsyncIterator[Gateway]:
    """The gateway of Tile Hill."""
    configured = next(
        one for one in gateway_settings(load_demo_city(), installation.settings) if one.location_name == "Tile Hill"
    )
    opened = Gateway(configured, run="browser", on_answered=answered.append)
    async with AsyncExitStack() as stack:
        await opened.open()
        stack.callback(opened.close)
        for shell in (DynamicAuthorizationPort(opened), HttpFront(opened)):
            await shell.open()
            stack.push_async_callback(shell.close)
        yield opened


@asynccontextmanager
async def browsing(chromium: Path, language: str) -> AsyncIterator[tuple[Page, Loads]]:
    """A page of a fresh browser that prefers a language."""
    async with async_playwright() as playwright:
        browser: Browser = await playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        context = await browser.new_context(java_script_enabled=False, viewport=_NARROW, locale=language)
        page, loads = await context.new_page(), Loads()
        page.on("response", loads.note)
        page.set_default_timeout(20_000)
        try:
            yield page, loads
        finally:
            await context.close()
            await browser.close()


async def wait_for_online(page: Page, language: str) -> None:
    await page.wait_for_url("**/online", timeout=30_000)
    await expect(page.get_by_role("heading", level=1)).to_contain_text(ONLINE[language])
    assert await page.locator("html").get_attribute("lang") == language


async def accept(page: Page, way: str, *, remember: bool = False) -> None:
    """Fill the first page."""
    await page.locator(f'input[name="way"][value="{way}"]').check()
    await page.locator('input[name="accept_terms"]').check()
    if remember:
        await page.locator('input[name="remember_device"]').check()
    await page.locator("#main-form button").click()


async def fits(page: Page) -> bool:
    """Nothing sticks out to the side of a narrow screen (asked of the layout, because scripts are off)."""
    boxes = [await one.bounding_box() for one in await page.locator("h1, p, label, button, input, a, li, dl").all()]
    return all(box is None or box["x"] + box["width"] <= _NARROW["width"] + 1 for box in boxes)


@pytest.mark.parametrize("language", ["en", "cy"])
async def test_click_through_leads_to_online_and_back_off_again(
    language: str, gateway: Gateway, chromium: Path, pictures: Path, answered: list[AccountingRecord]
) -> None:
    async with browsing(chromium, language) as (page, loads):
        await page.goto(f"{gateway.settings.base_url}/phone/{11 if language == 'en' else 12}")
        assert page.url.endswith("/start")
        assert await page.locator("html").get_attribute("lang") == language
        octets = await loads.total()
        assert octets <= LARGEST_FIRST_PAGE_OCTETS, loads.octets
        await page.screenshot(path=pictures / f"start-{language}.png", full_page=True)
        assert await fits(page)

        await page.locator("#main-form button").click()
        await page.screenshot(path=pictures / f"start-errors-{language}.png", full_page=True)
        assert await page.locator('a[href="#way"], a[href="#accept_terms"]').count() == 2
        assert await fits(page)

        await accept(page, "click")
        await wait_for_online(page, language)
        await page.screenshot(path=pictures / f"online-{language}.png", full_page=True)
        assert await fits(page)

        await page.goto(f"{gateway.settings.base_url}/")
        await expect(page.get_by_role("heading", level=1)).to_have_text("You are on the internet")
        await page.screenshot(path=pictures / "internet.png", full_page=True)

        await page.goto(f"{gateway.settings.base_url}/status")
        await page.wait_for_url("**/online")
        await page.goto(page.url.replace("/online", "/status"))
        await page.screenshot(path=pictures / f"status-{language}.png", full_page=True)
        assert await fits(page)
        await page.locator('form[action$="/logout"] button').click()
        await page.wait_for_url("**/ended")
        await page.screenshot(path=pictures / f"ended-{language}.png", full_page=True)
    assert [record.status for record in answered] == [Status.START, Status.STOP]
    assert answered[-1].terminate_cause is TerminateCause.USER_REQUEST


@pytest.mark.peer("lynx")
async def test_a_text_browser_is_enough(
    gateway: Gateway, peers: Peers, tmp_path: Path, answered: list[AccountingRecord], installation: Installation
) -> None:
    """From the gateway's redirect through the registration by email to the status page and off again."""
    outbox, email = Outbox(installation.settings.outbox_directory), "lynx@example.org"
    async with open_text_browser(peers.require("lynx"), f"{gateway.settings.base_url}/phone/91", tmp_path) as lynx:
        await lynx.until("Free WiFi at Tile Hill")
        await lynx.press("With my email")
        await lynx.press("I accept the terms")
        await lynx.until("[X] I accept the terms")
        await lynx.until("(*) With my email address")
        await lynx.press("Continue")
        await lynx.until("What is your email address?")
        await lynx.fill_in(email, behind="Back")
        await lynx.until("Enter the code from the email")
        await lynx.fill_in(str(await outbox.code_for(email, 10)), behind="Back")
        await lynx.until("You are online", reload=True)
        await lynx.press("See your time")
        await lynx.until("Time left")
        await lynx.press("Log out")
        await lynx.until("You are offline")
    assert [record.status for record in answered] == [Status.START, Status.STOP]
    assert answered[-1].terminate_cause is TerminateCause.USER_REQUEST


@pytest.mark.parametrize("language", ["en", "cy"])
async def test_email_registration_leads_to_online_and_the_second_visit_needs_no_page(
    language: str,
    gateway: Gateway,
    chromium: Path,
    pictures: Path,
    installation: Installation,
    answered: list[AccountingRecord],
) -> None:
    outbox, email = Outbox(installation.settings.outbox_directory), f"reader-{language}@example.org"
    async with browsing(chromium, language) as (page, _loads):
        await page.goto(f"{gateway.settings.base_url}/phone/{21 if language == 'en' else 22}")
        await accept(page, "email", remember=True)
        await page.wait_for_url("**/email")
        await page.screenshot(path=pictures / f"email-{language}.png", full_page=True)
        assert await fits(page)
        await page.locator('input[name="email"]').fill(email)
        await page.locator("#main-form button").click()
        await page.wait_for_url("**/code")
        await page.locator('input[name="code"]').fill("no code")
        await page.locator("#main-form button").click()
        await page.screenshot(path=pictures / f"code-error-{language}.png", full_page=True)
        assert await fits(page)
        code = await outbox.code_for(email, 10)
        assert code is not None
        # As people type it from a mail.
        await page.locator('input[name="code"]').fill(f" {code[:3]} {code[3:]} ")
        await page.locator("#main-form button").click()
        await wait_for_online(page, language)

        seen: list[str] = []
        page.on("request", lambda request: seen.append(request.url))
        await page.goto(f"{gateway.settings.base_url}/leave")
        await expect(page.get_by_role("heading", level=1)).to_have_text("You are on the internet")
        portal = installation.settings.portal.public_url
        assert not [url for url in seen if url.startswith(portal)], "the second visit met a page"
    first, lost, second = answered[:3]
    assert (first.status, lost.status, second.status) == (Status.START, Status.STOP, Status.START)
    assert lost.terminate_cause is TerminateCause.LOST_CARRIER
    assert first.acct_session_id != second.acct_session_id


@pytest.mark.peer("eapol_test")
@pytest.mark.parametrize("language", ["en", "cy"])
async def test_who_is_online_gets_a_user_name_for_the_secure_network_and_removes_it(
    language: str, gateway: Gateway, chromium: Path, pictures: Path, supplicant: Supplicant
) -> None:
    async with browsing(chromium, language) as (page, _loads):
        await page.goto(f"{gateway.settings.base_url}/phone/{31 if language == 'en' else 32}")
        await accept(page, "click")
        await wait_for_online(page, language)
        await page.locator('a[href$="/secure"]').click()
        assert await page.locator("html").get_attribute("lang") == language
        await page.screenshot(path=pictures / f"secure-{language}.png", full_page=True)
        assert await fits(page)

        await page.locator("#main-form button").click()
        await page.wait_for_url(re.compile(r"/secure/\w{4}-\w{4}-\w{4}$"))
        _network, user_name, password = await page.locator("dl").first.locator("dd").all_inner_texts()
        await page.screenshot(path=pictures / f"credential-{language}.png", full_page=True)
        assert await fits(page)
        for part in await page.locator("summary").all():
            await part.click()
        await page.screenshot(path=pictures / f"credential-open-{language}.png", full_page=True)
        assert await fits(page)
        profile = await loaded_profile(page)
        eap = profile["com.apple.wifi.managed"]["EAPClientConfiguration"]
        assert (eap["UserName"], eap["UserPassword"]) == (user_name, password)
        assert await supplicant.logs_on(profile)

        await page.locator("a.govuk-back-link").click()
        await expect(page.locator("li.item")).to_contain_text(user_name)
        await page.screenshot(path=pictures / f"secure-list-{language}.png", full_page=True)
        assert await fits(page)
        await page.locator("li.item button").click()
        await page.wait_for_url(re.compile(r"/secure\?removed=yes$"))
        await expect(page.locator("li.item")).to_have_count(0)
        await page.screenshot(path=pictures / f"secure-removed-{language}.png", full_page=True)
    assert not await supplicant.logs_on(profile)


async def loaded_profile(page: Page) -> dict[str, dict[str, Any]]:
    """The payloads of the profile that the page has a link to, by their types."""
    async with page.expect_download() as waiting:
        await page.locator('a[href*="/profile"]').click()
    loaded = await waiting.value
    assert loaded.suggested_filename == "secure-wifi.mobileconfig"
    profile = plistlib.loads((await loaded.path()).read_bytes())
    assert isinstance(profile, dict)
    return {payload["PayloadType"]: payload for payload in profile["PayloadContent"]}


@dataclass(frozen=True)
class Supplicant:
    """eapol_test as a device that was set up by a profile."""

    program: Path
    folder: Path
    port: int

    async def logs_on(self, profile: dict[str, dict[str, Any]]) -> bool:
        """Whether the RADIUS server lets the device on, and both have the same keys."""
        eap = profile["com.apple.wifi.managed"]["EAPClientConfiguration"]
        authority, file = self.folder / "authority.cer", self.folder / "network.conf"
        authority.write_bytes(profile["com.apple.security.root"]["PayloadContent"])
        [server_name] = eap["TLSTrustedServerNames"]
        file.write_text(
            "network={\n key_mgmt=IEEE8021X\n eapol_flags=0\n eap=PEAP TTLS\n"
            f' identity="{eap["UserName"]}"\n password="{eap["UserPassword"]}"\n'
            f' anonymous_identity="{eap["OuterIdentity"]}"\n phase2="auth=MSCHAPV2"\n'
            f' ca_cert="{authority}"\n domain_match="{server_name}"\n}}\n'
        )
        process = await asyncio.create_subprocess_exec(
            self.program, "-c", file, "-a", "127.0.0.1", "-p", str(self.port), "-s", "testing123", "-t", "10",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode == 0 and b"MPPE keys OK: 1  mismatch: 0" in output


@pytest.fixture
def supplicant(peers: Peers, installation: Installation, tmp_path: Path) -> Supplicant:
    return Supplicant(peers.require("eapol_test"), tmp_path, installation.settings.radius.authentication_port)
