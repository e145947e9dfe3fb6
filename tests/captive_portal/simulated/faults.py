"""What goes wrong on the way, each as a visit that must end online in spite of it."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from captive_portal.gateways import DRIVERS
from captive_portal.journey import PATIENCE
from foundation.schema import accounting_sessions
from radius.dynamic_authorization import Result, disconnect_session
from tests.captive_portal.simulated.base import SimulatedGateway, with_new_address
from tests.captive_portal.simulated.browser import SimulatedBrowser
from tests.captive_portal.simulated.place import Place

Fault = Callable[[Place], Awaitable[None]]
_MOST_TRIES: Final = 4
# How long proof is waited for before the clock is put forward to where the page offers to try again.
_WAITS_SECONDS: Final = 0.5
_CLICK: Final = {"way": "click", "accept_terms": "yes"}


async def lost_reply(place: Place) -> None:
    """The first reply of RADIUS is lost, and the gateway asks again."""
    browser = await place.browser().be_intercepted()
    place.gateway.radius.faults.lost_replies = 1
    await browser.click_through()
    await _is_online(browser)
    assert place.gateway.radius.faults.lost_replies == 0


async def retransmission(place: Place) -> None:
    """An impatient gateway sends each request twice."""
    place.gateway.radius.faults.sends_twice = True
    await _get_online(await place.browser().be_intercepted())


async def double_click(place: Place) -> None:
    """The first page's button is pressed twice before the answer is there."""
    browser = await place.browser().be_intercepted()
    again = copy.copy(browser)
    await asyncio.gather(browser.submit(**_CLICK), again.submit(**_CLICK))
    for each in (browser, again):
        await _try_until_online(place, each)
        await _is_online(each)


async def reload_after_grant(place: Place) -> None:
    """Every page of the way is opened once more when the device is on."""
    browser = await _get_online(await place.browser().be_intercepted())
    for url in dict.fromkeys(browser.history):
        await browser.open(url)
        await _try_until_online(place, browser)
    await _is_online(browser)


async def back_button(place: Place) -> None:
    """The first page comes back out of the browser's memory, and its form is sent again."""
    browser = await place.browser().be_intercepted()
    first_page = copy.copy(browser)
    await _get_online(browser)
    await first_page.submit(**_CLICK)
    await _try_until_online(place, first_page)
    await _is_online(first_page)


async def expired_hand_over(place: Place) -> None:
    """The resident reads the terms for so long that the gateway's challenge is good no longer."""
    browser = await place.browser().be_intercepted()
    place.gateway.expire_hand_over(browser.device)
    await browser.submit(**_CLICK)
    await _try_until_online(place, browser)
    await _is_online(browser)


async def changed_address(place: Place) -> None:
    """DHCP gives the device another IP address while its owner reads the terms."""
    browser = await place.browser().be_intercepted()
    with_new_address(browser.device)
    await browser.submit(**_CLICK)
    await _try_until_online(place, browser)
    if not await browser.probe():
        # The gateway let on what the device was before; the phone finds that out by itself, and opens its sheet.
        await browser.open(browser.client.probe_url)
        await _try_until_online(place, browser)
    await _is_online(browser)


async def two_tabs(place: Place) -> None:
    """The probe's window and the person's own, both at the first page."""
    one = await place.browser("windows_ncsi").be_intercepted()
    other = await place.browser("windows_ncsi", one.device).be_intercepted()
    await _get_online(one)
    await other.submit(**_CLICK)
    await _try_until_online(place, other)
    await _is_online(other)


async def refused_dynamic_authorization(place: Place) -> None:
    """The gateway refuses the first request by RFC 5176, whoever sends it."""
    gateway = place.gateway
    gateway.refused_dynamic_requests = 1
    browser = await _get_online(await place.browser().be_intercepted())
    if gateway.refused_dynamic_requests:
        assert await _disconnect(place) is Result.REFUSED
        await _is_online(browser)
    assert await _disconnect(place) is Result.DISCONNECTED
    await gateway.settle()
    # Where RADIUS decides on its address, a device that was put off joins anew and is let on.
    is_let_on_again = DRIVERS[gateway.driver].capabilities.needs_address_only
    assert await browser.probe() is is_let_on_again


async def failing_api(place: Place) -> None:
    """The controller has had too many requests, then it has forgotten who we are."""
    place.gateway.api_faults = [429, 401]
    await _get_online(await place.browser().be_intercepted())
    assert not place.gateway.api_faults


async def fast_clock(place: Place) -> None:
    """The gateway's clock is ten minutes fast."""
    place.gateway.clock_skew = timedelta(minutes=10)
    await _get_online(await place.browser().be_intercepted())


async def slow_clock(place: Place) -> None:
    """The gateway's clock is ten minutes slow."""
    place.gateway.clock_skew = timedelta(minutes=-10)
    await _get_online(await place.browser().be_intercepted())


