"""The gateway's front for a browser: redirects in, redirects out, a small internet behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.gateway import Gateway
from citywifi.replay.gateway_http import HttpFront, device_of_phone, expired
from citywifi.replay.schedule import TerminateCause
from citywifi.replay.uam import seal
from tests.citywifi.replay.conftest import UAM_SECRET, RadiusDouble
from tests.citywifi.replay.test_gateway import log_on_query, query_of


@pytest.fixture
async def front(gateway: Gateway) -> AsyncIterator[HttpFront]:
    opened = HttpFront(gateway)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def location(browser: aiohttp.ClientSession, gateway: Gateway, path: str) -> str:
    async with browser.get(f"{gateway.settings.base_url}{path}", allow_redirects=False) as response:
        assert response.status == 302
        return response.headers["Location"]


async def test_a_browser_is_sent_to_the_portal_let_on_and_sees_the_internet(
    gateway: Gateway, front: HttpFront, browser: aiohttp.ClientSession, answered: list[AccountingRecord]
) -> None:
    redirect = await location(browser, gateway, "/some/page?x=1")
    assert query_of(redirect)["res"] == "notyet"
    unsealed, _, digest = redirect.partition("&md=")
    assert digest == seal(unsealed, UAM_SECRET)
    assert query_of(redirect)["userurl"] == f"{gateway.settings.base_url}/some/page?x=1"
    query = "&".join(f"{name}={value}" for name, value in log_on_query(redirect).items())
    assert query_of(await location(browser, gateway, f"/logon?{query}"))["res"] == "success"
    async with browser.get(f"{gateway.settings.base_url}/") as response:
        assert "You are on the internet" in await response.text()
        assert not response.cookies
    assert query_of(await location(browser, gateway, "/prelogin"))["res"] == "already"
    assert query_of(await location(browser, gateway, "/logoff"))["res"] == "logoff"
    assert query_of(await location(browser, gateway, "/"))["res"] == "notyet"
    assert answered[-1].status is Status.STOP
    assert answered[-1].output_octets > 500, "the pages were not counted"


async def test_prelogin_brings_a_fresh_challenge(
    gateway: Gateway, front: HttpFront, browser: aiohttp.ClientSession
) -> None:
    first = await location(browser, gateway, "/prelogin")
    second = await location(browser, gateway, "/prelogin")
    assert query_of(first)["challenge"] != query_of(second)["challenge"]


async def test_one_browser_can_be_several_phones(
    gateway: Gateway, front: HttpFront, browser: aiohttp.ClientSession
) -> None:
    assert await location(browser, gateway, "/phone/5") == "/"
    assert query_of(await location(browser, gateway, "/"))["mac"] == "00-00-5E-00-53-05"
    new = await location(browser, gateway, "/phone/new")
    await location(browser, gateway, new)
    assert query_of(await location(browser, gateway, "/"))["mac"].startswith("02-00-5E-")


async def test_phones_have_distinct_addresses() -> None:
    numbers = [1, 2, 0x7F, 0x80, 0x81, 0xFFFF, 0xFFFFFF]
    assert len({device_of_phone(number) for number in numbers}) == len(numbers)
    assert [device_of_phone(number).is_locally_administered for number in (0x7F, 0x80)] == [False, True]


async def test_leaving_and_coming_back_is_a_first_packet_once_more(
    gateway: Gateway, front: HttpFront, browser: aiohttp.ClientSession, radius: RadiusDouble
) -> None:
    await location(browser, gateway, "/")
    await location(browser, gateway, "/")
    assert len(radius.requests) == 1
    await location(browser, gateway, "/leave")
    await location(browser, gateway, "/")
    assert len(radius.requests) == 2


async def test_sessions_of_browsers_end_when_the_gateway_goes_down(
    gateway: Gateway, browser: aiohttp.ClientSession, answered: list[AccountingRecord]
) -> None:
    front = HttpFront(gateway)
    await front.open()
    redirect = await location(browser, gateway, "/")
    query = "&".join(f"{name}={value}" for name, value in log_on_query(redirect).items())
    await location(browser, gateway, f"/logon?{query}")
    await front.close()
    assert answered[-1].terminate_cause is TerminateCause.NAS_REBOOT


async def test_limits_end_a_session_by_their_names(gateway: Gateway) -> None:
    phone = gateway.connect(device_of_phone(2))
    assert expired(phone, 10, 10) is None
    await gateway.log_on(phone, log_on_query(gateway.intercept(phone, "")))
    assert phone.session is not None
    phone.last_seen_at = phone.clock()
    assert expired(phone, 10, 10) is None
    phone.last_seen_at -= timedelta(seconds=11)
    assert expired(phone, 10, 10) is TerminateCause.IDLE_TIMEOUT
    phone.session.started_at -= timedelta(seconds=11)
    assert expired(phone, 10, 10) is TerminateCause.SESSION_TIMEOUT
    assert expired(phone, 0, 0) is None
    await phone.session.starting  # type: ignore[misc]  # it was started by log_on
