"""Choosing a way in, accepting the terms, giving an email address and typing its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal import mail, metrics, registration, verification
from captive_portal.email_address import NotAnEmailAddressError, mask, parse_email_address
from captive_portal.journey import Event, Journey, State, advance
from captive_portal.languages import current_language
from captive_portal.languages import gettext as _
from captive_portal.pages.common import (
    RUNTIME,
    FormError,
    Visit,
    change_language,
    clock,
    open_visit,
    perform,
    render_form_errors,
    render_visit,
    save,
    see_other,
)
from captive_portal.release import send_to_gateway
from captive_portal.storage import passes, residents

# What aiohttp reads from a form: text, or files, which no form of ours has.
FormFields = Mapping[str, str | bytes | bytearray | web.FileField]

# A form that comes (again) after its journey has gone on, by a double click or the back button, releases again.
_RELEASES_AGAIN = (State.RELEASE, State.WAITING)


@dataclass(frozen=True, slots=True)
class StartForm:
    """What the resident chose on the first page."""

    way: str
    terms_id: int | None
    accepted: bool
    remember: bool


async def show_start(request: web.Request) -> web.Response:
    """GET start: ways in, and the terms."""
    now = clock()
    async with request.app[RUNTIME].database.read() as connection:
        visit = await open_visit(request, connection, now)
        texts = await residents.current_terms(connection, visit.journey.council_id)
    if answer := await change_language(request, now):
        return answer
    if not visit.journey.shows("start"):
        return see_other(visit.journey.current_path())
    terms = registration.choose_terms(texts, current_language.get())
    if terms is None:
        return render_visit(request, visit, "no_terms.html", status=503)
    return render_visit(request, visit, "start.html", _start_context(request, terms, None))


async def take_start(request: web.Request) -> web.Response:
    """POST start: `way` (click or email), `accept_terms`, `terms`, `remember_device`."""
    runtime, now = request.app[RUNTIME], clock()
    form = read_start_form(await request.post())
    async with runtime.database.write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state in _RELEASES_AGAIN:
            return await release(request, connection, visit, journey, now)
        if not journey.shows("start"):
            return see_other(journey.current_path())
        texts = await residents.current_terms(connection, journey.council_id)
        terms = registration.choose_terms(texts, current_language.get())
        if terms is None:
            return render_visit(request, visit, "no_terms.html", status=503)
        errors = check_start_form(form, texts)
        if errors:
            return render_form_errors(request, visit, "start.html", errors, _start_context(request, terms, form))
        details = replace(journey.details, terms_id=form.terms_id, remember=form.remember)
        chosen = replace(journey, details=details)
        if form.way == "email":
            after = advance(chosen, Event.CHOSE_EMAIL)
            await save(connection, runtime, journey, after, now)
            return see_other(after.current_path())
        registered = await registration.register(connection, runtime, chosen, None, now)
        metrics.journeys.labels(registered.state).inc()
        return await release(request, connection, visit, registered, now)


def read_start_form(form: FormFields) -> StartForm:
    """Whatever was posted, as values."""
    terms = text_field(form, "terms")
    return StartForm(
        way=text_field(form, "way"),
        terms_id=int(terms) if terms.isascii() and terms.isdecimal() and len(terms) < 10 else None,
        accepted=text_field(form, "accept_terms") == "yes",
        remember=text_field(form, "remember_device") == "yes",
    )


def check_start_form(form: StartForm, texts: list[residents.Terms]) -> list[FormError]:
    """What is missing, in the order of the page."""
    errors = []
    if form.way not in ("click", "email"):
        errors.append(FormError("way", _("Choose how you want to get online")))
    if not form.accepted:
        errors.append(FormError("accept_terms", _("Tick the box to accept the terms")))
    elif form.terms_id not in {text.id for text in texts}:
        errors.append(FormError("accept_terms", _("The terms have changed. Read them again, then tick the box")))
    return errors


def text_field(form: FormFields, name: str) -> str:
    """A field's text; empty where there is none or where it is a file."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _start_context(request: web.Request, terms: residents.Terms, form: StartForm | None) -> dict[str, object]:
    days = request.app[RUNTIME].settings.portal.remembered_device_days
    return {"terms": terms, "form": form, "remembered_days": days}


