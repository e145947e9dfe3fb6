"""What a real browser makes of the page that hands over to a gateway; simulated ones do what we believe of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright
from sqlalchemy import update

from captive_portal.app import create_app
from foundation.schema import network_access_servers
from tests.captive_portal.conftest import City, token_names
from tests.support.peers import Peers

pytestmark = [pytest.mark.slow, pytest.mark.peer("chromium")]
StartServer = Callable[[web.Application], Awaitable[TestServer]]

# Escapes in both cases, an escape of what needs none, a plus sign and what forms would encode.
_QV = "Zm9v+b%2ab%2Fr%7E~%61=%3D.!$'()*,;:@/?"


async def test_cambiums_query_comes_back_octet_for_octet_and_the_browser_may_go_on(
    city: City, aiohttp_server: StartServer, peers: Peers
) -> None:
    came: list[tuple[str, dict[str, object]]] = []

    async def arrived(_request: web.Request) -> web.Response:
        return web.Response(text="<title>The internet</title>", content_type="text/html")

    internet = web.Application()
    internet.router.add_get("/", arrived)
    internet_url = str((await aiohttp_server(internet)).make_url("/"))

    async def take_login(request: web.Request) -> web.Response:
        came.append((request.raw_path, dict(await request.post())))
        return web.Response(status=302, headers={"Location": internet_url})

    access_point = web.Application()
    access_point.router.add_post("/cgi-bin/hotspot_login.cgi", take_login)
    login_url = str((await aiohttp_server(access_point)).make_url("")).rstrip("/")
    row = {"gateway_driver": "cambium", "login_url": login_url, "portal_secret_encrypted": None}
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(**row))
    portal = str((await aiohttp_server(create_app(city.runtime))).make_url("/arrive/cambium"))
    query = (
        f"ga_ssid=City%20WiFi&ga_ap_mac=00-00-5E-00-53-00&ga_nas_id=central&ga_srvr=127.0.0.1&ga_cmac=00-00-5E-00-53-01"
        f"&ga_Qv={_QV}&ga_orig_url=http%3a%2f%2fexample.org%2f"
    )
    # The browser's own parser changes what it must, on the way to us, once.
    seen = query.replace("'", "%27")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=peers.require("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        page = await browser.new_page(java_script_enabled=False)
        await page.goto(f"{portal}?{query}")
        await page.check('input[name="way"][value="click"]')
        await page.check('input[name="accept_terms"]')
        await page.click("#main-form button")
        await page.click("#main-form button")
        await page.wait_for_url(internet_url)
        await browser.close()

    [user_name] = await token_names(city)
    password = city.runtime.keyring.one_time_password(user_name)
    assert came == [(f"/cgi-bin/hotspot_login.cgi?{seen}", {"ga_user": user_name, "ga_pass": password})]
