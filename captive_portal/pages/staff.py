"""Staff at a desk: log in, and let the device beside them on.

A helper sees numbers and venues, never a person, and can do nothing but say yes to a number that a resident has said.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aiohttp import web

from captive_portal import registration
from captive_portal.journey import Event, State
from captive_portal.languages import gettext as _
from captive_portal.languages import show_time
from captive_portal.pages.common import RUNTIME, clock, render, save, see_other
from captive_portal.pages.forms import FormError, FormFields, read_form, text_field
from captive_portal.registration import Entry
from captive_portal.storage import help_requests, journeys
from captive_portal.ways import Way
from foundation.database import Statements
from foundation.runtime import Runtime
from foundation.schema import audit_events
from foundation.staff import LONGEST, LogInResult, Member, Role, StaffDoor, end_session

DOOR: Final = web.AppKey("staff_door", StaffDoor)
_MOST_SHOWN: Final = 50
_PATH: Final = "/staff"
_TIME_ZONE: Final = "Europe/London"


async def show_log_in(request: web.Request) -> web.Response:
    """GET /staff/log-in"""
    return render(request, "staff_log_in.html", {"user_name": ""})


async def take_log_in(request: web.Request) -> web.Response:
    """POST /staff/log-in: `user_name`, `password`, `code`."""
    form = await read_form(request)
    user_name = text_field(form, "user_name")
    password = form.get("password")
    result = await request.app[DOOR].log_in(
        user_name, password if isinstance(password, str) else "", text_field(form, "code"), clock()
    )
    if isinstance(result, LogInResult):
        context = {"user_name": user_name, "errors": [FormError("user_name", _explain(result))]}
        return render(request, "staff_log_in.html", context, status=422)
    answer = see_other(_PATH)
    answer.set_cookie(
        _cookie(request), result, path=_PATH, max_age=int(LONGEST.total_seconds()),
        secure=_is_secure(request), httponly=True, samesite="Strict",
    )  # fmt: skip
    return answer


async def take_log_out(request: web.Request) -> web.Response:
    """POST /staff/log-out"""
    member, _form = await _posting(request)
    async with request.app[RUNTIME].database.short_write() as connection:
        await end_session(connection, member.session_id)
    answer = see_other(f"{_PATH}/log-in")
    answer.del_cookie(_cookie(request), path=_PATH)
    return answer


async def show_desk(request: web.Request) -> web.Response:
    """GET /staff: who waits, and where to enter a number."""
    member = await _member(request)
    return await _desk(request, member, done=request.query.get("let-on") == "yes")


async def let_on(request: web.Request) -> web.Response:
    """POST /staff/let-on: `number`, as the resident said it."""
    member, form = await _posting(request)
    number = "".join(text_field(form, "number").split())
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_write() as connection:
        found = await help_requests.take(connection, member.councils(Role.HELPER), number, now) if number else []
        # Of several councils that one member helps two may have given the same number: then nobody is let on.
        helped = len(found) == 1 and await _help(connection, runtime, member, found[0], now)
    if helped:
        return see_other(f"{_PATH}?let-on=yes")
    error = FormError("number", _("No device waits with this number. Ask for the number on its screen now"))
    return await _desk(request, member, errors=[error], status=422)


async def _help(connection: Statements, runtime: Runtime, member: Member, journey_id: int, now: datetime) -> bool:
    journey = await journeys.load(connection, runtime.keyring, journey_id, now=now)
    if journey is None or journey.state is not State.HELP:
        return False
    registered = await registration.register(connection, runtime, journey, Entry(Way.STAFF), Event.REGISTERED, now)
    await save(connection, runtime, journey, registered, now)
    event = {"at": now, "council_id": journey.council_id, "actor": f"staff {member.account_id}"}
    detail = {"venue": journey.venue_id}
    await connection.execute(
        audit_events.insert().values(**event, action="let a device on", subject="help at a desk", detail=detail)
    )
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
        "form_token": member.form_token,
        "errors": errors,
        "done": done,
    }
    return render(request, "staff.html", context, status=status)


async def _member(request: web.Request) -> Member:
    """Who is logged in. Raises HTTPSeeOther to where that is done."""
    member = await request.app[DOOR].member(request.cookies.get(_cookie(request), ""), clock())
    if member is None:
        raise web.HTTPSeeOther(f"{_PATH}/log-in")
    return member


async def _posting(request: web.Request) -> tuple[Member, FormFields]:
    """Who posts, and what. Raises HTTPSeeOther; HTTPForbidden for a form that is not of this log-in."""
    member = await _member(request)
    form = await read_form(request)
    if not hmac.compare_digest(text_field(form, "form_token").encode(), member.form_token.encode()):
        raise web.HTTPForbidden
    return member, form


def _explain(result: LogInResult) -> str:
    match result:
        case LogInResult.TOO_MANY_GUESSES:
            return _("This name was tried too often. Wait three minutes, then try again")
        case LogInResult.BUSY:
            return _("Too many people are logging in now. Try again in a minute")
        case LogInResult.WRONG:
            return _("Name, password or code is wrong. A code is good once; wait for the next one")


def _is_secure(request: web.Request) -> bool:
    return request.app[RUNTIME].settings.portal.public_url.lower().startswith("https:")


def _cookie(request: web.Request) -> str:
    # Browsers take this prefix by HTTPS only, so no neighbour on plain HTTP can plant one.
    return "__Secure-citywifi-staff" if _is_secure(request) else "citywifi-staff"
