"""Managers choose which sites residents can open before they sign up, and look whether these answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from captive_portal.essentials import watch
from captive_portal.essentials.sites import EssentialsError, EssentialSite, Purpose, make_site
from captive_portal.languages import show_day
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, FormFields, read_form, text_field
from captive_portal.pages.staff.access import PATH, record, render_staff, staff_only
from captive_portal.storage import equipment
from captive_portal.storage import essentials as storage
from foundation.staff import Member, Role

ESSENTIALS: Final = f"{PATH}/essentials"
_TIME_ZONE: Final = "Europe/London"
_PURPOSES: Final = {
    Purpose.COUNCIL: "The council",
    Purpose.HEALTH: "Health",
    Purpose.GOVERNMENT: "Government and benefits",
    Purpose.RIGHTS: "Rights",
    Purpose.OTHER: "Something else",
}
# One look at a time: each opens as many pages of others as there are sites.
_looking: Final = asyncio.Semaphore(1)


@staff_only(Role.MANAGER)
async def show(request: web.Request, member: Member) -> web.Response:
    """GET /staff/essentials: a council's list; another one's with ``council``."""
    return await _page(request, member, _council(member, request.query.get("council", "")))


@staff_only(Role.MANAGER)
async def add(request: web.Request, member: Member) -> web.Response:
    """POST /staff/essentials/add: `name`, `address`, `hosts` (one on a line), `purpose`."""
    form, now = await read_form(request), clock()
    council_id = _council(member, text_field(form, "council"))
    try:
        site = _read(form)
        async with request.app[RUNTIME].database.short_write() as connection:
            await storage.put_site(connection, council_id, site, now)
            await record(connection, member, "add an essential site", site.key, council_id=council_id, now=now)
    except EssentialsError as error:
        sentence = str(error)
        errors = [FormError("address", sentence[:1].upper() + sentence[1:])]
        return await _page(request, member, council_id, errors=errors, form=form)
    return _back(council_id)


@staff_only(Role.MANAGER)
async def change(request: web.Request, member: Member) -> web.Response:
    """POST /staff/essentials/remove or put-back: `key`."""
    form, now = await read_form(request), clock()
    council_id, key = _council(member, text_field(form, "council")), text_field(form, "key")
    removes = request.path.endswith("/remove")
    async with request.app[RUNTIME].database.short_write() as connection:
        done = (
            await storage.remove_site(connection, council_id, key, now)
            if removes
            else await storage.put_back(connection, council_id, key)
        )
        if done:
            action = "remove an essential site" if removes else "put back an essential site"
            await record(connection, member, action, key, council_id=council_id, now=now)
    return _back(council_id)


@staff_only(Role.MANAGER)
async def check(request: web.Request, member: Member) -> web.Response:
    """POST /staff/essentials/check: look now whether the sites answer."""
    runtime, now = request.app[RUNTIME], clock()
    council_id = _council(member, text_field(await read_form(request), "council"))
    if _looking.locked():
        error = FormError("check", "Somebody is looking now. Wait half a minute, then try again")
        return await _page(request, member, council_id, errors=[error])
    async with _looking:
        async with runtime.database.short_read() as connection:
            sites = await storage.offered_sites(connection, council_id)
        await watch.check(runtime, council_id, sites, now)
    async with runtime.database.short_write() as connection:
        await record(connection, member, "check essential sites", "council", council_id=council_id, now=now)
    return _back(council_id)


async def _page(
    request: web.Request,
    member: Member,
    council_id: int,
    *,
    errors: Sequence[FormError] = (),
    form: FormFields | None = None,
) -> web.Response:
    async with request.app[RUNTIME].database.short_read() as connection:
        listed = await storage.list_sites(connection, council_id)
        checks = await storage.load_checks(connection, council_id)
        places = [await equipment.load_place(connection, one, None) for one in member.councils(Role.MANAGER)]
    shown = [
        (one, checked, show_day(checked.checked_at, _TIME_ZONE) if checked else "")
        for one in listed
        for checked in [checks.get(one.site.key)]
    ]
    context = {
        "rows": shown,
        "councils": [(place.council_id, place.council_name) for place in places],
        "council_id": council_id,
        "purposes": _PURPOSES,
        "form": {name: text_field(form or {}, name) for name in ("name", "address", "hosts", "purpose")},
        "errors": errors,
    }
    return render_staff(request, member, "staff/essentials.html", context, status=422 if errors else 200)


def _read(form: FormFields) -> EssentialSite:
    name, address, purpose = (text_field(form, field) for field in ("name", "address", "purpose"))
    return make_site(name, address, text_field(form, "hosts").split(), purpose or Purpose.COUNCIL)


def _council(member: Member, text: str) -> int:
    """Which of their councils it is about, by default the first. Raises HTTPForbidden for another's."""
    own = member.councils(Role.MANAGER)
    if not text:
        return own[0]
    if not text.isdecimal() or int(text) not in own:
        raise web.HTTPForbidden
    return int(text)


def _back(council_id: int) -> web.Response:
    return see_other(f"{ESSENTIALS}?council={council_id}")


ROUTES: Final = (
    web.get(ESSENTIALS, show, name="staff_essentials"),
    web.post(f"{ESSENTIALS}/add", add, name="add_essential"),
    web.post(f"{ESSENTIALS}/{{what:remove|put-back}}", change, name="change_essential"),
    web.post(f"{ESSENTIALS}/check", check, name="check_essentials"),
)
