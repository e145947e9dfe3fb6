"""Giving an email address, and typing the code that was sent to it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from captive_portal import mail, metrics, registration, verification
from captive_portal.email_address import NotAnEmailAddressError, mask, parse_email_address
from captive_portal.journey import Event, State, advance
from captive_portal.languages import gettext as _
from captive_portal.pages.common import (
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
from captive_portal.storage import passes
from captive_portal.storage.journeys import Visit
from captive_portal.ways import Way

_log: Final = structlog.get_logger(__name__)


async def show_email(request: web.Request) -> web.Response:
    """GET email: ask for the address."""
    return await _show(request, "email")


async def show_code(request: web.Request) -> web.Response:
    """GET code: ask for the code that was sent."""
    return await _show(request, "code")


async def _show(request: web.Request, page: str) -> web.Response:
    async with viewing(request, page) as (_connection, visit):
        return render_visit(request, visit, f"{page}.html", _code_context(request, visit))


async def take_email(request: web.Request) -> web.Response:
    """POST email: `email`. Sends a code."""
    now = clock()
    typed = text_field(await read_form(request), "email")
    try:
        address = parse_email_address(typed)
    except NotAnEmailAddressError:
        return await _no_address(request, typed, now)
    return await _send_code(request, address, "email.html", now)


async def _no_address(request: web.Request, typed: str, now: datetime) -> web.Response:
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
    if not visit.journey.shows("email"):
        return see_other(visit.journey.current_path())
    message = _("Enter an email address, like name@example.com")
    return render_form_errors(request, visit, "email.html", [FormError("email", message)], {"typed": typed})


async def send_again(request: web.Request) -> web.Response:
    """POST resend: one more code to the same address."""
    now = clock()
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
    contact = visit.journey.details.contact
    if visit.journey.state is not State.CODE or contact is None:
        return see_other(visit.journey.current_path())
    return await _send_code(request, contact, "code.html", now)


async def _send_code(request: web.Request, address: str, template: str, now: datetime) -> web.Response:
    """Store a code, then hand the mail over outside of the transaction, because a mail server may be slow."""
    runtime = request.app[RUNTIME]
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if not visit.journey.shows("email"):
            return see_other(visit.journey.current_path())
        issued = await verification.issue_code(connection, runtime, visit.journey, address, now)
        if isinstance(issued, verification.CodeLimit):
            metrics.codes.labels(issued).inc()
            return _code_refused(request, visit, template, address, _too_many_codes())
    if issued is not None and not await _mail_code(request, visit, address, issued):
        return _code_refused(request, visit, template, address, _mail_failed())
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if not visit.journey.shows("email"):
            return see_other(visit.journey.current_path())
        after = advance(visit.journey, Event.CODE_SENT, contact=address)
        await save(connection, runtime, visit.journey, after, now)
    return see_other(after.current_path() + ("?again=yes" if template == "code.html" else ""))


async def _mail_code(request: web.Request, visit: Visit, address: str, issued: verification.IssuedCode) -> bool:
    """Whether the mail was handed over; a code that nobody will get is used up."""
    runtime = request.app[RUNTIME]
    minutes = runtime.settings.portal.verification_code_lifetime_seconds // 60
    message = mail.code_message(runtime.settings.mail.sender, address, issued.digits, visit.place.council_name, minutes)
    try:
        await mail.send(message, runtime.settings)
    except mail.MailError as error:
        _log.warning("a code was not sent", reason=str(error))
        metrics.codes.labels("not-sent").inc()
        async with runtime.database.short_write() as connection:
            await passes.use_up_code(connection, issued.id)
        return False
    metrics.codes.labels("sent").inc()
    return True


def _code_refused(request: web.Request, visit: Visit, template: str, address: str, message: str) -> web.Response:
    field = template.removesuffix(".html")
    context = {**_code_context(request, visit), "typed": address if field == "email" else ""}
    return render_form_errors(request, visit, template, [FormError(field, message)], context)


def _too_many_codes() -> str:
    return _("Too many codes were asked for. Wait an hour, or go back and get online without giving details")


def _mail_failed() -> str:
    return _("We could not send the email. Check the address and try again")


async def take_code(request: web.Request) -> web.Response:
    """POST code: `code`. The right one registers and releases."""
    runtime, now = request.app[RUNTIME], clock()
    digits = verification.read_digits(text_field(await read_form(request), "code")[:100])
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state in RELEASES_AGAIN:
            return await release(request, connection, visit, journey, now)
        contact = journey.details.contact
        if journey.state is not State.CODE or contact is None:
            return see_other(journey.current_path())
        if digits is None:
            metrics.codes.labels("malformed").inc()
            return _wrong_code(request, visit, _("Enter the 6 numbers from the email"))
        checked = await verification.check_code(connection, runtime, journey, contact, digits, now)
        metrics.codes.labels(checked).inc()
        if checked is verification.CodeCheck.RIGHT:
            registered = await registration.register(
                connection, runtime, journey, registration.Entry(Way.EMAIL, contact), Event.REGISTERED, now
            )
            metrics.journeys.labels(registered.state).inc()
            return await release(request, connection, visit, registered, now)
    if checked is verification.CodeCheck.NONE_LEFT:
        return _wrong_code(request, visit, _("This code can no longer be used. Ask for a new one below"))
    return _wrong_code(request, visit, _("That is not the code that we sent. Check the email and try again"))


def _wrong_code(request: web.Request, visit: Visit, message: str) -> web.Response:
    return render_form_errors(request, visit, "code.html", [FormError("code", message)], _code_context(request, visit))


def _code_context(request: web.Request, visit: Visit) -> dict[str, object]:
    contact = visit.journey.details.contact
    settings = request.app[RUNTIME].settings
    return {
        # Whoever copied the redirect off the air can open this page; they must not learn the address from it.
        "masked": mask(contact) if contact else "",
        "typed": "",
        "sent_again": request.query.get("again") == "yes",
        "minutes": settings.portal.verification_code_lifetime_seconds // 60,
        "show_outbox": settings.demo,
    }
