"""Staff log in and out."""

from __future__ import annotations

from aiohttp import web

from captive_portal.languages import gettext as _
from captive_portal.pages.common import RUNTIME, clock, render, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.staff.access import DOOR, LOG_IN, PATH, cookie_name, first_page, is_secure, staff_only
from foundation.staff import LONGEST, LogInResult, Member, end_session


async def show_log_in(request: web.Request) -> web.Response:
    """GET /staff/log-in"""
    return render(request, "staff/log_in.html", {"user_name": ""})


async def take_log_in(request: web.Request) -> web.Response:
    """POST /staff/log-in: `user_name`, `password`, `code`."""
    form = await read_form(request)
    user_name = text_field(form, "user_name")
    password = form.get("password")
    door, now = request.app[DOOR], clock()
    result = await door.log_in(user_name, password if isinstance(password, str) else "", text_field(form, "code"), now)
    if isinstance(result, LogInResult):
        context = {"user_name": user_name, "errors": [FormError("user_name", _explain(result))]}
        return render(request, "staff/log_in.html", context, status=422)
    member = await door.member(result, now)
    answer = see_other(first_page(member) if member is not None else LOG_IN)
    answer.set_cookie(
        cookie_name(request), result, path=PATH, max_age=int(LONGEST.total_seconds()),
        secure=is_secure(request), httponly=True, samesite="Strict",
    )  # fmt: skip
    return answer


@staff_only()
async def take_log_out(request: web.Request, member: Member) -> web.Response:
    """POST /staff/log-out"""
    async with request.app[RUNTIME].database.short_write() as connection:
        await end_session(connection, member.session_id)
    answer = see_other(LOG_IN)
    answer.del_cookie(cookie_name(request), path=PATH)
    return answer


def _explain(result: LogInResult) -> str:
    match result:
        case LogInResult.TOO_MANY_GUESSES:
            return _("This name was tried too often. Wait three minutes, then try again")
        case LogInResult.BUSY:
            return _("Too many people are logging in now. Try again in a minute")
        case LogInResult.WRONG:
            return _("Name, password or code is wrong. A code is good once; wait for the next one")
