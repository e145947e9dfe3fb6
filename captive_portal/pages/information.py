"""Terms, privacy notice, accessibility statement and logos: there before anything is asked, and without a journey."""

from __future__ import annotations

from aiohttp import web

from captive_portal import registration
from captive_portal.information_rights.terms import read_blocks
from captive_portal.journey import Journey
from captive_portal.languages import current_language
from captive_portal.pages.common import LASTING, RUNTIME, change_language, clock, open_visit, render, render_visit
from captive_portal.storage import equipment, marketing, residents
from foundation.database import Statements
from foundation.retention_limits import limits_of

# The easy ones say the same in short sentences, for people who find reading hard.
TOPICS = ("terms", "privacy", "accessibility", "easy-terms", "easy-privacy")


async def show_on_journey(request: web.Request) -> web.Response:
    """GET /j/{path_id}/{topic}: with a way back to the journey."""
    now, topic = clock(), request.path.rpartition("/")[2]
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
        context = await _context(request, connection, visit.journey.council_id)
    if answer := await change_language(request, now):
        return answer
    return render_visit(request, visit, f"{topic}.html", {**context, "back": _back(visit.journey)})


async def show_for_council(request: web.Request) -> web.Response:
    """GET /councils/{code}/{topic}."""
    topic = request.path.rpartition("/")[2]
    async with request.app[RUNTIME].database.short_read() as connection:
        place = await equipment.find_council(connection, request.match_info["code"])
        if place is None:
            raise web.HTTPNotFound
        context = await _context(request, connection, place.council_id)
    prefix = f"/councils/{place.council_code}/"
    return render(request, f"{topic}.html", {**context, "place": place, "information": prefix, "back": ""})


async def show_logo(request: web.Request) -> web.Response:
    """GET /logos/{digest}.png: a council's logo. Another picture has another address."""
    async with request.app[RUNTIME].database.short_read() as connection:
        octets = await equipment.load_logo(connection, request.match_info["digest"])
    if octets is None:
        raise web.HTTPNotFound
    request[LASTING] = True
    return web.Response(body=octets, content_type="image/png")


async def choose_council(request: web.Request) -> web.Response:
    """GET /terms, /privacy, /accessibility: the council's, or a list where there are several."""
    topic = request.path.rpartition("/")[2]
    async with request.app[RUNTIME].database.short_read() as connection:
        councils = await equipment.list_councils(connection)
    if len(councils) == 1:
        return web.Response(status=303, headers={"Location": f"/councils/{councils[0][0]}/{topic}"})
    return render(request, "councils.html", {"councils": councils, "topic": topic})


def _back(journey: Journey) -> str:
    return journey.current_path()


async def _context(request: web.Request, connection: Statements, council_id: int) -> dict[str, object]:
    settings = request.app[RUNTIME].settings
    terms = registration.choose_terms(await residents.current_terms(connection, council_id), current_language.get())
    return {
        "terms": terms,
        "blocks": read_blocks(terms.text) if terms else [],
        "retention": await limits_of(connection, settings.retention, council_id),
        "asks_about_news": await marketing.is_asked(connection, council_id),
        "remembered_days": settings.portal.remembered_device_days,
        "secure_network": settings.portal.secure_network_name,
    }
