"""Complaints and other requests about data, for those who answer them: what is due first, and each case's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Final

import structlog
from aiohttp import web

from captive_portal.information_rights import steps
from captive_portal.information_rights.requests import (
    ANSWERS,
    LONGEST_ANSWER,
    TOLD,
    Happened,
    InformationRequest,
    Kind,
    Outcome,
    RequestError,
    Wait,
)
from captive_portal.information_rights.steps import Step, Taken
from captive_portal.languages import show_day, show_time
from captive_portal.pages.common import RUNTIME, clock, see_other
from captive_portal.pages.forms import FormError, FormFields, read_form, text_field
from captive_portal.pages.staff.access import PATH, render_staff, staff_only
from captive_portal.storage import equipment
from captive_portal.storage import information_requests as storage
from captive_portal.storage.information_requests import Listed, NewRequest
from captive_portal.ways_in.contacts import contact_hint, read_contact
from foundation.database import Statements
from foundation.due_requests import URGENT
from foundation.runtime import Runtime
from foundation.staff import Member, Role, record

_log: Final = structlog.get_logger(__name__)
REQUESTS: Final = f"{PATH}/requests"
_MOST_SHOWN: Final = 200
_OFFICER: Final = Role.INFORMATION_OFFICER
KIND_NAMES: Final = {
    Kind.COMPLAINT: "Complaint",
    Kind.ACCESS: "Copy of their data",
    Kind.CORRECTION: "Correction",
    Kind.ERASURE: "Erasure",
    Kind.OBJECTION: "Objection or restriction",
}
_OUTCOME_NAMES: Final = {
    Outcome.DONE: "Done, or complaint upheld",
    Outcome.PARTLY: "In part",
    Outcome.REFUSED: "Refused, or complaint not upheld",
    Outcome.WITHDRAWN: "Withdrawn",
}

# Of the form for what came by letter.
_FIELDS: Final = ("kind", "received", "contact", "text")
# By the last part of the address.
_STEPS: Final = {
    "acknowledge": Happened.ACKNOWLEDGED,
    "identity": Happened.IDENTITY_PROVED,
    "ask": Happened.CLARIFICATION_ASKED,
    "go-on": Happened.CLARIFIED,
    "extend": Happened.EXTENDED,
    "write": Happened.WRITTEN,
    "answer": Happened.ANSWERED,
}


@staff_only(_OFFICER)
async def show_list(request: web.Request, member: Member) -> web.Response:
    """GET /staff/requests: open ones, what is due first at the top; closed ones with ``closed=yes``."""
    return await _list(request, member)


@staff_only(_OFFICER)
async def add(request: web.Request, member: Member) -> web.Response:
    """POST /staff/requests/add: what came by letter, telephone or at a desk: `kind`, `received`, `contact`, `text`."""
    runtime, now, form = request.app[RUNTIME], clock(), await read_form(request)
    typed, text = text_field(form, "contact")[:254], text_field(form, "text")
    contact = read_contact(typed, runtime.settings) if typed else None
    received_at = read_day(text_field(form, "received"), now)
    council_id = council_of(member, text_field(form, "council"))
    errors = []
    if text_field(form, "kind") not in list(Kind):
        errors.append(FormError("kind", "Choose what is asked for"))
    if received_at is None:
        errors.append(FormError("received", "Enter the day on which it came, such as 2026-11-22; not one to come"))
    if typed and contact is None:
        errors.append(FormError("contact", contact_hint(runtime.settings)))
    if len(text) > LONGEST_ANSWER:
        errors.append(FormError("text", f"Write no more than {LONGEST_ANSWER} characters"))
    if errors or received_at is None:
        return await _list(request, member, errors, {name: text_field(form, name) for name in _FIELDS})
    new = NewRequest(council_id, Kind(text_field(form, "kind")), "en", contact, text)
    async with runtime.database.write() as connection:
        entered = await steps.enter(connection, runtime, new, received_at, now)
        number = entered.after.number
        await record(connection, member, "add a request", number, council_id=council_id, now=now)
    problem = await _finish(runtime, entered)
    return see_other(f"{REQUESTS}/{number}?told={'yes' if problem is None else 'no' if contact else 'kept'}")


@staff_only(_OFFICER)
async def show_case(request: web.Request, member: Member) -> web.Response:
    """GET /staff/requests/{number}; opening it is recorded, because it shows who asks."""
    async with request.app[RUNTIME].database.short_write() as connection:
        asked = await _find(request, connection, member)
        await record(connection, member, "read a request", asked.number, council_id=asked.council_id, now=clock())
    return await _case(request, member)


@staff_only(_OFFICER)
async def take_step(request: web.Request, member: Member) -> web.Response:
    """POST /staff/requests/{number}/{step}: with `text`, and what the step needs."""
    runtime, now, form = request.app[RUNTIME], clock(), await read_form(request)
    name = request.match_info["step"]
    try:
        step = _read_step(_STEPS[name], form)
        async with runtime.database.write() as connection:
            before = await _find(request, connection, member, for_update=True)
            taken = await steps.take(connection, runtime, before, step, now)
            detail = {"outcome": step.outcome, "erased": step.erases} if step.happened is Happened.ANSWERED else None
            await record(
                connection, member, f"{step.happened} (request)", before.number,
                council_id=before.council_id, now=now, detail=detail,
            )  # fmt: skip
    except RequestError as error:
        wrong = FormError(f"text-{name}", sentence(str(error)))
        return await _case(request, member, wrong, typed=text_field(form, "text"))
    problem = await _finish(runtime, taken)
    told = "kept" if step.happened not in TOLD else "yes" if problem is None else "no"
    return see_other(f"{REQUESTS}/{before.number}?told={told}")


async def _finish(runtime: Runtime, taken: Taken) -> str | None:
    problem = await steps.finish(runtime, taken)
    if problem is not None and taken.letter is not None:
        _log.warning("a letter about a request was not sent", reason=problem)
    return problem


def _read_step(happened: Happened, form: FormFields) -> Step:
    """Raises RequestError."""
    text, outcome = text_field(form, "text"), text_field(form, "outcome")
    if happened is not Happened.ANSWERED:
        return Step(happened, text)
    if outcome not in [one.value for one in ANSWERS]:
        raise RequestError("choose how it ends")
    gives_data, erases = (text_field(form, name) == "yes" for name in ("gives_data", "erases"))
    return Step(happened, text, Outcome(outcome), gives_data, erases)


async def _find(
    request: web.Request, connection: Statements, member: Member, *, for_update: bool = False
) -> InformationRequest:
    """A case of one of the member's councils. Raises HTTPNotFound."""
    number = request.match_info["number"]
    found = await storage.load(connection, request.app[RUNTIME], number, for_update=for_update)
    if found is None or found.council_id not in member.councils(_OFFICER):
        raise web.HTTPNotFound
    return found


