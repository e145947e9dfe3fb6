"""Staff choose a password that only they know."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, FormFields, read_form
from captive_portal.pages.staff.access import DOOR, PATH, record, render_staff, staff_only
from foundation.staff import SHORTEST_PASSWORD, LogInResult, Member

PASSWORD: Final = f"{PATH}/password"
_LONGEST: Final = 1024
_REASONS: Final = {
    LogInResult.WRONG: "Your present password is another one",
    LogInResult.TOO_MANY_GUESSES: "It was tried too often. Wait three minutes, then try again",
    LogInResult.BUSY: "Too many people are logging in now. Try again in a minute",
}


@staff_only()
async def show(request: web.Request, member: Member) -> web.Response:
    """GET /staff/password"""
    return _page(request, member, is_changed=request.query.get("changed") == "yes")


@staff_only()
async def change(request: web.Request, member: Member) -> web.Response:
    """POST /staff/password: `current`, `new`."""
    form, now = await read_form(request), clock()
    current, new = _exactly(form, "current"), _exactly(form, "new")
    if sentence := _what_is_wrong(new, current, member.user_name):
        return _page(request, member, FormError("new", sentence))
    result = await request.app[DOOR].change_password(member, current, new, now)
    if result is not None:
        return _page(request, member, FormError("current", _REASONS[result]))
    async with request.app[RUNTIME].database.short_write() as connection:
        await record(connection, member, "change own password", member.user_name, council_id=None, now=now)
    return see_other(f"{PASSWORD}?changed=yes")


def _what_is_wrong(new: str, current: str, user_name: str) -> str:
    if not SHORTEST_PASSWORD <= len(new) <= _LONGEST:
        return f"Choose at least {SHORTEST_PASSWORD} characters; three words that do not belong together are good"
    if new == current:
        return "That is your present password. Choose another one"
    if user_name in new.casefold() or len(set(new)) < SHORTEST_PASSWORD // 3:
        return "That is easy to guess. Choose three words that do not belong together"
    return ""


def _exactly(form: FormFields, name: str) -> str:
    """A password as it was typed: a blank at its end is part of it."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _page(
    request: web.Request, member: Member, error: FormError | None = None, *, is_changed: bool = False
) -> web.Response:
    context = {
        "errors": [error] if error else [],
        "is_changed": is_changed,
        "shortest": SHORTEST_PASSWORD,
    }
    return render_staff(request, member, "staff/password.html", context, status=422 if error else 200)


ROUTES: Final = (
    web.get(PASSWORD, show, name="staff_password"),
    web.post(PASSWORD, change, name="take_staff_password"),
)
