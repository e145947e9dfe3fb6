"""My data: seeing, taking away, correcting and deleting what is kept of a resident.

A journey proves the device only. So whoever gave a contact first types a code that is sent to it; of whoever gave none
the device is all that is known.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from captive_portal import metrics
from captive_portal.information_rights import my_data
from captive_portal.information_rights.my_data import MyData
from captive_portal.information_rights.terms import read_blocks
from captive_portal.journey import Journey
from captive_portal.languages import NAMES
from captive_portal.languages import gettext as _
from captive_portal.pages import news
from captive_portal.pages.code import masked
from captive_portal.pages.common import (
    JOURNEY,
    RUNTIME,
    change_language,
    clock,
    open_visit,
    render_visit,
    save,
    see_other,
)
from captive_portal.pages.forms import FormError, read_form, render_form_errors, text_field
from captive_portal.pages.my_data_words import words_of
from captive_portal.storage import erasure
from captive_portal.storage import my_data as storage
from captive_portal.storage.journeys import Visit
from captive_portal.ways_in import code_delivery, verification
from captive_portal.ways_in.contacts import contact_hint, read_contact
from captive_portal.ways_in.phone_number import is_phone_number
from foundation.database import Statements

_log: Final = structlog.get_logger(__name__)
_LARGEST_NUMBER: Final = 2**63


class _ElsewhereError(Exception):
    """The browser belongs on another page."""

    def __init__(self, path: str) -> None:
        super().__init__("the browser belongs on another page")
        self.path = path


async def show(request: web.Request) -> web.Response:
    """GET data: everything; or, before the contact was proved, how to prove it."""
    now = clock()
    if answer := await change_language(request, now):
        return answer
    async with request.app[RUNTIME].database.read() as connection:
        visit, contact = await _visit(request, connection, now)
        if not _is_open(visit.journey, contact, now):
            return render_visit(request, visit, "data_closed.html", {"masked": masked(contact or "")})
        data = await _gather(request, connection, visit)
        context = await _context(request, connection, visit, data)
    return render_visit(request, visit, "data.html", context)


async def export(request: web.Request) -> web.Response:
    """GET data/export.json and export.csv: to keep; with ``show=yes`` to read, where a browser keeps no files."""
    now, kind = clock(), request.match_info["kind"]
    async with request.app[RUNTIME].database.read() as connection:
        visit = await open_data(request, connection, now)
        data = await _gather(request, connection, visit)
    text = my_data.to_json(data) if kind == "json" else my_data.to_csv(data)
    if request.query.get("show") == "yes":
        return web.Response(text=text, content_type="text/plain")
    headers = {"Content-Disposition": f'attachment; filename="my-wifi-data.{kind}"'}
    return web.Response(
        text=text, content_type=f"{'application' if kind == 'json' else 'text'}/{kind}", headers=headers
    )


async def show_terms(request: web.Request) -> web.Response:
    """GET data/terms/NUMBER: a text that the resident accepted."""
    now, number = clock(), int(request.match_info["number"])
    if answer := await change_language(request, now):
        return answer
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_data(request, connection, now)
        terms = await storage.accepted_terms(connection, visit.journey.resident_id, number)
    if terms is None:
        raise web.HTTPNotFound
    context = {"terms": terms, "blocks": read_blocks(terms.text), "back": visit.journey.path("data")}
    return render_visit(request, visit, "terms.html", context)


async def send(request: web.Request) -> web.Response:
    """POST data/send: a code to the resident's own contact."""
    now = clock()
    async with request.app[RUNTIME].database.short_read() as connection:
        visit, contact = await _visit(request, connection, now)
    if contact is None:
        return see_other(visit.journey.path("data"))
    return await _send_code(request, contact, now, must_be_open=False)


async def take_contact(request: web.Request) -> web.Response:
    """POST data/contact: `contact`, a new email address or mobile number, which gets a code."""
    now = clock()
    typed = text_field(await read_form(request), "contact")[:254]
    settings = request.app[RUNTIME].settings
    async with request.app[RUNTIME].database.read() as connection:
        visit = await open_data(request, connection, now)
        contact = read_contact(typed, settings)
        if contact is None:
            return await _refused(request, connection, visit, contact_hint(settings), typed)
    return await _send_code(request, contact, now, must_be_open=True)


