"""Holds for a case: placed, prolonged, ended, and what they keep handed to the case."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from captive_portal.information_rights.holds import (
    HeldDevice,
    HeldResident,
    HeldVenue,
    HoldError,
    Order,
    Subject,
    end_problems,
    problems,
)
from captive_portal.languages import show_day, show_time
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.staff.access import PATH, record, render_staff, staff_only
from captive_portal.pages.staff.requests import council_of
from captive_portal.storage import equipment
from captive_portal.storage import holds as storage
from captive_portal.storage.holds import ListedHold
from captive_portal.ways_in.contacts import contact_hint, read_contact
from foundation.database import Statements
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.runtime import Runtime
from foundation.staff import Member, Role

HOLDS: Final = f"{PATH}/holds"
_OFFICER: Final = Role.INFORMATION_OFFICER
_FIELDS: Final = (
    "case_number", "authoriser", "reason", "expires", "subject", "contact", "device", "venue", "begin", "end",
)  # fmt: skip
_KINDS: Final = {"resident": "A resident", "device": "A device", "venue": "Everybody at a venue at a time"}
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@staff_only(_OFFICER)
async def show_list(request: web.Request, member: Member) -> web.Response:
    """GET /staff/holds: all of their councils', ended ones too."""
    return await _page(request, member)


@staff_only(_OFFICER)
async def place(request: web.Request, member: Member) -> web.Response:
    """POST /staff/holds/place: the case, and one of `contact`, `device`, and `venue` with `begin` and `end`."""
    runtime, now, form = request.app[RUNTIME], clock(), await read_form(request)
    council_id = council_of(member, text_field(form, "council"))
    typed = {name: text_field(form, name)[:400] for name in _FIELDS}
    async with runtime.database.read() as connection:
        zone = ZoneInfo((await equipment.load_place(connection, council_id, None)).time_zone)
        subject = await _subject(connection, runtime, council_id, zone, typed)
    expires_at = read_moment(typed["expires"], zone) or _NEVER
    order = Order(typed["case_number"], typed["authoriser"], typed["reason"], expires_at)
    if isinstance(subject, FormError):
        errors = [FormError(*one) for one in problems(order, None, now)]
        return await _page(request, member, [*errors, subject], typed)
    if errors := [FormError(*one) for one in problems(order, subject, now)]:
        return await _page(request, member, errors, typed)
    try:
        async with runtime.database.write() as connection:
            hold_id = await storage.place(connection, runtime, council_id, order, subject, now)
            detail = {"case": order.case_number, "about": typed["subject"], "until": expires_at.isoformat()}
            await _record(connection, member, "place a hold", hold_id, council_id, now, detail)
    except HoldError as error:
        text = str(error)
        return await _page(request, member, [FormError("subject", text[:1].upper() + text[1:])], typed)
    return see_other(f"{HOLDS}?kept=yes")


@staff_only(_OFFICER)
async def move_end(request: web.Request, member: Member) -> web.Response:
    """POST /staff/holds/ID: `expires`, another day; with `now` = ``yes`` it ends at once."""
    runtime, now, form = request.app[RUNTIME], clock(), await read_form(request)
    async with runtime.database.write() as connection:
        hold = await _find(request, connection, member, now)
        ends_now = text_field(form, "now") == "yes"
        moment = now if ends_now else read_moment(text_field(form, "expires"), ZoneInfo(hold.time_zone)) or _NEVER
        wrong = [] if ends_now else end_problems(moment, now)
        if not wrong:
            await storage.move_end(connection, hold.id, moment)
            action, detail = "end a hold" if ends_now else "prolong a hold", {"until": moment.isoformat()}
            await _record(connection, member, action, hold.id, hold.council_id, now, detail)
    if wrong:
        return await _page(request, member, [FormError(f"expires-{hold.id}", wrong[0][1])])
    return see_other(f"{HOLDS}?kept=yes")


