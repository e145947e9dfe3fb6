"""Staff at a desk let the device beside them on.

A helper sees numbers and venues, never a person, and can do nothing but say yes to a number that a resident has said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from captive_portal.languages import gettext as _
from captive_portal.languages import show_time
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.staff.access import PATH, first_page, record, render_staff, staff_only
from captive_portal.storage import help_requests
from captive_portal.ways_in import help_at_desk
from foundation.staff import Member, Role

_MOST_SHOWN: Final = 50
_TIME_ZONE: Final = "Europe/London"


@staff_only(is_translated=True)
async def show_desk(request: web.Request, member: Member) -> web.Response:
    """GET /staff: who waits, and where to enter a number; whoever has another role is sent to its page."""
    if not member.councils(Role.HELPER):
        return see_other(first_page(member))
    return await _desk(request, member, done=request.query.get("let-on") == "yes")


@staff_only(Role.HELPER, is_translated=True)
async def let_on(request: web.Request, member: Member) -> web.Response:
    """POST /staff/let-on: `number`, as the resident said it."""
    number = "".join(text_field(await read_form(request), "number").split())
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_write() as connection:
        journey = await help_at_desk.let_on(connection, runtime, member.councils(Role.HELPER), number, now)
        if journey is not None:
            await record(
                connection, member, "let a device on", "help at a desk",
                council_id=journey.council_id, now=now, detail={"venue": journey.venue_id},
            )  # fmt: skip
    if journey is not None:
        return see_other(f"{PATH}?let-on=yes")
    error = FormError("number", _("No device waits with this number. Ask for the number on its screen now"))
    return await _desk(request, member, errors=[error], status=422)


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
        "can_switch_language": True,
    }
    return render_staff(request, member, "staff/desk.html", context, status=status)