async def show_code(request: web.Request) -> web.Response:
    """GET data/code: ask for the code that was sent."""
    now = clock()
    if answer := await change_language(request, now):
        return answer
    async with request.app[RUNTIME].database.short_read() as connection:
        visit, _contact = await _visit(request, connection, now)
    if visit.journey.details.data_contact is None:
        return see_other(visit.journey.path("data"))
    return render_visit(request, visit, "data_code.html", _code_context(request, visit))


async def take_code(request: web.Request) -> web.Response:
    """POST data/code: `code`. The right one opens the pages, or makes the address it was sent to the contact."""
    runtime, now = request.app[RUNTIME], clock()
    digits = verification.read_digits(text_field(await read_form(request), "code")[:100])
    async with runtime.database.short_write() as connection:
        visit, contact = await _visit(request, connection, now, for_update=True)
        journey, sent_to = visit.journey, visit.journey.details.data_contact
        if sent_to is None or (sent_to != contact and not _is_open(journey, contact, now)):
            return see_other(journey.path("data"))
        if digits is None:
            metrics.codes.labels("malformed").inc()
            return _wrong_code(request, visit, _("Enter the 6 numbers of the code"))
        checked = await verification.check_code(connection, runtime, journey, sent_to, digits, now)
        metrics.codes.labels(checked).inc()
        if checked is verification.CodeCheck.RIGHT:
            return await _proved(request, connection, visit, sent_to, is_new=sent_to != contact)
    if checked is verification.CodeCheck.NONE_LEFT:
        return _wrong_code(request, visit, _("This code can no longer be used. Go back and ask for a new one"))
    return _wrong_code(request, visit, _("That is not the code that we sent. Check it and try again"))


async def take_language(request: web.Request) -> web.Response:
    """POST data/language: `language`, the one in which the resident wants to be written to."""
    runtime, now = request.app[RUNTIME], clock()
    chosen = text_field(await read_form(request), "language")
    async with runtime.database.short_write() as connection:
        visit = await open_data(request, connection, now, for_update=True)
        journey = visit.journey
        if chosen in NAMES and journey.resident_id is not None:
            await storage.set_language(connection, journey.resident_id, chosen)
            await save(connection, runtime, journey, replace(journey, language=chosen), now)
    return see_other(f"{journey.path('data')}?changed=yes")


async def show_delete(request: web.Request) -> web.Response:
    """GET data/delete: what that means."""
    now = clock()
    if answer := await change_language(request, now):
        return answer
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_data(request, connection, now)
    return render_visit(request, visit, "data_delete.html")


async def take_delete(request: web.Request) -> web.Response:
    """POST data/delete: `confirm` = ``yes``. Deletes everything; the device stays on."""
    runtime, now = request.app[RUNTIME], clock()
    is_confirmed = text_field(await read_form(request), "confirm") == "yes"
    async with runtime.database.write() as connection:
        visit = await open_data(request, connection, now, for_update=True)
        if not is_confirmed:
            error = FormError("confirm", _("Tick the box if you want everything to be deleted"))
            return render_form_errors(request, visit, "data_delete.html", [error])
        contact = await storage.contact_of(connection, runtime, visit.journey.resident_id)
        erased = await erasure.erase(connection, runtime, visit.journey, now)
    if erased is None:
        return see_other(visit.journey.path(""))
    _log.info("a resident had everything deleted", council_id=visit.journey.council_id)
    metrics.erasures.inc()
    await erasure.erase_files(runtime, contact)
    return see_other(erased.current_path())


async def _visit(
    request: web.Request, connection: Statements, now: datetime, *, for_update: bool = False
) -> tuple[Visit, str | None]:
    """A registered journey and its resident's contact. Raises HTTPSeeOther where there is none."""
    visit = await open_visit(request, connection, now, for_update=for_update)
    if not visit.journey.shows_data:
        raise web.HTTPSeeOther(visit.journey.current_path())
    return visit, await storage.contact_of(connection, request.app[RUNTIME], visit.journey.resident_id)


async def open_data(request: web.Request, connection: Statements, now: datetime, *, for_update: bool = False) -> Visit:
    """A journey whose data may be read now. Raises HTTPSeeOther where it may not."""
    visit, contact = await _visit(request, connection, now, for_update=for_update)
    if not _is_open(visit.journey, contact, now):
        raise web.HTTPSeeOther(visit.journey.path("data"))
    return visit


def _is_open(journey: Journey, contact: str | None, now: datetime) -> bool:
    return contact is None or journey.data_is_open(now)


