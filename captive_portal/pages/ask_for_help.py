"""The resident's side of help at a desk: a number on the screen, until a member of staff has said yes to it."""

from __future__ import annotations

from aiohttp import web

from captive_portal.journey import State
from captive_portal.pages.common import RUNTIME, clock, open_visit, render_visit, see_other, viewing
from captive_portal.storage import help_requests


async def show_help(request: web.Request) -> web.Response:
    """GET help: the number, and a look now and then whether somebody has said yes."""
    runtime, now = request.app[RUNTIME], clock()
    async with viewing(request, "help") as (connection, visit):
        number = await help_requests.number_of(connection, visit.journey.id, now)
    if number is None:
        async with runtime.database.short_write() as connection:
            visit = await open_visit(request, connection, now, for_update=True)
            if visit.journey.state is not State.HELP:
                return see_other(visit.journey.current_path())
            number = await help_requests.ask(
                connection,
                runtime.database,
                council_id=visit.journey.council_id,
                journey_id=visit.journey.id,
                venue_id=visit.journey.venue_id,
                now=now,
            )
    return render_visit(request, visit, "help.html", {"number": number}, status=503 if number is None else 200)
