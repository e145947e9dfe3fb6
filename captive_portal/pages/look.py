"""A visit after what accounting says of it: whether its device is on, and by which session."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from aiohttp import web

from captive_portal.journey import Journey, State
from captive_portal.pages.common import RUNTIME, open_visit, save
from captive_portal.release import find_proof, judge
from captive_portal.storage import passes
from captive_portal.storage.journeys import Visit
from foundation.database import Statements


async def look(request: web.Request, now: datetime) -> tuple[Visit, passes.Session | None]:
    """The visit after what accounting says of it, stored where that changed it."""
    runtime = request.app[RUNTIME]
    async with runtime.database.short_read() as connection:
        visit, after, session = await _judged(request, connection, now)
    if after == visit.journey:
        return visit, session
    async with runtime.database.short_write() as connection:
        visit, after, session = await _judged(request, connection, now, for_update=True)
        await save(connection, runtime, visit.journey, after, now)
    return replace(visit, journey=after), session


async def _judged(
    request: web.Request, connection: Statements, now: datetime, *, for_update: bool = False
) -> tuple[Visit, Journey, passes.Session | None]:
    visit = await open_visit(request, connection, now, for_update=for_update)
    if visit.journey.state not in (State.WAITING, State.ONLINE):
        return visit, visit.journey, None
    session = await find_proof(connection, visit.journey)
    return visit, judge(visit.journey, session, request.app[RUNTIME], now), session