async def _gather(request: web.Request, connection: Statements, visit: Visit) -> MyData:
    journey = visit.journey
    data = await storage.gather(connection, request.app[RUNTIME], journey.resident_id, journey.details.device_id)
    if data is None:
        raise web.HTTPSeeOther(visit.journey.path(""))
    return data


async def _send_code(request: web.Request, contact: str, now: datetime, *, must_be_open: bool) -> web.Response:
    """As at registration: the same page follows whoever the address belongs to."""
    runtime = request.app[RUNTIME]
    async with runtime.database.short_write() as connection:
        visit, own = await _visit(request, connection, now, for_update=True)
        if must_be_open and not _is_open(visit.journey, own, now):
            return see_other(visit.journey.path("data"))
        sending = await code_delivery.issue(connection, runtime, visit.journey, contact, now)
        details = replace(visit.journey.details, data_contact=contact)
        await save(connection, runtime, visit.journey, replace(visit.journey, details=details), now)
    problem = None
    if isinstance(sending, verification.CodeLimit):
        metrics.codes.labels(sending).inc()
        problem = _("Too many codes were asked for. Wait an hour and try again")
    elif isinstance(sending, code_delivery.OutOfTexts):
        metrics.codes.labels("out-of-texts").inc()
        problem = _("Texts have run out for this month. Ask your council in another way")
    elif sending is not None and not await code_delivery.hand_over(runtime, visit.place, contact, sending):
        problem = _("We could not send the code. Try again later")
    if problem is not None:
        visit = replace(visit, journey=replace(visit.journey, details=details))
        return _wrong_code(request, visit, problem)
    return see_other(visit.journey.path("data/code"))


async def _proved(
    request: web.Request, connection: Statements, visit: Visit, contact: str, *, is_new: bool
) -> web.Response:
    runtime, journey, now = request.app[RUNTIME], visit.journey, clock()
    assert journey.resident_id is not None
    if is_new:
        kind = "sms" if is_phone_number(contact) else "email"
        is_free = await storage.set_contact(
            connection, runtime, journey.council_id, journey.resident_id, contact, kind, now
        )
        if not is_free:
            # Told only to whoever reads what is sent there.
            return _wrong_code(request, visit, _("You have other data with us under this. Delete one of them first"))
    details = replace(journey.details, data_contact=None, data_open_until=now + my_data.OPEN_FOR)
    await save(connection, runtime, journey, replace(journey, details=details), now)
    return see_other(journey.path("data") + ("?changed=yes" if is_new else ""))


async def _refused(
    request: web.Request, connection: Statements, visit: Visit, message: str, typed: str
) -> web.Response:
    data = await _gather(request, connection, visit)
    context = {**await _context(request, connection, visit, data), "typed": typed}
    return render_form_errors(request, visit, "data.html", [FormError("contact", message)], context)


def _wrong_code(request: web.Request, visit: Visit, message: str) -> web.Response:
    context = _code_context(request, visit)
    return render_form_errors(request, visit, "data_code.html", [FormError("code", message)], context)


def _code_context(request: web.Request, visit: Visit) -> dict[str, object]:
    settings, contact = request.app[RUNTIME].settings, visit.journey.details.data_contact or ""
    return {
        "masked": masked(contact),
        "minutes": settings.portal.verification_code_lifetime_seconds // 60,
        "show_outbox": settings.demo,
    }


async def _context(request: web.Request, connection: Statements, visit: Visit, data: MyData) -> dict[str, object]:
    return {
        **words_of(data, visit.place.time_zone),
        "asks_about_news": await news.asks(connection, visit, clock()),
        "typed": "",
        "contact_hint": contact_hint(request.app[RUNTIME].settings),
        "changed": request.query.get("changed") == "yes",
    }


DATA: Final = f"{JOURNEY}/data"
ROUTES: Final = (
    web.get(DATA, show, name="data"),
    web.get(DATA + r"/export.{kind:json|csv}", export, name="data_export"),
    web.get(DATA + r"/terms/{number:[0-9]{1,18}}", show_terms, name="data_terms"),
    web.post(f"{DATA}/send", send, name="send_data_code"),
    web.post(f"{DATA}/contact", take_contact, name="take_data_contact"),
    web.get(f"{DATA}/code", show_code, name="data_code"),
    web.post(f"{DATA}/code", take_code, name="take_data_code"),
    web.post(f"{DATA}/language", take_language, name="take_data_language"),
    web.get(f"{DATA}/delete", show_delete, name="data_delete"),
    web.post(f"{DATA}/delete", take_delete, name="take_data_delete"),
)
