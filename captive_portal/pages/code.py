"""Typing the code that was sent, and some minutes online to fetch it on the same device."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from aiohttp import web

from captive_portal import metrics, registration
from captive_portal.errands.errands import Errand, Prolongation
from captive_portal.journey import Event, State
from captive_portal.languages import gettext as _
from captive_portal.pages.common import (
    ERRANDS,
    JOURNEY,
    RELEASES_AGAIN,
    RUNTIME,
    clock,
    open_visit,
    release,
    render_visit,
    save,
    see_other,
    viewing,
)
from captive_portal.pages.forms import FormError, read_form, render_form_errors, text_field
from captive_portal.release import keep_on
from captive_portal.storage.journeys import Visit
from captive_portal.ways_in import email_address, grace, phone_number, verification
from captive_portal.ways_in.phone_number import is_phone_number
from captive_portal.ways_in.ways import Way, usable
from foundation.database import Statements

_PROLONGING_PATIENCE_SECONDS: Final = 3


async def show_code(request: web.Request) -> web.Response:
    """GET code: ask for the code that was sent."""
    async with viewing(request, "code") as (connection, visit):
        offers_grace = await _offers_grace(request, connection, visit, clock())
        return render_visit(request, visit, "code.html", code_context(request, visit, offers_grace=offers_grace))


async def take_code(request: web.Request) -> web.Response:
    """POST code: `code`. The right one registers and releases, or, in the minutes of grace, ends their limit."""
    runtime, now = request.app[RUNTIME], clock()
    digits = verification.read_digits(text_field(await read_form(request), "code")[:100])
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state in RELEASES_AGAIN:
            return await release(request, connection, visit, journey, now)
        contact = journey.details.contact
        if not journey.shows("code") or contact is None:
            return see_other(journey.current_path())
        if digits is None:
            metrics.codes.labels("malformed").inc()
            return _wrong_code(request, visit, _("Enter the 6 numbers of the code"))
        checked = await verification.check_code(connection, runtime, journey, contact, digits, now)
        metrics.codes.labels(checked).inc()
        if checked is verification.CodeCheck.RIGHT:
            if journey.state is not State.ONLINE:
                return await _verified(request, connection, visit, contact, now)
            errand = await _verified_online(request, connection, visit, contact, now)
    if checked is verification.CodeCheck.RIGHT:
        return await _stay_on(request, errand)
    if checked is verification.CodeCheck.NONE_LEFT:
        return _wrong_code(request, visit, _("This code can no longer be used. Ask for a new one below"))
    return _wrong_code(request, visit, _("That is not the code that we sent. Check it and try again"))


async def _verified(
    request: web.Request, connection: Statements, visit: Visit, contact: str, now: datetime
) -> web.Response:
    registered = await registration.register(
        connection, request.app[RUNTIME], visit.journey, _entry(contact), Event.REGISTERED, now
    )
    metrics.journeys.labels(registered.state).inc()
    return await release(request, connection, visit, registered, now)


async def _verified_online(
    request: web.Request, connection: Statements, visit: Visit, contact: str, now: datetime
) -> Errand:
    """Register; what is to be done then, so that the session lasts."""
    runtime, journey = request.app[RUNTIME], visit.journey
    verified = await registration.register(connection, runtime, journey, _entry(contact), Event.VERIFIED, now)
    limits = await keep_on(connection, runtime, verified, now)
    await save(connection, runtime, journey, verified, now)
    return Errand(verified, visit.gateway, Prolongation(limits))


async def _stay_on(request: web.Request, errand: Errand) -> web.Response:
    """The page that comes next says whether the session goes on, so that is worth a moment."""
    await asyncio.wait([request.app[ERRANDS].begin(errand)], timeout=_PROLONGING_PATIENCE_SECONDS)
    return see_other(f"{errand.journey.path('online')}?verified=yes")


def _entry(contact: str) -> registration.Entry:
    return registration.Entry(Way.SMS if is_phone_number(contact) else Way.EMAIL, contact)


async def take_grace(request: web.Request) -> web.Response:
    """POST grace: online for some minutes, to fetch the code."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state in RELEASES_AGAIN:
            return await release(request, connection, visit, journey, now)
        if journey.state is not State.CODE or not await _offers_grace(request, connection, visit, now):
            return see_other(journey.current_path())
        after = await grace.give(connection, runtime, journey, now)
        metrics.journeys.labels(after.state).inc()
        return await release(request, connection, visit, after, now)


async def _offers_grace(request: web.Request, connection: Statements, visit: Visit, now: datetime) -> bool:
    runtime, journey = request.app[RUNTIME], visit.journey
    # Where everybody can get on without a code, nobody needs it.
    if journey.state is not State.CODE or Way.CLICK in usable(visit.place.ways, runtime.settings):
        return False
    return await grace.is_due(connection, runtime, journey, now)


def _wrong_code(request: web.Request, visit: Visit, message: str) -> web.Response:
    return render_form_errors(request, visit, "code.html", [FormError("code", message)], code_context(request, visit))


def code_context(request: web.Request, visit: Visit, *, offers_grace: bool = False) -> dict[str, object]:
    """What the page of the code shows."""
    contact = visit.journey.details.contact
    settings = request.app[RUNTIME].settings
    return {
        # Whoever copied the redirect off the air can open this page; they must not learn the contact from it.
        "masked": masked(contact) if contact else "",
        "by_text": contact is not None and is_phone_number(contact),
        "sent_again": request.query.get("again") == "yes",
        "minutes": settings.portal.verification_code_lifetime_seconds // 60,
        "grace_minutes": settings.portal.grace_seconds // 60 if offers_grace else 0,
        "show_outbox": settings.demo,
    }


def masked(contact: str) -> str:
    """Enough of an address or number to recognise one's own."""
    return phone_number.mask(contact) if is_phone_number(contact) else email_address.mask(contact)


ROUTES: Final = (
    web.get(f"{JOURNEY}/code", show_code, name="code"),
    web.post(f"{JOURNEY}/code", take_code, name="take_code"),
    web.post(f"{JOURNEY}/grace", take_grace, name="take_grace"),
)
