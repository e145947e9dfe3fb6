"""From the release on: connect, waiting, online, status, log out, failed, ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from aiohttp import web

from captive_portal import capport, metrics
from captive_portal.errands.errands import Errand
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import BrowserForm, BrowserRedirect, UsageDriver
from captive_portal.journey import Journey, State, advance, is_patient, must_register
from captive_portal.languages import show_duration, show_octets, show_time
from captive_portal.pages import news
from captive_portal.pages.check import check
from captive_portal.pages.common import (
    ERRANDS,
    RUNTIME,
    change_language,
    clock,
    open_visit,
    perform,
    release,
    render_visit,
    save,
    see_other,
    viewing,
)
from captive_portal.pages.look import look
from captive_portal.release import call_again
from captive_portal.secure_wifi import is_offered
from captive_portal.storage import passes, residents
from captive_portal.storage.journeys import Visit

# Short at first, because proof mostly comes at once; then slow, because each reload interrupts a screen reader.
_FIRST_RELOAD_SECONDS = 2
_LATER_RELOAD_SECONDS = 5
_QUICK_FOR_SECONDS = 6
_LONGEST_SESSION = timedelta(days=1)
_LOG_OUT_PATIENCE_SECONDS = 3


async def show_state(request: web.Request) -> web.Response:
    """GET connect, failed, ended: pages that only say where the resident is."""
    page = request.path.rpartition("/")[2]
    async with viewing(request, page) as (_connection, visit):
        return render_visit(request, visit, f"{page}.html")


async def show_journey(request: web.Request) -> web.Response:
    """GET the journey itself: go to its page."""
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, clock())
    return see_other(visit.journey.current_path())


async def show_expired(request: web.Request) -> web.Response:
    """GET expired: how to begin again; its gateway is still known."""
    now = clock()
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
    if visit.journey.state is not State.EXPIRED:
        return see_other(visit.journey.current_path())
    return render_visit(request, visit, "expired.html", {"can_switch_language": False}, status=410)


async def connect(request: web.Request) -> web.Response:
    """POST connect: the one button of a returning device, and of every "try again"."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state is State.EXPIRED:
            action = DRIVERS[journey.details.driver].renew(journey.details.hand_over, visit.gateway)
            return perform(request, action, visit)
        if journey.state not in (State.RELEASE, State.WAITING, State.FAILED, State.ENDED):
            return see_other(journey.current_path())
        if not journey.may_be_on(now):
            after = advance(journey, must_register(journey))
            await save(connection, runtime, journey, after, now)
            return see_other(after.current_path())
        return await release(request, connection, visit, journey, now)


async def show_waiting(request: web.Request) -> web.Response:
    """GET waiting: reloads itself until accounting proves that the device is on, or patience ends."""
    now = clock()
    visit, _session = await look(request, now)
    if answer := await change_language(request, now):
        return answer
    journey = visit.journey
    if journey.state is not State.WAITING:
        return see_other(journey.current_path())
    await _call_again(request, visit, now)
    since = journey.details.waiting_since
    waited_seconds = (now - since).total_seconds() if since else 0.0
    reload_seconds = _FIRST_RELOAD_SECONDS if waited_seconds < _QUICK_FOR_SECONDS else _LATER_RELOAD_SECONDS
    context = {"patient": is_patient(journey, now), "reload_seconds": reload_seconds}
    return render_visit(request, visit, "waiting.html", context)


async def _call_again(request: web.Request, visit: Visit, now: datetime) -> None:
    """The process that called the controller for this journey may have died; the call changes nothing if it did it."""
    runtime = request.app[RUNTIME]
    async with runtime.database.short_read() as connection:
        action = await call_again(connection, runtime, visit.journey, visit.gateway, now)
    if action is not None:
        request.app[ERRANDS].begin(Errand(visit.journey, visit.gateway, action))


