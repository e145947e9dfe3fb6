"""A resident gets online behind the real openNDS, at levels 0 to 3, with the files that the portal makes for it.

A phone with a lease of dnsmasq, a browser on it (Chromium, JavaScript off), openNDS between it and a little internet.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy import Row, select

from captive_portal.app import create_app
from captive_portal.gateways.base import Clue
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.opennds import OpenNDS
from captive_portal.storage import equipment
from foundation.certificates import Authority, make_authority
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, councils, network_access_servers, terms_versions, venues
from foundation.settings import PortalSettings, Settings
from tests.support.network import may_make_namespaces, require_namespaces
from tests.support.opennds import GARDEN_NAME, LOGIN_URL, PORTAL_NAME, Town, opennds, town
from tests.support.peers import Peers
from tools.free_ports import free_ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("opennds"),
    pytest.mark.peer("opennds"),
    pytest.mark.peer("chromium"),
    pytest.mark.timeout(120),
]

FASKEY: Final = "a-faskey-of-more-than-thirty-two-octets"
PROBE: Final = "http://captive.apple.com/hotspot-detect.html"
INTERNET: Final = "http://www.example.org/"
_PEERS: Final = ("opennds", "dnsmasq", "php", "ipset", "xtables-legacy-multi", "busybox", "curl", "ip")
_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]


@dataclass(frozen=True)
class Library:
    """A portal that listens, and the row of its gateway."""

    runtime: Runtime
    nas_id: int
    site: Site

    async def session(self) -> Row[tuple[object, ...]]:
        """The gateway's one session."""
        question = select(accounting_sessions).where(accounting_sessions.c.nas_id == self.nas_id)
        async with self.runtime.database.read() as connection:
            return (await connection.execute(question)).one()


@pytest.fixture(scope="module")
def made_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town | None]:
    """One for all levels; None where programs or the right to make it are missing."""
    if not all(map(shutil.which, (*_PEERS, "chromium"))) or not may_make_namespaces():
        yield None
        return
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(made_town: Town | None) -> AsyncIterator[Browser | None]:
    """On the phone; one for all levels."""
    chromium = shutil.which("chromium")
    if made_town is None or chromium is None:
        yield None
        return
    async with async_playwright() as playwright:
        program = made_town.browser(Path(chromium))
        launched = await playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield launched
        await launched.close()


@pytest.fixture
def here(peers: Peers, made_town: Town | None) -> Town:
    """The town, with all that take part named."""
    for name in (*_PEERS, "chromium"):
        peers.require(name)
    require_namespaces()
    assert made_town is not None
    return made_town


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser | None, here: Town) -> AsyncIterator[Page]:
    """Without script and memory."""
    assert browser is not None, f"no browser in {here.phone}"
    # Browsers know the public's authorities; ours is for this test. That openNDS checks it is what matters here.
    context = await browser.new_context(java_script_enabled=False, ignore_https_errors=True)
    opened = await context.new_page()
    opened.set_default_timeout(15_000)
    yield opened
    await context.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("level", ["0", "1", "2", "3"])
