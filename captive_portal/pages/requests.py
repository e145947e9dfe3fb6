"""Asking a council something about one's data, or complaining: from a journey, or from anywhere, without an account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from captive_portal.information_rights import correspondence, handling, requests
from captive_portal.information_rights.correspondence import Letter
from captive_portal.information_rights.handling import Actor, SentBefore, TooMany
from captive_portal.information_rights.requests import Happened, InformationRequest, Kind
from captive_portal.languages import current_language
from captive_portal.languages import gettext as _
from captive_portal.pages.common import (
    JOURNEY,
    RUNTIME,
    change_language,
    clock,
    open_visit,
    render,
    render_visit,
    see_other,
)
from captive_portal.pages.forms import FormError, FormFields, read_form, text_field
from captive_portal.storage import disclosures, equipment
from captive_portal.storage import information_requests as storage
from captive_portal.storage.equipment import Place
from captive_portal.storage.information_requests import NewRequest
from captive_portal.storage.journeys import Visit
from captive_portal.ways_in.contacts import contact_hint, read_contact
from foundation.database import Statements
from foundation.runtime import Runtime

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Where:
    """Whom somebody asks, and from which journey, if any."""

    place: Place
    visit: Visit | None

    @property
    def prefix(self) -> str:
        return f"/councils/{self.place.council_code}/" if self.visit is None else self.visit.journey.path("")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A form as it was filled in."""

    kind: str = ""
    text: str = ""
    contact: str = ""
    # By which it is known when it comes twice.
    form: str = ""


async def choose_council(request: web.Request) -> web.Response:
    """GET /requests: the council's form, or a list where there are several."""
    async with request.app[RUNTIME].database.short_read() as connection:
        councils = await equipment.list_councils(connection)
    if len(councils) == 1:
        return see_other(f"/councils/{councils[0][0]}/requests")
    return render(request, "councils.html", {"councils": councils, "topic": "requests"})


async def show_form(request: web.Request) -> web.Response:
    """GET requests, of a journey or of /councils/{code}."""
    now = clock()
    if "path_id" in request.match_info and (answer := await change_language(request, now)):
        return answer
    async with _where(request, now) as (_connection, where):
        return _form(request, where, _Asked(), [])


async def take_form(request: web.Request) -> web.Response:
    """POST requests: `kind`, `text`, `contact`. Sends a code to the contact, and shows the request's page."""
    runtime, now = request.app[RUNTIME], clock()
    asked = _read(await read_form(request))
    async with _where(request, now) as (_connection, where):
        contact = read_contact(asked.contact, runtime.settings) if asked.contact else None
        if errors := _errors(asked, contact, contact_hint(runtime.settings)):
            return _form(request, where, asked, errors)
    new = NewRequest(
        council_id=where.place.council_id,
        kind=Kind(asked.kind),
        language=current_language.get(),
        contact=contact,
        text=asked.text,
        venue_id=where.visit.journey.venue_id if where.visit else None,
        number=handling.form_number(runtime.keyring, where.place.council_id, asked.form),
    )
    async with runtime.database.short_write() as connection:
        received = await handling.receive(connection, runtime, new, now, now, Actor.RESIDENT)
        if isinstance(received, TooMany):
            error = FormError("kind", _("Too many people are asking now. Try again in an hour, or ask your council"))
            return _form(request, where, asked, [error], status=429)
        if isinstance(received, SentBefore):
            return see_other(_page(runtime, received.request))
        council_name = where.place.council_name
        letter = await correspondence.issue_code(connection, runtime, received, council_name, now)
    if (isinstance(letter, Letter) and await send(runtime, letter)) or received.contact is None:
        await _acknowledge(request, received, now)
    return see_other(_page(runtime, received))


def _page(runtime: Runtime, received: InformationRequest) -> str:
    return f"{handling.page_path(runtime.keyring, received)}?lang={received.language}&received=yes"


async def send(runtime: Runtime, letter: Letter) -> bool:
    """Whether a letter was taken; if not, the log says why."""
    problem = await correspondence.hand_over(runtime, letter)
    if problem is not None:
        _log.warning("a letter about a request was not sent", reason=problem)
    return problem is None


async def show_disclosures(request: web.Request) -> web.Response:
    """GET /councils/{code}/disclosures: how often others asked for people's data, and what they got."""
    async with _where(request, clock()) as (connection, where):
        years = await disclosures.count_by_year(connection, where.place.council_id, where.place.time_zone)
    return render(request, "disclosures.html", {"place": where.place, "years": years, "information": where.prefix})


