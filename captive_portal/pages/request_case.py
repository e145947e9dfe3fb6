"""The page of one request: what its number is, until when it is answered, what the council wrote, and what it gives.

Its address cannot be guessed. What was written is about somebody: where there is a contact it is shown only for some
minutes after a code that was sent there was typed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from captive_portal import metrics
from captive_portal.information_rights import correspondence, handling, my_data, requests
from captive_portal.information_rights.correspondence import Letter, OutOfTexts
from captive_portal.information_rights.handling import Actor
from captive_portal.information_rights.requests import Happened, InformationRequest, Outcome, Wait
from captive_portal.languages import choose_language, current_language, show_day
from captive_portal.languages import gettext as _
from captive_portal.pages.code import masked
from captive_portal.pages.common import RUNTIME, clock, render, see_other
from captive_portal.pages.forms import FormError, read_form, text_field
from captive_portal.pages.requests import kind_name, send, text_too_long
from captive_portal.storage import equipment
from captive_portal.storage import information_requests as storage
from captive_portal.storage import my_data as my_data_storage
from captive_portal.storage.equipment import Place
from captive_portal.ways_in import verification
from captive_portal.ways_in.verification import CodeCheck
from foundation.database import Statements


@dataclass(frozen=True, slots=True)
class _Page:
    """A request, and where it is."""

    request: InformationRequest
    place: Place


async def show(request: web.Request) -> web.Response:
    """GET /requests/{number}/{key}"""
    return await _show(request)


async def send_code(request: web.Request) -> web.Response:
    """POST send: a (new) code to the contact."""
    runtime, now = request.app[RUNTIME], clock()
    async with _changing(request) as (connection, page):
        letter = await correspondence.issue_code(connection, runtime, page.request, page.place.council_name, now)
    problem = None
    if isinstance(letter, verification.CodeLimit):
        metrics.codes.labels(letter).inc()
        problem = _("Too many codes were asked for. Wait an hour and try again")
    elif isinstance(letter, OutOfTexts):
        metrics.codes.labels("out-of-texts").inc()
        problem = _("Texts have run out for this month. Ask your council in another way")
    elif isinstance(letter, Letter) and not await send(runtime, letter):
        problem = _("We could not send the code. Try again later")
    if problem is not None:
        return await _show(request, FormError("code", problem))
    return _back(request, page.request)


async def take_code(request: web.Request) -> web.Response:
    """POST code: `code`. The right one proves the contact, and opens the page for a while."""
    runtime, now = request.app[RUNTIME], clock()
    digits = verification.read_digits(text_field(await read_form(request), "code")[:100])
    if digits is None:
        metrics.codes.labels("malformed").inc()
        return await _show(request, FormError("code", _("Enter the 6 numbers of the code")))
    async with _changing(request) as (connection, page):
        checked = await correspondence.check_code(connection, runtime, page.request, digits, now)
        metrics.codes.labels(checked).inc()
        if checked is CodeCheck.RIGHT:
            first = page.request.contact_proved_at is None
            after = requests.contact_proved(page.request, now)
            if first:
                await handling.store(connection, runtime, after, Happened.CONTACT_PROVED, Actor.RESIDENT, now)
            else:
                await storage.save(connection, after, now)
            return _back(request, after)
    if checked is CodeCheck.NONE_LEFT:
        return await _show(request, FormError("code", _("This code can no longer be used. Ask for a new one below")))
    return await _show(request, FormError("code", _("That is not the code that we sent. Check it and try again")))


async def take_text(request: web.Request) -> web.Response:
    """POST message: `text`. What was asked about is answered by it, and the clock goes on."""
    runtime, now = request.app[RUNTIME], clock()
    text = text_field(await read_form(request), "text")
    async with _changing(request) as (connection, page):
        before = page.request
        if not before.is_open(now):
            return _back(request, before)
        error = await _text_error(connection, before, text, now)
        if error is None:
            is_answer = before.waits_for is Wait.CLARIFICATION
            after = requests.clarified(before, now) if is_answer else before
            happened = Happened.CLARIFIED if is_answer else Happened.WRITTEN
            await handling.store(connection, runtime, after, happened, Actor.RESIDENT, now, text)
            return _back(request, after, "&kept=yes")
    return await _show(request, FormError("text", error))


async def _text_error(connection: Statements, before: InformationRequest, text: str, now: datetime) -> str | None:
    if before.closed_at is not None:
        return _("This request is closed. Send a new one")
    if not text:
        return _("Write what you want to tell us")
    if len(text) > requests.LONGEST_TEXT:
        return text_too_long()
    if not await handling.may_write(connection, before, now):
        return _("You have written often. Wait an hour, then write again")
    return None


async def withdraw(request: web.Request) -> web.Response:
    """POST withdraw: who asked does not want it any more."""
    runtime, now = request.app[RUNTIME], clock()
    async with _changing(request) as (connection, page):
        after = page.request
        if after.closed_at is None and after.is_open(now):
            after = requests.withdrawn(after, now)
            await handling.store(connection, runtime, after, Happened.WITHDRAWN, Actor.RESIDENT, now)
    return _back(request, after)


async def export(request: web.Request) -> web.Response:
    """GET data.json and data.csv: all that is kept under the contact, if the answer gives it, after the code."""
    runtime, now, kind = request.app[RUNTIME], clock(), request.match_info["kind"]
    async with runtime.database.read() as connection:
        page = await _open(request, connection)
        asked = page.request
        if not (asked.gives_data and asked.contact is not None and asked.is_open(now)):
            return _back(request, asked)
        resident_id = await storage.resident_of(connection, runtime, asked)
        data = await my_data_storage.gather(connection, runtime, resident_id) if resident_id else None
    if data is None:
        raise web.HTTPNotFound
    text = my_data.to_json(data) if kind == "json" else my_data.to_csv(data)
    headers = {"Content-Disposition": f'attachment; filename="my-wifi-data.{kind}"'}
    content_type = f"{'application' if kind == 'json' else 'text'}/{kind}"
    return web.Response(text=text, content_type=content_type, headers=headers)


async def _open(request: web.Request, connection: Statements, *, for_update: bool = False) -> _Page:
    """What an address leads to. Raises HTTPNotFound."""
    runtime, parts = request.app[RUNTIME], request.match_info
    found = await handling.open_page(connection, runtime, parts["number"], parts["key"], for_update=for_update)
    if found is None:
        raise web.HTTPNotFound
    current_language.set(choose_language(request.query.get("lang"), found.language))
    return _Page(found, await equipment.load_place(connection, found.council_id, None))


def _back(request: web.Request, asked: InformationRequest, query: str = "") -> web.Response:
    """To the request's page, in the language in which it is read."""
    path = handling.page_path(request.app[RUNTIME].keyring, asked)
    return see_other(f"{path}?lang={current_language.get()}{query}")