@staff_only(_OFFICER)
async def save_contents(request: web.Request, member: Member) -> web.Response:
    """POST /staff/holds/ID/contents: all that is held, as JSON, for the case; who takes it is recorded."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.write() as connection:
        hold = await _find(request, connection, member, now)
        rows, records = await storage.contents(connection, runtime, hold.id, now)
        counts = {table: len(found) for table, found in rows.items()}
        await _record(connection, member, "take out what is held", hold.id, hold.council_id, now, counts)
    text = json.dumps({"case": hold.case_number, "rows": rows, "deleted meanwhile": records}, indent=2) + "\n"
    headers = {"Content-Disposition": f'attachment; filename="hold-{hold.id}.json"'}
    return web.Response(text=text, content_type="application/json", headers=headers)


async def _find(request: web.Request, connection: Statements, member: Member, now: datetime) -> ListedHold:
    """An active hold of one of their councils. Raises HTTPNotFound."""
    number = int(request.match_info["number"])
    hold = await storage.find_hold(connection, member.councils(_OFFICER), number)
    if hold is None or not hold.is_active(now):
        raise web.HTTPNotFound
    return hold


async def _subject(
    connection: Statements, runtime: Runtime, council_id: int, zone: ZoneInfo, typed: dict[str, str]
) -> Subject | FormError:
    match typed["subject"]:
        case "resident":
            contact = read_contact(typed["contact"], runtime.settings)
            return FormError("contact", contact_hint(runtime.settings)) if contact is None else HeldResident(contact)
        case "device":
            try:
                return HeldDevice(MacAddress.parse(typed["device"]))
            except NotAMacAddressError:
                return FormError("device", "Enter the device’s address, such as 00-00-5E-00-53-01")
        case "venue":
            venue_id = await storage.find_venue(connection, council_id, typed["venue"])
            begin, end = read_moment(typed["begin"], zone), read_moment(typed["end"], zone)
            if venue_id is None:
                return FormError("venue", "Enter the name of one of your venues, or its reference")
            if begin is None or end is None:
                return FormError("begin", "Enter from when to when, such as 2026-11-20 14:30")
            return HeldVenue(venue_id, begin, end)
        case _:
            return FormError("subject", "Choose what is held")


def read_moment(text: str, zone: ZoneInfo) -> datetime | None:
    """A day, or a day and a time, by the council's clock; None for what is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return None
    return datetime.combine(moment.date(), time(moment.hour, moment.minute), zone).astimezone(UTC)


async def _page(
    request: web.Request,
    member: Member,
    errors: list[FormError] | None = None,
    typed: dict[str, str] | None = None,
) -> web.Response:
    runtime, now, own = request.app[RUNTIME], clock(), member.councils(_OFFICER)
    async with runtime.database.read() as connection:
        found = await storage.list_holds(connection, own)
        places = [await equipment.load_place(connection, one, None) for one in own]
        venue_names = await storage.venue_names(connection, own)
    context = {
        "active": [_lines(one) for one in found if one.is_active(now)],
        "ended": [_lines(one) for one in found if not one.is_active(now)],
        "kinds": _KINDS.items(),
        "councils": [(place.council_id, place.council_name) for place in places],
        "venue_names": venue_names,
        "typed": typed or dict.fromkeys(_FIELDS, ""),
        "kept": request.query.get("kept") == "yes",
        "errors": errors or [],
    }
    return render_staff(request, member, "staff/holds.html", context, status=422 if errors else 200)


def _lines(hold: ListedHold) -> tuple[ListedHold, list[tuple[str, str]]]:
    def moment(at: datetime | None) -> str:
        return "" if at is None else f"{show_day(at, hold.time_zone)}, {show_time(at, hold.time_zone)}"

    about = _KINDS[hold.kind]
    if hold.kind == "venue":
        about = f"Everybody at {hold.venue}, from {moment(hold.held_from)} to {moment(hold.held_until)}"
    return hold, [
        ("What is held", about),
        ("Authorised by", hold.authoriser),
        ("Why", hold.reason),
        ("Placed", moment(hold.placed_at)),
        ("Ends", moment(hold.expires_at)),
        ("Council", hold.council_name),
    ]


async def _record(
    connection: Statements,
    member: Member,
    action: str,
    hold_id: int,
    council_id: int,
    now: datetime,
    detail: Mapping[str, object],
) -> None:
    await record(connection, member, action, f"hold {hold_id}", council_id=council_id, now=now, detail=detail)


_ONE: Final = HOLDS + "/{number:[0-9]{1,18}}"
ROUTES: Final = (
    web.get(HOLDS, show_list, name="staff_holds"),
    web.post(f"{HOLDS}/place", place, name="place_hold"),
    web.post(_ONE, move_end, name="move_end_of_hold"),
    web.post(f"{_ONE}/contents", save_contents, name="save_held"),
)
