"""Where gateways send browsers, and the front door for those who come by themselves."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web

from captive_portal import metrics
from captive_portal.arrival import CheckedArrival, Meeting, check, find_named, meet_again, meet_device, store
from captive_portal.errands.controllers import CONTROLLERS
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import GatewayDriver, Outcome, Refusal, ResolvingDriver
from captive_portal.journey import Journey, State
from captive_portal.pages.common import RUNTIME, clock, perform, render, save, see_other
from captive_portal.release import send_to_gateway
from captive_portal.storage import equipment
from captive_portal.storage.journeys import Visit


async def arrive(request: web.Request) -> web.Response:
    """GET /arrive/DRIVER, or its own address: check the redirect, then show the page that the journey is at."""
    driver = DRIVERS.get(request.match_info["driver"])
    if driver is None:
        raise web.HTTPNotFound
    runtime, now = request.app[RUNTIME], clock()
    # Seals are computed over the text as it was sent; aiohttp's own URL is decoded and written anew.
    raw_query = request.raw_path.partition("?")[2]
    async with runtime.database.short_read() as connection:
        if named := await find_named(connection, runtime, driver, raw_query, now):
            metrics.arrivals.labels(driver.name, Outcome.GRANTED).inc()
            return see_other(named.current_path())
        checked = await check(connection, runtime, driver, raw_query, request.match_info.get("arrival_key"))
    if isinstance(checked, CheckedArrival) and isinstance(driver, ResolvingDriver) and _is_hidden(checked):
        checked = await request.app[CONTROLLERS].resolve(driver, checked)
    if isinstance(checked, Refusal):
        metrics.arrivals.labels(driver.name, checked.reason).inc()
        context = {"reference": checked.reason, "can_switch_language": False}
        return render(request, "refused.html", context, status=400)
    async with runtime.database.short_read() as connection:
        known = await meet_again(connection, runtime, checked, now)
    metrics.arrivals.labels(driver.name, checked.arrival.outcome).inc()
    return await go_on(request, driver, checked, known, now)


def _is_hidden(checked: CheckedArrival) -> bool:
    return isinstance(checked.arrival.device, str)


async def go_on(
    request: web.Request, driver: GatewayDriver, checked: CheckedArrival, known: Meeting | None, now: datetime
) -> web.Response:
    """To the page that the journey of a device that arrived is at; ``known`` as ``meet_again`` gives it."""
    if known is not None and known.changes_nothing:
        return see_other(known.after.current_path())
    runtime = request.app[RUNTIME]
    accept_language = request.headers.get("Accept-Language", "")
    async with runtime.database.short_write() as connection:
        meeting = await meet_device(connection, runtime, checked, driver, accept_language, now)
        journey = await store(connection, runtime, meeting, now)
        if not _goes_straight_on(journey):
            return see_other(journey.current_path())
        released, action = await send_to_gateway(connection, runtime, journey, checked.gateway, now)
        await save(connection, runtime, journey, released, now)
        place = await equipment.load_place(connection, journey.council_id, journey.venue_id)
    return perform(request, action, Visit(released, checked.gateway, place))


async def arrive_from_unifi(request: web.Request) -> web.Response:
    """GET /guest/s/SITE/: where UniFi sends browsers, whatever is configured; the site goes on as a parameter."""
    raw_query, site = request.raw_path.partition("?")[2], request.match_info["site"]
    return see_other(f"/arrive/unifi?{raw_query}&site={site}" if raw_query else f"/arrive/unifi?site={site}")


def _goes_straight_on(journey: Journey) -> bool:
    """The resident pressed "connect" and the browser only went to fetch a fresh hand-over."""
    return journey.state is State.RELEASE and journey.details.renewing and journey.is_registered


async def front_door(request: web.Request) -> web.Response:
    """GET /: nobody is redirected here; say how to get on."""
    return render(request, "front_door.html", {})
