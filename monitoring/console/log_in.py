"""Engineers log in and out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import aiohttp_jinja2
from aiohttp import web

from foundation.staff import LONGEST, LogInResult, Member, Role, end_session
from monitoring.console.access import LOG_IN, PATH, cookie_name, engineers_only, is_secure
from monitoring.console.keys import DOOR, RUNTIME, SEEN_ENGINEERS
from monitoring.web import read_field

_NOT_AN_ENGINEER: Final = "This account is not an engineer’s. The portal’s /staff has the pages of other roles."
_REASONS: Final = {
    LogInResult.WRONG: "Name, password or code is wrong. A code is good once; wait for the next one.",
    LogInResult.TOO_MANY_GUESSES: "This name was tried too often. Wait three minutes, then try again.",
    LogInResult.BUSY: "Too many people are logging in now. Try again in a minute.",
}


async def show_log_in(request: web.Request) -> web.Response:
    """GET /console/log-in"""
    return _form(request)


async def take_log_in(request: web.Request) -> web.Response:
    """POST /console/log-in: `user_name`, `password`, `code`."""
    user_name, password, code = [await read_field(request, name) for name in ("user_name", "password", "code")]
    runtime, door, now = request.app[RUNTIME], request.app[DOOR], datetime.now(UTC)
    result = await door.log_in(user_name.strip(), password, code.strip(), now)
    if isinstance(result, LogInResult):
        return _form(request, user_name, _REASONS[result])
    member = await door.member(result, now)
    if member is None or not member.councils(Role.ENGINEER):
        if member is not None:
            async with runtime.database.short_write() as connection:
                await end_session(connection, member.session_id)
        return _form(request, user_name, _NOT_AN_ENGINEER)
    answer = web.Response(status=303, headers={"Location": PATH})
    answer.set_cookie(
        cookie_name(request), result, path=PATH, max_age=int(LONGEST.total_seconds()),
        secure=is_secure(request), httponly=True, samesite="Strict",
    )  # fmt: skip
    return answer


@engineers_only
async def take_log_out(request: web.Request, member: Member) -> web.Response:
    """POST /console/log-out"""
    request.app[SEEN_ENGINEERS].pop(request.cookies.get(cookie_name(request), ""), None)
    async with request.app[RUNTIME].database.short_write() as connection:
        await end_session(connection, member.session_id)
    answer = web.Response(status=303, headers={"Location": LOG_IN})
    answer.del_cookie(cookie_name(request), path=PATH)
    return answer


def _form(request: web.Request, user_name: str = "", problem: str = "") -> web.Response:
    context = {"user_name": user_name, "problem": problem}
    return aiohttp_jinja2.render_template("log_in.html", request, context, status=422 if problem else 200)
