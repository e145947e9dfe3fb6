"""My data: a token for a program that the resident lets at their own data, for some hours (captive_portal/api)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from captive_portal.api.problems import PREFIX
from captive_portal.languages import gettext as _
from captive_portal.languages import show_day, show_duration, show_time
from captive_portal.pages.common import RUNTIME, change_language, clock, render_visit, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.my_data import DATA, open_data
from captive_portal.storage import resident_tokens
from captive_portal.storage.journeys import Visit
from captive_portal.storage.resident_tokens import Token
from foundation.database import Statements

_LARGEST_NUMBER: Final = 2**63


async def show(request: web.Request) -> web.Response:
    """GET data/token: what a token is, and those that there are."""
    now = clock()
    if answer := await change_language(request, now):
        return answer
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_data(request, connection, now)
        return await _page(request, connection, visit, now)


async def make(request: web.Request) -> web.Response:
    """POST data/token: `hours`, and `may_delete` = ``yes``. The answer shows the token, once."""
    runtime, now = request.app[RUNTIME], clock()
    form = await read_form(request)
    hours = text_field(form, "hours")
    async with runtime.database.short_write() as connection:
        visit = await open_data(request, connection, now, for_update=True)
        if hours not in {str(each) for each in _lifetimes(request)}:
            return await _refused(request, connection, visit, now, "hours", _("Choose for how long"))
        most = runtime.settings.portal.resident_tokens_per_resident
        if await resident_tokens.count(connection, visit.journey.resident_id, now) >= most:
            return await _refused(request, connection, visit, now, "tokens", _("Withdraw a token first"))
        token = await resident_tokens.add(
            connection,
            runtime.keyring,
            visit.journey,
            may_delete=text_field(form, "may_delete") == "yes",
            expires_at=now + timedelta(hours=int(hours)),
            now=now,
        )
        return await _page(request, connection, visit, now, token=token)


async def withdraw(request: web.Request) -> web.Response:
    """POST data/token/withdraw: `token`, the number of one of the resident's own."""
    now, number = clock(), text_field(await read_form(request), "token")
    if not (number.isascii() and number.isdecimal() and len(number) < 20 and int(number) < _LARGEST_NUMBER):
        raise web.HTTPBadRequest
    async with request.app[RUNTIME].database.short_write() as connection:
        visit = await open_data(request, connection, now, for_update=True)
        await resident_tokens.withdraw(connection, visit.journey.resident_id, int(number))
    return see_other(f"{visit.journey.path('data/token')}?withdrawn=yes")


async def _page(
    request: web.Request,
    connection: Statements,
    visit: Visit,
    now: datetime,
    *,
    token: str | None = None,
    errors: Sequence[FormError] = (),
) -> web.Response:
    found = await resident_tokens.of_resident(connection, visit.journey.resident_id, now)
    address = request.app[RUNTIME].settings.portal.public_url.rstrip("/") + PREFIX
    context = {
        "token": token,
        "address": f"{address}/",
        "lifetimes": [(hours, show_duration(timedelta(hours=hours))) for hours in _lifetimes(request)],
        "tokens": [(one.id, _named(one, visit.place.time_zone), one.may_delete) for one in found],
        "withdrawn": request.query.get("withdrawn") == "yes",
        "errors": errors,
    }
    return render_visit(request, visit, "data_token.html", context, status=422 if errors else 200)


async def _refused(
    request: web.Request, connection: Statements, visit: Visit, now: datetime, field: str, message: str
) -> web.Response:
    return await _page(request, connection, visit, now, errors=[FormError(field, message)])


def _lifetimes(request: web.Request) -> tuple[int, ...]:
    """In hours."""
    longest = request.app[RUNTIME].settings.portal.resident_token_hours
    return (1, longest) if longest > 1 else (1,)


def _named(token: Token, time_zone: str) -> str:
    until = token.expires_at
    return f"{show_day(until, time_zone)}, {show_time(until, time_zone)}"


_TOKEN: Final = f"{DATA}/token"
ROUTES: Final = (
    web.get(_TOKEN, show, name="data_token"),
    web.post(_TOKEN, make, name="make_data_token"),
    web.post(f"{_TOKEN}/withdraw", withdraw, name="withdraw_data_token"),
)
