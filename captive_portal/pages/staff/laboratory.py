"""The gateway laboratory for engineers: what a redirect is, a simulated phone that comes by it, each gateway's entry.

A redirect is pasted into a form and never stands in an address, because it has a device's address in it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from captive_portal.essentials.resolution import addresses_of
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.walled_garden import configuration_of
from captive_portal.laboratory import Explanation, explain
from captive_portal.laboratory.examples import example_redirect
from captive_portal.laboratory.explanation import KnownGateway
from captive_portal.laboratory.play import MAKE_PORTAL, Play, play
from captive_portal.pages.common import RUNTIME, clock
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.staff.access import PATH, record, render_staff, staff_only
from captive_portal.storage.known_gateways import list_known, site_of
from foundation.staff import Member, Role

LABORATORY: Final = f"{PATH}/laboratory"
# A play makes a portal of its own, so one at a time.
_playing: Final = asyncio.Semaphore(1)


@staff_only(Role.ENGINEER)
async def show(request: web.Request, member: Member) -> web.Response:
    """GET /staff/laboratory: where to paste a redirect, and the gateways."""
    return _page(request, member, await _known(request, member))


@staff_only(Role.ENGINEER)
async def take(request: web.Request, member: Member) -> web.Response:
    """POST /staff/laboratory: `url`; `what` is ``play`` or nothing."""
    form = await read_form(request)
    pasted, plays = text_field(form, "url"), text_field(form, "what") == "play"
    known = await _known(request, member)
    if not pasted:
        error = FormError("url", "Paste the whole address that the gateway sent the browser to")
        return _page(request, member, known, error=error)
    if plays and _playing.locked():
        error = FormError("url", "Another play is under way. Wait some seconds, then try again")
        return _page(request, member, known, pasted=pasted, error=error)
    runtime = request.app[RUNTIME]
    explanation = explain(pasted, known, runtime.settings.portal.public_url.rstrip("/"))
    played = None
    if plays:
        async with _playing:
            played = await play(runtime, known, pasted, request.app[MAKE_PORTAL])
    await _record(request, member, known, explanation, "play a redirect" if plays else "explain a redirect")
    return _page(request, member, known, pasted=pasted, explanation=explanation, played=played)


@staff_only(Role.ENGINEER)
async def show_gateway(request: web.Request, member: Member) -> web.Response:
    """GET /staff/laboratory/gateways/{id}: what is entered here, what its redirects say, what to enter into it."""
    known = await _known(request, member)
    number = int(request.match_info["id"])
    one = next((one for one in known if one.gateway.nas_id == number), None)
    if one is None:
        raise web.HTTPNotFound
    async with request.app[RUNTIME].database.read() as connection:
        driver, site = await site_of(connection, request.app[RUNTIME], number)
    context = {
        "gateway": one.gateway,
        "example": example_redirect(one, site.portal_url, request.app[RUNTIME].keyring),
        "driver": driver,
        "arrival_url": site.arrival_url,
        "dynamic_authorization": one.dynamic_authorization,
        "access_points": len(one.access_points),
        "configuration": configuration_of(driver, site, await addresses_of(driver, site)),
    }
    return render_staff(request, member, "staff/gateway.html", context)


def _page(
    request: web.Request,
    member: Member,
    known: list[KnownGateway],
    *,
    pasted: str = "",
    explanation: Explanation | None = None,
    played: Play | None = None,
    error: FormError | None = None,
) -> web.Response:
    context = {
        "gateways": [(one.gateway, DRIVERS[one.driver].title) for one in known],
        "pasted": pasted,
        "explanation": explanation,
        "played": played,
        "errors": [error] if error else [],
    }
    return render_staff(request, member, "staff/laboratory.html", context, status=422 if error else 200)


async def _known(request: web.Request, member: Member) -> list[KnownGateway]:
    """The gateways of the councils that they are engineers of; nothing is told of others."""
    runtime = request.app[RUNTIME]
    async with runtime.database.read() as connection:
        return await list_known(connection, runtime, member.councils(Role.ENGINEER))


async def _record(
    request: web.Request, member: Member, known: list[KnownGateway], explanation: Explanation, action: str
) -> None:
    found = next((one.gateway for one in known if one.gateway.nas_id == explanation.nas_id), None)
    council_id = found.council_id if found else None
    async with request.app[RUNTIME].database.short_write() as connection:
        subject = found.name if found else "no gateway that is known"
        await record(connection, member, action, subject, council_id=council_id, now=clock())


ROUTES: Final = (
    web.get(LABORATORY, show, name="laboratory"),
    web.post(LABORATORY, take, name="take_laboratory"),
    web.get(f"{LABORATORY}/gateways/{{id:[0-9]{{1,9}}}}", show_gateway, name="laboratory_gateway"),
)