async def _list(
    request: web.Request,
    member: Member,
    errors: Sequence[FormError] = (),
    typed: Mapping[str, str] = MappingProxyType({}),
) -> web.Response:
    now, closed = clock(), request.query.get("closed") == "yes"
    async with request.app[RUNTIME].database.read() as connection:
        own = member.councils(_OFFICER)
        found = await storage.listed(connection, own, _MOST_SHOWN, closed=closed)
        names = {
            council_id: (await equipment.load_place(connection, council_id, None)).council_name for council_id in own
        }
    context = {
        "rows": [(one, KIND_NAMES[one.kind], *_shown_clock(one, now)) for one in found],
        "closed": closed,
        "most": _MOST_SHOWN,
        "kinds": list(KIND_NAMES.items()),
        "councils": list(names.items()),
        "typed": {**dict.fromkeys(_FIELDS, ""), "received": f"{now:%Y-%m-%d}", **typed},
        "show_day": show_day,
        "errors": errors,
    }
    return render_staff(request, member, "staff/requests.html", context, status=422 if errors else 200)


def _shown_clock(one: Listed, now: datetime) -> tuple[str, bool]:
    """How the clock stands, in words, and whether that is urgent."""
    if one.closed_at is not None:
        return f"{_OUTCOME_NAMES[Outcome(one.outcome or '')]}, {show_day(one.closed_at, one.time_zone)}", False
    return clock_words(one.waits_for, one.due_at, one.time_zone, now)


def clock_words(waits_for: str | None, due_at: datetime | None, time_zone: str, now: datetime) -> tuple[str, bool]:
    """How an open request's clock stands, and whether that is urgent."""
    if due_at is None:
        return ("stands: waits for clarification" if waits_for == Wait.CLARIFICATION else "waits for identity"), False
    left = due_at - now
    days = left // timedelta(days=1)
    day = show_day(due_at - timedelta(seconds=1), time_zone)
    if due_at <= now:
        return f"overdue since {day}", True
    return f"{day} ({'today' if days == 0 else f'{days} days left'})", left <= URGENT


async def _case(
    request: web.Request, member: Member, error: FormError | None = None, *, typed: str = ""
) -> web.Response:
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.read() as connection:
        asked = await _find(request, connection, member)
        happened = await storage.events(connection, runtime.keyring, asked.id)
        resident_id = await storage.resident_of(connection, runtime, asked)
    zone = asked.rules.time_zone
    clock_text, urgent = clock_words(asked.waits_for, asked.due_at(), zone, now)
    context = {
        "asked": asked,
        "kind": KIND_NAMES[asked.kind],
        "path": f"{REQUESTS}/{asked.number}",
        "received": show_day(asked.received_at, zone),
        "clock": clock_text,
        "urgent": urgent,
        "outcome": _OUTCOME_NAMES[asked.outcome] if asked.outcome else "",
        "is_registered": resident_id is not None,
        "may_extend": asked.may_be_extended(now),
        "events": [(f"{show_day(one.at, zone)}, {show_time(one.at, zone)}", one) for one in happened],
        "answers": [(one, _OUTCOME_NAMES[one]) for one in ANSWERS],
        "told": request.query.get("told", ""),
        "longest": LONGEST_ANSWER,
        "typed": typed,
        "errors": [] if error is None else [error],
    }
    return render_staff(request, member, "staff/request.html", context, status=200 if error is None else 422)


def sentence(text: str) -> str:
    """An exception's words as a page says them."""
    return text[:1].upper() + text[1:]


def council_of(member: Member, text: str) -> int:
    """Which of their councils it is for. Raises HTTPForbidden for another's."""
    own = member.councils(_OFFICER)
    if len(own) == 1 and not text:
        return own[0]
    if not text.isdecimal() or int(text) not in own:
        raise web.HTTPForbidden
    return int(text)


def read_day(text: str, now: datetime) -> datetime | None:
    """Noon of a day, or now for today's; None for what is no day, or one to come."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    if day > now.date():
        return None
    return min(now, datetime(day.year, day.month, day.day, 12, tzinfo=UTC))


_CASE: Final = REQUESTS + r"/{number:[0-9]{2}-[A-Z2-9]{6}}"
ROUTES: Final = (
    web.get(REQUESTS, show_list, name="staff_requests"),
    web.post(f"{REQUESTS}/add", add, name="add_staff_request"),
    web.get(_CASE, show_case, name="staff_request"),
    web.post(_CASE + "/{step:" + "|".join(_STEPS) + "}", take_step, name="take_staff_request_step"),
)