async def test_a_phone_gets_online_sees_its_status_logs_out_and_is_captive_again(
    level: str, here: Town, page: Page, sqlite_url: str, keyring: Keyring, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    try:
        await be_online_and_leave(level, here, page, database, keyring, tmp_path)
    finally:
        await database.close()


async def be_online_and_leave(
    level: str, made_town: Town, page: Page, database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    """The whole visit."""
    authority = Authority(make_authority("Test", "Test", datetime.now(UTC)))
    async with serving(made_town, level, database, keyring, tmp_path, authority) as library:
        files = {**configured(library), "trusted.pem": authority.certificate.decode()}
        files["wgetrc"] = "ca_certificate = /etc/trusted.pem\n"
        trusting = {"SSL_CERT_FILE": "/etc/trusted.pem", "CURL_CA_BUNDLE": "/etc/trusted.pem"}
        async with opennds(made_town, files, trusting):
            await asyncio.to_thread(made_town.lease)
            assert made_town.fetch(f"http://{GARDEN_NAME}:443/") == "200 "
            assert made_town.fetch(PROBE).startswith(f"307 {library.site.arrival_url.partition('://')[0]}")

            await register(page)
            assert made_town.fetch(PROBE) == "200 "
            await page.goto(INTERNET)
            await expect(page.get_by_role("heading", level=1)).to_have_text("The internet")
            session = await library.session()
            assert (session.source, session.stopped_at) == ("authmon", None)

            await see_status_and_log_out(page, library)
            assert made_town.fetch(PROBE).startswith("307 ")
            # Octets are as of openNDS's latest look at its counters (checkinterval), so here mostly none.
            ended = await library.session()
            assert (ended.ended_by, ended.terminate_cause) == ("stop", 1)


async def register(page: Page) -> None:
    """From the probe's redirect to "you are online", by click-through."""
    await page.goto(PROBE)
    await page.wait_for_url("**/start")
    await page.locator('input[name="way"][value="click"]').check()
    await page.locator('input[name="accept_terms"]').check()
    await page.locator("#main-form button").click()
    await page.wait_for_url("**/online", timeout=30_000)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("You are online")


async def see_status_and_log_out(page: Page, library: Library) -> None:
    """By the status page; openNDS then shows a page of its own, whose one button leads back to the portal."""
    await page.go_back()
    await page.wait_for_url("**/online")
    await page.locator('a[href$="/status"]').click()
    await page.wait_for_url("**/status")
    journey = page.url.removesuffix("/status")
    await page.locator("#main-form button").click()
    await page.wait_for_url(f"{LOGIN_URL}/")
    async with asyncio.timeout(10):
        while not page.url.endswith("/ended"):
            await page.goto(f"{journey}/")


def configured(library: Library) -> dict[str, str]:
    """The files that the portal shows an engineer, with what stands for this place filled in, by path below /etc."""
    made = OpenNDS().configuration(library.site)
    filled = {"PORTAL-SECRET": FASKEY, "br-lan": "lan", "PORTAL-IP-ADDRESS": library.runtime.settings.portal.host}
    files = {}
    for snippet in made.snippets:
        text = snippet.text
        for placeholder, value in filled.items():
            text = text.replace(placeholder, value)
        files[snippet.place.removeprefix("/etc/")] = text
    # OpenWrt's, by which openNDS would take this for OpenWrt.
    del files["config/opennds"]
    files["opennds/opennds.conf"] = f"checkinterval 120\n{files['opennds/opennds.conf']}"
    return files


@asynccontextmanager
async def serving(
    made_town: Town, level: str, database: Database, keyring: Keyring, folder: Path, authority: Authority
) -> AsyncIterator[Library]:
    """The portal at its end of the cable: HTTPS for level 3, for which openNDS insists on it, else HTTP."""
    [port] = free_ports(1)
    scheme = "https" if level == "3" else "http"
    host, url = made_town.portal_address, f"{scheme}://{PORTAL_NAME}:{port}"
    portal = PortalSettings(public_url=url, host=host, port=port)
    runtime = Runtime(Settings(demo=True, data_directory=folder / "data", portal=portal), database, keyring)
    library = await build(runtime, level)
    runner = web.AppRunner(create_app(runtime))
    await runner.setup()
    try:
        context = tls(authority, folder) if scheme == "https" else None
        await web.TCPSite(runner, host, port, ssl_context=context).start()
        yield library
    finally:
        await runner.cleanup()


def tls(authority: Authority, folder: Path) -> ssl.SSLContext:
    """The portal's certificate, by the test's own authority."""
    pair = authority.issue_server([PORTAL_NAME], datetime.now(UTC))
    certificate, key = folder / "portal.pem", folder / "portal.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def build(runtime: Runtime, level: str) -> Library:
    """A council with terms, a library, and its gateway."""
    now, keyring, arrival_key = datetime.now(UTC), runtime.keyring, secrets.token_urlsafe(16)
    made = {"created_at": now, "updated_at": now}
    async with runtime.database.write() as connection:
        council = councils.insert().values(code="E08000026", name="Coventry", created_at=now).returning(councils.c.id)
        owned = {"council_id": (await connection.execute(council)).scalar_one()}
        venue = venues.insert().values(**owned, source="test", reference="1", name="Central Library", **made)
        venue_id = (await connection.execute(venue.returning(venues.c.id))).scalar_one()
        nas = network_access_servers.insert().values(
            **owned,
            **made,
            name="Central Library: hall",
            venue_id=venue_id,
            vendor="other",
            gateway_driver="opennds",
            secret_encrypted=keyring.encrypt("nas secret", b"none"),
            portal_secret_encrypted=keyring.encrypt("portal secret", FASKEY.encode()),
            login_url=LOGIN_URL,
            arrival_key=arrival_key,
            gateway_options=json.dumps({"level": level}),
        )
        nas_id = (await connection.execute(nas.returning(network_access_servers.c.id))).scalar_one()
        terms = {"version": 1, "language": "en", "text": "# Be kind", "published_at": now}
        await connection.execute(terms_versions.insert().values(**owned, **terms))
    url = runtime.settings.portal.public_url
    async with runtime.database.read() as connection:
        found = await equipment.find_gateways(connection, keyring, "opennds", Clue(None, None), url, arrival_key)
    site = Site(
        gateway=found[0],
        portal_url=url,
        arrival_url=f"{url}/arrive/opennds/{arrival_key}",
        api_url="",
        radius_host="",
        authentication_port=0,
        accounting_port=0,
        walled_garden=(GARDEN_NAME,),
    )
    return Library(runtime, nas_id, site)
