"""Terms, privacy notice, accessibility statement and logos: there before anything is asked, and without a journey."""

from __future__ import annotations

from aiohttp import web

from captive_portal import registration
from captive_portal.information_rights.terms import read_blocks
from captive_portal.journey import Journey
from captive_portal.languages import current_language
from captive_portal.pages.common import LASTING, RUNTIME, change_language, clock, open_visit, render, render_visit
from captive_portal.storage import equipment, residents
from foundation.retention_limits import limits_of
from foundation.settings import RetentionSettings

# The easy ones say the same in short sentences, for people who find reading hard.
TOPICS = ("terms", "privacy", "accessibility", "easy-terms", "easy-privacy")


async def show_on_journey(request: web.Request) -> web.Response:
    """GET /j/{path_id}/{topic}: with a way back to the journey."""
    now, topic = clock(), request.path.rpartition("/")[2]
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
        texts = await residents.current_terms(connection, visit.journey.council_id)
        limits = await limits_of(connection, request.app[RUNTIME].settings.retention, visit.journey.council_id)
    if answer := await change_language(request, now):
        return answer
    context = {**_context(request, texts, limits), "back": _back(visit.journey)}
    return render_visit(request, visit, f"{topic}.html", context)


async def show_for_council(request: web.Request) -> web.Response:
    """GET /councils/{code}/{topic}."""
    topic = request.path.rpartition("/")[2]
    async with request.app[RUNTIME].database.short_read() as connection:
        place = await equipment.find_council(connection, request.match_info["code"])
        if place is None:
            raise web.HTTPNotFound
        texts = await residents.current_terms(connection, place.council_id)
        limits = await limits_of(connection, request.app[RUNTIME].settings.retention, place.council_id)
    prefix = f"/councils/{place.council_code}/"
    return render(
        request,
        f"{topic}.html",
        {**_context(request, texts, limits), "place": place, "information": prefix, "back": ""},
    )


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


def _context(request: web.Request, texts: list[residents.Terms], limits: RetentionSettings) -> dict[str, object]:
    terms = registration.choose_terms(texts, current_language.get())
    settings = request.app[RUNTIME].settings
    return {
        "terms": terms,
        "blocks": read_blocks(terms.text) if terms else [],
        "retention": limits,
        "remembered_days": settings.portal.remembered_device_days,
        "secure_network": settings.portal.secure_network_name,
    }