async def show_email(request: web.Request) -> web.Response:
    """GET email: ask for the address."""
    return await _show(request, "email")


async def show_code(request: web.Request) -> web.Response:
    """GET code: ask for the code that was sent."""
    return await _show(request, "code")


async def _show(request: web.Request, page: str) -> web.Response:
    now = clock()
    async with request.app[RUNTIME].database.read() as connection:
        visit = await open_visit(request, connection, now)
    if answer := await change_language(request, now):
        return answer
    if not visit.journey.shows(page):
        return see_other(visit.journey.current_path())
    return render_visit(request, visit, f"{page}.html", _code_context(request, visit))


async def take_email(request: web.Request) -> web.Response:
    """POST email: `email`. Sends a code."""
    runtime, now = request.app[RUNTIME], clock()
    typed = text_field(await request.post(), "email")
    async with runtime.database.read() as connection:
        visit = await open_visit(request, connection, now)
    if not visit.journey.shows("email"):
        return see_other(visit.journey.current_path())
    try:
        address = parse_email_address(typed)
    except NotAnEmailAddressError:
        message = _("Enter an email address, like name@example.com")
        return render_form_errors(request, visit, "email.html", [FormError("email", message)], {"typed": typed})
    return await _send_code(request, address, "email.html", now)


async def send_again(request: web.Request) -> web.Response:
    """POST resend: one more code to the same address."""
    now = clock()
    async with request.app[RUNTIME].database.read() as connection:
        visit = await open_visit(request, connection, now)
    contact = visit.journey.details.contact
    if visit.journey.state is not State.CODE or contact is None:
        return see_other(visit.journey.current_path())
    return await _send_code(request, contact, "code.html", now)


async def _send_code(request: web.Request, address: str, template: str, now: datetime) -> web.Response:
    """Store a code, then hand the mail over outside of the transaction, because a mail server may be slow."""
    runtime = request.app[RUNTIME]
    async with runtime.database.write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if not visit.journey.shows("email"):
            return see_other(visit.journey.current_path())
        issued = await verification.issue_code(connection, runtime, visit.journey, address, now)
        if isinstance(issued, verification.CodeLimit):
            metrics.codes.labels(issued).inc()
            return _code_refused(request, visit, template, address, _too_many_codes())
    minutes = runtime.settings.portal.verification_code_lifetime_seconds // 60
    message = mail.code_message(runtime.settings.mail.sender, address, issued.digits, visit.place.council_name, minutes)
    try:
        await mail.send(message, runtime.settings)
    except mail.MailError:
        metrics.codes.labels("not-sent").inc()
        async with runtime.database.write() as connection:
            await passes.use_up_code(connection, issued.id)
        return _code_refused(request, visit, template, address, _mail_failed())
    metrics.codes.labels("sent").inc()
    async with runtime.database.write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if visit.journey.shows("email"):
            after = advance(visit.journey, Event.CODE_SENT, contact=address)
            await save(connection, runtime, visit.journey, after, now)
            visit = replace(visit, journey=after)
    sent_again = "?again=yes" if template == "code.html" and visit.journey.state is State.CODE else ""
    return see_other(visit.journey.current_path() + sent_again)


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
    digits = verification.read_digits(text_field(await request.post(), "code")[:100])
    async with runtime.database.write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state in _RELEASES_AGAIN:
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
            registered = await registration.register(connection, runtime, journey, contact, now)
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


async def release(
    request: web.Request, connection: AsyncConnection, visit: Visit, journey: Journey, now: datetime
) -> web.Response:
    """Send the browser to its gateway and keep what was done."""
    runtime = request.app[RUNTIME]
    released, action = await send_to_gateway(connection, runtime, journey, visit.gateway, now)
    await save(connection, runtime, journey, released, now)
    return perform(request, action, visit.place)
