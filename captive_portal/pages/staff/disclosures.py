"""The register of disclosures, for those who answer for people's data."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from captive_portal.languages import show_day
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.staff.access import PATH, render_staff, staff_only
from captive_portal.pages.staff.requests import council_of, read_day, sentence
from captive_portal.storage import disclosures as storage
from captive_portal.storage import equipment
from captive_portal.storage.disclosures import DECISIONS, DisclosureError, NewDisclosure, Outcome
from foundation.staff import Member, Role, record

DISCLOSURES: Final = f"{PATH}/disclosures"
_MOST_SHOWN: Final = 200
_FIELDS: Final = ("asked_by", "statute", "authoriser", "scope")


@staff_only(Role.INFORMATION_OFFICER)
async def show_register(request: web.Request, member: Member) -> web.Response:
    """GET /staff/disclosures"""
    return await _register(request, member)


@staff_only(Role.INFORMATION_OFFICER)
async def add(request: web.Request, member: Member) -> web.Response:
    """POST /staff/disclosures/add: `asked_by`, `authoriser`, `statute`, `scope`, `asked`, `secret`."""
    runtime, now, form = request.app[RUNTIME], clock(), await read_form(request)
    typed = {name: text_field(form, name) for name in _FIELDS}
    asked_at = read_day(text_field(form, "asked"), now)
    if asked_at is None:
        error = FormError("asked", "Enter the day on which they asked, such as 2026-11-22; not one to come")
        return await _register(request, member, error, typed)
    council_id = council_of(member, text_field(form, "council"))
    is_counted = text_field(form, "secret") != "yes"
    new = NewDisclosure(council_id=council_id, asked_at=asked_at, is_counted=is_counted, **typed)
    try:
        async with runtime.database.short_write() as connection:
            number = await storage.add(connection, runtime, new)
            await record(connection, member, "enter a disclosure", number, council_id=council_id, now=now)
    except DisclosureError as error:
        return await _register(request, member, FormError("asked_by", sentence(str(error))), typed)
    return see_other(f"{DISCLOSURES}?kept=yes")


@staff_only(Role.INFORMATION_OFFICER)
async def decide(request: web.Request, member: Member) -> web.Response:
    """POST /staff/disclosures/{number}: `outcome`."""
    runtime, now = request.app[RUNTIME], clock()
    number, outcome = request.match_info["number"], text_field(await read_form(request), "outcome")
    if outcome not in [one.value for one in DECISIONS]:
        return await _register(request, member, FormError(f"outcome-{number}", "Choose what they got"))
    try:
        async with runtime.database.short_write() as connection:
            own = member.councils(Role.INFORMATION_OFFICER)
            council_id = await storage.decide(connection, own, number, Outcome(outcome), now)
            await record(
                connection, member, "decide a disclosure", number,
                council_id=council_id, now=now, detail={"outcome": outcome},
            )  # fmt: skip
    except DisclosureError as error:
        return await _register(request, member, FormError(f"outcome-{number}", sentence(str(error))))
    return see_other(f"{DISCLOSURES}?kept=yes")


async def _register(
    request: web.Request, member: Member, error: FormError | None = None, typed: dict[str, str] | None = None
) -> web.Response:
    runtime, now, own = request.app[RUNTIME], clock(), member.councils(Role.INFORMATION_OFFICER)
    async with runtime.database.read() as connection:
        found = await storage.listed(connection, runtime.keyring, own, _MOST_SHOWN)
        names = [(one, (await equipment.load_place(connection, one, None)).council_name) for one in own]
        shows_any = bool(found)
    if shows_any:
        async with runtime.database.short_write() as connection:
            await record(connection, member, "read the register of disclosures", "register", council_id=None, now=now)
    context = {
        "lines": [(one, show_day(one.asked_at, one.time_zone)) for one in found],
        "councils": names,
        "outcomes": DECISIONS,
        "typed": typed or dict.fromkeys(_FIELDS, ""),
        "today": f"{now:%Y-%m-%d}",
        "kept": request.query.get("kept") == "yes",
        "errors": [] if error is None else [error],
    }
    return render_staff(request, member, "staff/disclosures.html", context, status=200 if error is None else 422)


ROUTES: Final = (
    web.get(DISCLOSURES, show_register, name="staff_disclosures"),
    web.post(f"{DISCLOSURES}/add", add, name="add_disclosure"),
    web.post(DISCLOSURES + r"/{number:D[0-9]{2}-[A-Z2-9]{6}}", decide, name="decide_disclosure"),
)
