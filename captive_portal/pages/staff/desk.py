"""Staff at a desk let the device beside them on.

A helper sees numbers and venues, never a person, and can do nothing but say yes to a number that a resident has said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aiohttp import web

from captive_portal import registration
from captive_portal.journey import Event, State
from captive_portal.languages import gettext as _
from captive_portal.languages import show_time
from captive_portal.pages.common import RUNTIME, clock, save, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.staff.access import PATH, record, render_staff, staff_only
from captive_portal.registration import Entry
from captive_portal.storage import help_requests, journeys
from captive_portal.ways_in.ways import Way
from foundation.database import Statements
from foundation.runtime import Runtime
from foundation.staff import Member, Role

_MOST_SHOWN: Final = 50
_TIME_ZONE: Final = "Europe/London"


@staff_only(Role.HELPER)
async def show_desk(request: web.Request, member: Member) -> web.Response:
    """GET /staff: who waits, and where to enter a number."""
    return await _desk(request, member, done=request.query.get("let-on") == "yes")


@staff_only(Role.HELPER)
async def let_on(request: web.Request, member: Member) -> web.Response:
    """POST /staff/let-on: `number`, as the resident said it."""
    number = "".join(text_field(await read_form(request), "number").split())
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_write() as connection:
        found = await help_requests.take(connection, member.councils(Role.HELPER), number, now) if number else []
        # Of several councils that one member helps two may have given the same number: then nobody is let on.
        helped = len(found) == 1 and await _help(connection, runtime, member, found[0], now)
    if helped:
        return see_other(f"{PATH}?let-on=yes")
    error = FormError("number", _("No device waits with this number. Ask for the number on its screen now"))
    return await _desk(request, member, errors=[error], status=422)


async def _help(connection: Statements, runtime: Runtime, member: Member, journey_id: int, now: datetime) -> bool:
    journey = await journeys.load(connection, runtime.keyring, journey_id, now=now)
    if journey is None or journey.state is not State.HELP:
        return False
    registered = await registration.register(connection, runtime, journey, Entry(Way.STAFF), Event.REGISTERED, now)
    await save(connection, runtime, journey, registered, now)
    await record(
        connection, member, "let a device on", "help at a desk",
        council_id=journey.council_id, now=now, detail={"venue": journey.venue_id},
    )  # fmt: skip
    return True


async def _desk(
    request: web.Request,
    member: Member,
    *,
    errors: Sequence[FormError] = (),
    done: bool = False,
    status: int = 200,
) -> web.Response:
    now = clock()
    async with request.app[RUNTIME].database.short_read() as connection:
        found = await help_requests.waiting(connection, member.councils(Role.HELPER), now, _MOST_SHOWN)
    context = {
        "waiting": [(one, show_time(one.asked_at, _TIME_ZONE)) for one in found],
        "errors": errors,
        "done": done,
    }
    return render_staff(request, member, "staff/desk.html", context, status=status)