async def late_code(place: Place) -> None:
    """The code is there after three minutes; the sheet was closed meanwhile and is opened anew."""
    browser = await _ask_for_code(place)
    await place.let_time_pass(browser, timedelta(minutes=3))
    sheet = await place.browser(device=browser.device).open(browser.client.probe_url)
    assert sheet.place == "code", sheet.shown
    await sheet.submit(code=_newest_code(place))
    await _try_until_online(place, sheet)
    await _is_online(sheet)


async def code_with_spaces(place: Place) -> None:
    """The code is typed as people read it out."""
    browser = await _ask_for_code(place)
    digits = _newest_code(place)
    await browser.submit(code=f" {digits[:3]} {digits[3:]} ")
    await _try_until_online(place, browser)
    await _is_online(browser)


async def ipv6_only(place: Place) -> None:
    """The device has no IPv4 address."""
    device = place.device(ipv6_only=True)
    await _get_online(await place.browser(device=device).be_intercepted())


FAULTS: Final[Mapping[str, Fault]] = {
    "lost RADIUS reply": lost_reply,
    "retransmission": retransmission,
    "double click": double_click,
    "reload after grant": reload_after_grant,
    "back button": back_button,
    "expired challenge": expired_hand_over,
    "changed IP address": changed_address,
    "two tabs": two_tabs,
    "CoA-NAK": refused_dynamic_authorization,
    "API 429, then 401": failing_api,
    "clock 10 minutes fast": fast_clock,
    "clock 10 minutes slow": slow_clock,
    "code after 3 minutes": late_code,
    "code with spaces": code_with_spaces,
    "IPv6-only client": ipv6_only,
}


def mend(gateway: SimulatedGateway) -> None:
    """Nothing is wrong any more."""
    gateway.radius.faults.lost_replies, gateway.radius.faults.sends_twice = 0, False
    gateway.refused_dynamic_requests, gateway.clock_skew = 0, timedelta(0)
    gateway.api_faults.clear()


def why_not(gateway: type[SimulatedGateway], fault: str) -> str | None:
    """Why a fault cannot happen at this gateway; None where it can."""
    capabilities = DRIVERS[gateway.driver].capabilities
    is_impossible = {
        "lost RADIUS reply": not gateway.uses_radius,
        "retransmission": not gateway.uses_radius,
        "expired challenge": capabilities.hand_over_lifetime_seconds is None,
        "CoA-NAK": not gateway.takes_dynamic_authorization,
        "API 429, then 401": not hasattr(DRIVERS[gateway.driver], "call"),
    }
    return gateway.not_applicable.get(fault) or (_REASONS[fault] if is_impossible.get(fault) else None)


_REASONS: Final = {
    "lost RADIUS reply": "it lets devices on without RADIUS",
    "retransmission": "it lets devices on without RADIUS",
    "expired challenge": "what it hands over does not age",
    "CoA-NAK": "it takes no requests by RFC 5176",
    "API 429, then 401": "it has no controller that the portal calls",
}


async def _get_online(browser: SimulatedBrowser) -> SimulatedBrowser:
    await browser.click_through()
    assert browser.is_well, browser.shown
    return await _is_online(browser)


async def _is_online(browser: SimulatedBrowser) -> SimulatedBrowser:
    """The device is on, and the portal says so."""
    assert await browser.probe(), f"captive, at {browser.shown}"
    await browser.look_at_journey()
    assert browser.place == "online", browser.shown
    return browser


async def _try_until_online(place: Place, browser: SimulatedBrowser) -> None:
    """Do as a person does: wait, open the sign-in page again where the gateway shows one of its own, press again."""
    for _ in range(_MOST_TRIES):
        await browser.go_through_gateway()
        try:
            await browser.wait(_WAITS_SECONDS)
        except TimeoutError:
            await place.let_time_pass(browser, PATIENCE)
            await browser.reload()
        if browser.place == "" and not await browser.probe():
            await browser.open(browser.client.probe_url)
        elif browser.place in ("", "online"):
            return
        if browser.page.main_form is not None:
            await browser.submit(**(_CLICK if browser.place == "start" else {}))


async def _disconnect(place: Place) -> Result:
    """An engineer ends the newest session."""
    await place.gateway.settle()
    async with place.database.read() as connection:
        newest = select(accounting_sessions.c.id).order_by(accounting_sessions.c.id.desc()).limit(1)
        session_id = (await connection.execute(newest)).scalar_one()
    return (await disconnect_session(place.database, place.runtime.keyring, session_id)).result


async def _ask_for_code(place: Place) -> SimulatedBrowser:
    browser = await place.browser().be_intercepted()
    await browser.submit(way="email", accept_terms="yes")
    assert browser.place == "email", browser.shown
    await browser.submit(email=f"{browser.device.plain}@example.org")
    assert browser.place == "code", browser.shown
    return browser


def _newest_code(place: Place) -> str:
    newest = max(place.runtime.settings.outbox_directory.glob("*.eml"))
    found = re.search(r"^(\d{6})\s*$", newest.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]