async def show_online(request: web.Request) -> web.Response:
    """GET online: you are online."""
    now = clock()
    visit, _session = await look(request, now)
    if answer := await change_language(request, now):
        return answer
    if not visit.journey.shows("online"):
        return see_other(visit.journey.current_path())
    settings = request.app[RUNTIME].settings
    asks_about_news = False
    if visit.journey.contact_is_proved(now):
        async with request.app[RUNTIME].database.read() as connection:
            asks_about_news = await news.asks(connection, visit, now)
    context = {
        "asks_about_news": asks_about_news,
        # Grace is for a code, not for a credential.
        "secure_network": visit.journey.is_registered and not visit.journey.is_in_grace and is_offered(settings),
        "grace_minutes": settings.portal.grace_seconds // 60,
        "verified": request.query.get("verified") == "yes",
        # Where equipment asks about the device's address again and again, it must be known to stay on.
        "stays_on": not _decides_on_address(visit.journey),
    }
    return render_visit(request, visit, "online.html", context)


async def show_status(request: web.Request) -> web.Response:
    """GET status: time online, data used, time left; from accounting, so as old as its latest record."""
    runtime, now = request.app[RUNTIME], clock()
    visit, session = await look(request, now)
    if answer := await change_language(request, now):
        return answer
    if not visit.journey.shows("status"):
        return see_other(visit.journey.current_path())
    async with runtime.database.short_read() as connection:
        journey = visit.journey
        device = await residents.find_device(connection, journey.council_id, journey.mac_pseudonym)
        checked = await check(connection, runtime, visit, session, now)
    # Where RADIUS decides on its address, a device may be let on for the session and no longer.
    remembered_from = now + (_LONGEST_SESSION if _decides_on_address(journey) else timedelta(0))
    remembered = device is not None and (device.remembered_until or now) > remembered_from
    context = {
        "figures": _figures(visit, session, checked.standing, now) if session else None,
        "answer": checked.answer,
        "remembered": remembered,
        "secure_network": journey.is_registered and is_offered(runtime.settings),
        "forgotten": request.query.get("forgotten") == "yes",
        "can_log_out": DRIVERS[journey.details.driver].capabilities.can_log_out,
    }
    return render_visit(request, visit, "status.html", context)


def _decides_on_address(journey: Journey) -> bool:
    return DRIVERS[journey.details.driver].capabilities.needs_address_only


def _figures(
    visit: Visit, session: passes.Session, standing: capport.OpenSession | None, now: datetime
) -> dict[str, str | bool]:
    left = capport.remaining(standing, now) if standing is not None else None
    counts_data = _counts_data(visit.journey)
    return {
        "online_for": show_duration(now - session.started_at),
        "data_used": show_octets(session.octets) if counts_data else "",
        "time_left": show_duration(timedelta(seconds=left.seconds if left else 0)),
        "data_left": show_octets(left.octets) if counts_data and left and left.octets is not None else "",
        "can_extend": left is not None and left.can_extend,
        "as_of": show_time(session.updated_at, visit.place.time_zone),
    }


def _counts_data(journey: Journey) -> bool:
    """Whether anyone tells what the device has used; else nothing counted would look like nothing used."""
    driver = DRIVERS[journey.details.driver]
    return driver.capabilities.sends_accounting or isinstance(driver, UsageDriver)


async def log_out(request: web.Request) -> web.Response:
    """POST logout: the gateway ends the session and sends the browser back with the news."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_read() as connection:
        visit = await open_visit(request, connection, now)
    if not visit.journey.shows("status"):
        return see_other(visit.journey.current_path())
    driver = DRIVERS[visit.journey.details.driver]
    if not driver.capabilities.can_log_out:
        return see_other(visit.journey.path("status"))
    metrics.releases.labels(driver.name, "log-out").inc()
    action = driver.log_out(visit.journey.details.hand_over, visit.gateway)
    if isinstance(action, BrowserRedirect | BrowserForm):
        return perform(request, action, visit)
    # The page that the resident sees next should say how it went, so it is worth a moment.
    errand = request.app[ERRANDS].begin(Errand(visit.journey, visit.gateway, action))
    await asyncio.wait([errand], timeout=_LOG_OUT_PATIENCE_SECONDS)
    return see_other(visit.journey.path(""))


async def forget(request: web.Request) -> web.Response:
    """POST forget: the device is no longer let on by itself."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.details.device_id is None or not journey.shows("status"):
            return see_other(journey.current_path())
        await residents.forget_device(connection, journey.details.device_id)
        details = replace(journey.details, remember=False)
        await save(connection, runtime, journey, replace(journey, details=details), now)
    return see_other(f"{journey.path('status')}?forgotten=yes")