@asynccontextmanager
async def _changing(request: web.Request) -> AsyncIterator[tuple[Statements, _Page]]:
    async with request.app[RUNTIME].database.short_write() as connection:
        yield connection, await _open(request, connection, for_update=True)


async def _show(request: web.Request, error: FormError | None = None) -> web.Response:
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.read() as connection:
        page = await _open(request, connection)
        asked = page.request
        happened = await storage.events(connection, runtime.keyring, asked.id) if asked.is_open(now) else []
        has_code = bool(await storage.live_codes(connection, asked.id, now))
        resident_id = await storage.resident_of(connection, runtime, asked) if asked.gives_data else None
    zone = asked.rules.time_zone
    context = {
        "place": page.place,
        "information": f"/councils/{page.place.council_code}/",
        "asked": asked,
        "path": handling.page_path(runtime.keyring, asked),
        "lines": _lines(asked),
        "is_open": asked.is_open(now),
        "has_code": has_code,
        "masked": masked(asked.contact) if asked.contact else "",
        "minutes": runtime.settings.portal.verification_code_lifetime_seconds // 60,
        "show_outbox": runtime.settings.demo,
        # Without a contact whoever has the address reads along, so what was sent in is not shown again.
        "written": [
            (_("You") if one.actor == Actor.RESIDENT else page.place.council_name, show_day(one.at, zone), one.text)
            for one in happened
            if one.text and (asked.contact is not None or one.actor == Actor.COUNCIL)
        ],
        "gives_data": resident_id is not None,
        "received": request.query.get("received") == "yes",
        "kept": request.query.get("kept") == "yes",
        "most": requests.LONGEST_TEXT,
        "errors": [] if error is None else [error],
    }
    return render(request, "request.html", context, status=200 if error is None else 422)


def _lines(asked: InformationRequest) -> list[tuple[str, str]]:
    zone, due_at = asked.rules.time_zone, asked.due_at()
    lines = [
        (_("Number"), asked.number),
        (_("What you asked"), kind_name(asked.kind)),
        (_("Received"), show_day(asked.received_at, zone)),
        (_("Now"), _state(asked)),
    ]
    if due_at is not None:
        lines.append((_("You get an answer by"), show_day(due_at - timedelta(seconds=1), zone)))
    if asked.closed_at is not None:
        lines.append((_("Closed"), show_day(asked.closed_at, zone)))
    return lines


def _state(asked: InformationRequest) -> str:
    if asked.outcome is not None:
        return {
            Outcome.DONE: _("Done"),
            Outcome.PARTLY: _("Done in part"),
            Outcome.REFUSED: _("Refused"),
            Outcome.WITHDRAWN: _("You took it back"),
        }[asked.outcome]
    if asked.waits_for is Wait.IDENTITY:
        return _("We do not know yet that it is you")
    if asked.waits_for is Wait.CLARIFICATION:
        return _("We asked you something, and wait for your answer")
    return _("We work on it")


_PAGE: Final = r"/requests/{number:[0-9]{2}-[A-Z2-9]{6}}/{key:[A-Za-z0-9_-]{22}}"
# For whoever knows the address: its part is key.
ROUTES: Final = (
    web.get(_PAGE, show, name="request"),
    web.post(f"{_PAGE}/send", send_code, name="send_request_code"),
    web.post(f"{_PAGE}/code", take_code, name="take_request_code"),
    web.post(f"{_PAGE}/message", take_text, name="take_request_text"),
    web.post(f"{_PAGE}/withdraw", withdraw, name="withdraw_request"),
    web.get(_PAGE + r"/data.{kind:json|csv}", export, name="request_export"),
)