@asynccontextmanager
async def _where(request: web.Request, now: datetime) -> AsyncIterator[tuple[Statements, _Where]]:
    async with request.app[RUNTIME].database.short_read() as connection:
        if "path_id" in request.match_info:
            visit = await open_visit(request, connection, now)
            yield connection, _Where(visit.place, visit)
            return
        place = await equipment.find_council(connection, request.match_info["code"])
        if place is None:
            raise web.HTTPNotFound
        yield connection, _Where(place, None)


async def _acknowledge(request: web.Request, received: InformationRequest, now: datetime) -> None:
    """Who complains is told at once that it came: by the mail or text with the number, or, without contact, here."""
    if received.is_right:
        return
    runtime = request.app[RUNTIME]
    async with runtime.database.short_write() as connection:
        current = await storage.load(connection, runtime, received.number, for_update=True)
        if current is not None and current.acknowledged_at is None and current.closed_at is None:
            after = requests.acknowledged(current, now)
            await handling.store(connection, runtime, after, Happened.ACKNOWLEDGED, Actor.COUNCIL, now)


def _read(form: FormFields) -> _Asked:
    contact = text_field(form, "contact")[:254]
    return _Asked(text_field(form, "kind"), text_field(form, "text"), contact, text_field(form, "form"))


def _errors(asked: _Asked, contact: str | None, hint: str) -> list[FormError]:
    errors = []
    if asked.kind not in list(Kind):
        errors.append(FormError("kind", _("Choose what you want to ask")))
    if asked.kind == Kind.COMPLAINT and not asked.text:
        errors.append(FormError("text", _("Write what your complaint is about")))
    if len(asked.text) > requests.LONGEST_TEXT:
        errors.append(FormError("text", text_too_long()))
    if asked.contact and contact is None:
        errors.append(FormError("contact", hint))
    if not asked.contact and asked.kind != Kind.COMPLAINT:
        errors.append(FormError("contact", _("Enter the email address or mobile number that you gave us")))
    return errors


def text_too_long() -> str:
    """What is said of a text that does not fit."""
    return _("Write no more than %(number)s characters") % {"number": requests.LONGEST_TEXT}


def kind_choices() -> list[tuple[Kind, str, str]]:
    """What can be asked: value, words, hint."""
    return [
        (Kind.COMPLAINT, _("Complain"), _("About how your data are used, or about this WiFi")),
        (Kind.ACCESS, _("Get a copy of what you keep of me"), _("Also which devices, and when they were online")),
        (Kind.CORRECTION, _("Correct what is wrong"), ""),
        (Kind.ERASURE, _("Delete what you keep of me"), ""),
        (Kind.OBJECTION, _("Stop using my data, or use them less"), ""),
    ]


def kind_name(kind: Kind) -> str:
    """What was asked, in words."""
    return next(words for value, words, _hint in kind_choices() if value is kind)


def _form(
    request: web.Request, where: _Where, asked: _Asked, errors: list[FormError], *, status: int | None = None
) -> web.Response:
    runtime, journey = request.app[RUNTIME], where.visit.journey if where.visit else None
    context = {
        "asked": asked,
        "form": asked.form or handling.new_form(runtime.keyring, where.place.council_id, clock()),
        "kinds": kind_choices(),
        "contact_hint": contact_hint(runtime.settings),
        "most": requests.LONGEST_TEXT,
        "action": f"{where.prefix}requests",
        "own_data": journey.path("data") if journey is not None and journey.shows_data else "",
        "back": journey.current_path() if journey is not None else "",
        "errors": errors,
    }
    found = status or (422 if errors else 200)
    if where.visit is not None:
        return render_visit(request, where.visit, "ask.html", context, status=found)
    around = {"place": where.place, "information": where.prefix}
    return render(request, "ask.html", {**around, **context}, status=found)


_COUNCIL: Final = "/councils/{code:[A-Z0-9]{1,9}}"
# For everybody
ROUTES: Final = (
    web.get("/requests", choose_council, name="requests"),
    web.get(f"{_COUNCIL}/requests", show_form, name="council_requests"),
    web.post(f"{_COUNCIL}/requests", take_form, name="take_council_request"),
    web.get(f"{_COUNCIL}/disclosures", show_disclosures, name="disclosures"),
)
# For whoever knows a journey's address: its part is path_id.
JOURNEY_ROUTES: Final = (
    web.get(f"{JOURNEY}/requests", show_form, name="journey_requests"),
    web.post(f"{JOURNEY}/requests", take_form, name="take_journey_request"),
)
