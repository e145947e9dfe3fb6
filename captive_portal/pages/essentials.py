"""Sites that can be opened before anybody signs up, and numbers for an emergency."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from captive_portal.essentials.sites import EssentialSite, Purpose, default_sites
from captive_portal.languages import gettext as _
from captive_portal.pages.common import RUNTIME, change_language, clock, open_visit, render, render_visit
from captive_portal.pages.information import choose_council
from captive_portal.storage import equipment
from captive_portal.storage.essentials import offered_sites

TOPIC = "essentials"


async def show_on_journey(request: web.Request) -> web.Response:
    """GET /j/{path_id}/essentials: with a way back to the journey."""
    now = clock()
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
        sites = await offered_sites(connection, visit.journey.council_id)
    if answer := await change_language(request, now):
        return answer
    context = {**_listed(sites), "back": visit.journey.current_path()}
    return render_visit(request, visit, "essentials.html", context)


async def show_for_council(request: web.Request) -> web.Response:
    """GET /councils/{code}/essentials."""
    place, sites = await _of_council(request)
    context = {**_listed(sites), "back": "", "place": place, "information": f"/councils/{place.council_code}/"}
    return render(request, "essentials.html", context)


async def tell_for_council(request: web.Request) -> web.Response:
    """GET /councils/{code}/essentials.json: the same for programs, such as ``citywifi essentials check``."""
    place, sites = await _of_council(request)
    listed = [
        {
            "key": site.key,
            "purpose": site.purpose,
            "name": site.name,
            "address": site.address,
            "hosts": list(site.other_hosts),
        }
        for site in sites
    ]
    return web.json_response({"council": place.council_code, "sites": listed})


async def _of_council(request: web.Request) -> tuple[equipment.Place, list[EssentialSite]]:
    async with request.app[RUNTIME].database.short_read() as connection:
        place = await equipment.find_council(connection, request.match_info["code"])
        if place is None:
            raise web.HTTPNotFound
        return place, await offered_sites(connection, place.council_id)


def _listed(sites: list[EssentialSite]) -> dict[str, object]:
    """What both pages show; names that come with us are English, whatever the page's language."""
    return {"groups": _groups(sites), "in_english": default_sites()}


def _groups(sites: Iterable[EssentialSite]) -> list[tuple[str, list[EssentialSite]]]:
    """What the sites are for, with those that are for it, in the order of the page."""
    listed = list(sites)
    named = ((_title(purpose), [site for site in listed if site.purpose is purpose]) for purpose in Purpose)
    return [(title, found) for title, found in named if found]


def _title(purpose: Purpose) -> str:
    match purpose:
        case Purpose.COUNCIL:
            return _("Your council")
        case Purpose.HEALTH:
            return _("Health")
        case Purpose.GOVERNMENT:
            return _("Government and benefits")
        case Purpose.RIGHTS:
            return _("Your rights")
        case Purpose.OTHER:
            return _("More")


_COUNCIL = "/councils/{code:[A-Z0-9]{1,9}}"
PUBLIC_ROUTES = (
    web.get(f"{_COUNCIL}/{TOPIC}", show_for_council, name=f"council_{TOPIC}"),
    web.get(f"{_COUNCIL}/{TOPIC}.json", tell_for_council, name=f"council_{TOPIC}_json"),
    web.get(f"/{TOPIC}", choose_council, name=TOPIC),
)
