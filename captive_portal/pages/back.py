"""Where a gateway sends the browser when it has let the device on, if it has something to tell."""

from __future__ import annotations

from aiohttp import web

from captive_portal import metrics
from captive_portal.gateways.base import Refusal
from captive_portal.pages.common import RUNTIME, clock, open_visit, save, see_other
from captive_portal.way_back import take_return


async def come_back(request: web.Request) -> web.Response:
    """GET back/MARK: keep what it tells, then go on to the page that waits for proof."""
    runtime, now = request.app[RUNTIME], clock()
    raw_query = request.raw_path.partition("?")[2]
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        after = await take_return(connection, runtime, visit, request.match_info["mark"], raw_query, now)
        if isinstance(after, Refusal):
            # The resident has done nothing wrong, and may well be online.
            metrics.arrivals.labels(journey.details.driver, after.reason).inc()
        elif after != journey:
            await save(connection, runtime, journey, after, now)
    return see_other(journey.current_path())
