"""The resident's side of help at a desk: a number on the screen, until a member of staff has said yes to it."""

from __future__ import annotations

from aiohttp import web

from captive_portal.journey import State
from captive_portal.pages.common import RUNTIME, clock, render_visit, see_other, viewing
from captive_portal.storage import help_requests
from captive_portal.storage.journeys import load_visit


async def show_help(request: web.Request) -> web.Response:
    """GET help: the number, and a look now and then whether somebody has said yes."""
    runtime, now = request.app[RUNTIME], clock()
    async with viewing(request, "help") as (connection, visit):
        number = await help_requests.number_of(connection, visit.journey.id, now)
    if number is None:
        async with runtime.database.short_write() as connection:
            current = await load_visit(
                connection,
                runtime.keyring,
                visit.journey.details.path_id,
                runtime.settings.portal.public_url.rstrip("/"),
                now=now,
                for_update=True,
            )
            if current is None or current.journey.state is not State.HELP:
                return see_other(visit.journey.path(""))
            number = await help_requests.ask(
                connection,
                runtime.database,
                council_id=visit.journey.council_id,
                journey_id=visit.journey.id,
                venue_id=visit.journey.venue_id,
                now=now,
            )
    if number is None:
        return render_visit(request, visit, "help.html", {"number": None}, status=503)
    return render_visit(request, visit, "help.html", {"number": number})
