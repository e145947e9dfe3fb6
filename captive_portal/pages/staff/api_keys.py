"""Managers say which programs may use the open API for their council, what for, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from aiohttp import web

from captive_portal.api.problems import PREFIX
from captive_portal.languages import show_day
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, FormFields, read_form, text_field
from captive_portal.pages.staff.access import PATH, record, render_staff, staff_only
from captive_portal.storage import api_keys as storage
from captive_portal.storage import equipment
from captive_portal.storage.api_keys import MOST_A_MINUTE, SCOPES, KeyNotMadeError, NewKey, Scope
from foundation.staff import Member, Role

KEYS: Final = f"{PATH}/api-keys"
_TIME_ZONE: Final = "Europe/London"
_LARGEST_NUMBER: Final = 2**63
# In days; an empty one is until it is revoked.
_LIFETIMES: Final = {"90": "90 days", "365": "A year", "": "Until it is revoked"}


@staff_only(Role.MANAGER)
async def show(request: web.Request, member: Member) -> web.Response:
    """GET /staff/api-keys: the keys of their councils."""
    return await _page(request, member)


@staff_only(Role.MANAGER)
async def add(request: web.Request, member: Member) -> web.Response:
    """POST /staff/api-keys/add: `council`, `name`, `scope-…` for each scope, `rate`, `days`. It shows the key, once."""
    runtime, now = request.app[RUNTIME], clock()
    form = await read_form(request)
    new = _read(form, member)
    if isinstance(new, FormError):
        return await _page(request, member, form=form, errors=[new])
    days = text_field(form, "days")
    asked = NewKey(*new, expires_at=now + timedelta(days=int(days)) if days else None)
    try:
        async with runtime.database.short_write() as connection:
            text = await storage.add(connection, runtime.database, runtime.keyring, asked, now)
            detail = {"scopes": sorted(asked.scopes), "requests_per_minute": asked.requests_per_minute}
            await record(
                connection, member, "add api key", asked.name, council_id=asked.council_id, now=now, detail=detail
            )
    except KeyNotMadeError as error:
        sentence = str(error)
        return await _page(request, member, form=form, errors=[FormError("name", sentence[:1].upper() + sentence[1:])])
    return await _page(request, member, made=(asked.name, text))


@staff_only(Role.MANAGER)
async def revoke(request: web.Request, member: Member) -> web.Response:
    """POST /staff/api-keys/revoke: `key`, the number of one of their councils'."""
    number, now = text_field(await read_form(request), "key"), clock()
    if not (number.isascii() and number.isdecimal() and len(number) < 20 and int(number) < _LARGEST_NUMBER):
        raise web.HTTPBadRequest
    async with request.app[RUNTIME].database.short_write() as connection:
        listed = await storage.of_councils(connection, member.councils(Role.MANAGER))
        key = next((key for _, key in listed if key.id == int(number)), None)
        if key is None:
            raise web.HTTPForbidden
        if await storage.revoke(connection, key.council_id, key.id, now):
            await record(connection, member, "revoke api key", key.name, council_id=key.council_id, now=now)
    return see_other(KEYS)


async def _page(
    request: web.Request,
    member: Member,
    *,
    form: FormFields | None = None,
    errors: Sequence[FormError] = (),
    made: tuple[str, str] | None = None,
) -> web.Response:
    own, now = member.councils(Role.MANAGER), clock()
    async with request.app[RUNTIME].database.short_read() as connection:
        listed = await storage.of_councils(connection, own)
        councils = [(each, (await equipment.load_place(connection, each, None)).council_name) for each in own]
    rows = [
        (
            key,
            council_name,
            show_day(key.used_at, _TIME_ZONE) if key.used_at else "Never",
            show_day(key.expires_at, _TIME_ZONE) if key.expires_at else "It is revoked",
        )
        for council_name, key in listed
        if key.is_good(now)
    ]
    context = {
        "rows": rows,
        "councils": councils,
        "scopes": SCOPES,
        "lifetimes": _LIFETIMES,
        "most": MOST_A_MINUTE,
        "made": made,
        "documentation": f"{PREFIX}/",
        "form": {name: text_field(form or {}, name) for name in ("name", "rate", *_scope_fields())},
        "errors": errors,
    }
    return render_staff(request, member, "staff/api_keys.html", context, status=422 if errors else 200)


def _read(form: FormFields, member: Member) -> tuple[int, str, tuple[Scope, ...], int] | FormError:
    """Council, name, scopes and rate, or what is wrong with one of them. Raises HTTPForbidden for another council."""
    own = member.councils(Role.MANAGER)
    council, rate = text_field(form, "council") or str(own[0]), text_field(form, "rate")
    if council not in map(str, own) or text_field(form, "days") not in _LIFETIMES:
        raise web.HTTPForbidden
    scopes = tuple(scope for field, scope in _scope_fields().items() if text_field(form, field) == "yes")
    if not scopes:
        return FormError("scope", "Choose at least one thing that it may do")
    if not (rate.isascii() and rate.isdecimal() and len(rate) <= 4 and 1 <= int(rate) <= MOST_A_MINUTE):
        return FormError("rate", f"Enter a number from 1 to {MOST_A_MINUTE}")
    return int(council), text_field(form, "name"), scopes, int(rate)


def _scope_fields() -> dict[str, Scope]:
    """The form's boxes."""
    return {f"scope-{scope.name.lower()}": scope for scope in SCOPES}


ROUTES: Final = (
    web.get(KEYS, show, name="staff_api_keys"),
    web.post(f"{KEYS}/add", add, name="add_api_key"),
    web.post(f"{KEYS}/revoke", revoke, name="revoke_api_key"),
)
