"""Giving an email address or a mobile number, and having a code sent to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from captive_portal import metrics
from captive_portal.journey import Event, advance
from captive_portal.languages import gettext as _
from captive_portal.pages.code import code_context
from captive_portal.pages.common import (
    JOURNEY,
    RUNTIME,
    clock,
    open_visit,
    render_visit,
    save,
    see_other,
    viewing,
)
from captive_portal.pages.forms import FormError, read_form, render_form_errors, text_field
from captive_portal.storage.journeys import Visit
from captive_portal.ways_in import code_delivery, verification
from captive_portal.ways_in.email_address import NotAnEmailAddressError, parse_email_address
from captive_portal.ways_in.phone_number import PhoneFault, PhoneNumberError, is_phone_number, parse_phone_number
from captive_portal.ways_in.ways import Way, usable
from foundation.settings import Settings


@dataclass(frozen=True, slots=True)
class _Channel:
    """A way to send a code, and the page that asks where to."""

    page: str
    way: Way
    # Raises ValueError.
    parse: Callable[[str, Settings], str]


_EMAIL: Final = _Channel("email", Way.EMAIL, lambda typed, _settings: parse_email_address(typed))
_PHONE: Final = _Channel("phone", Way.SMS, lambda typed, settings: parse_phone_number(typed, settings.sms.countries))


async def show_email(request: web.Request) -> web.Response:
    """GET email: ask for the address."""
    return await _show(request, _EMAIL)


async def show_phone(request: web.Request) -> web.Response:
    """GET phone: ask for the number."""
    return await _show(request, _PHONE)


async def take_email(request: web.Request) -> web.Response:
    """POST email: `email`. Sends a code."""
    return await _take(request, _EMAIL)


async def take_phone(request: web.Request) -> web.Response:
    """POST phone: `phone`. Sends a code."""
    return await _take(request, _PHONE)


async def send_again(request: web.Request) -> web.Response:
    """POST resend: one more code to the same address or number."""
    now = clock()
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
    contact = visit.journey.details.contact
    if not visit.journey.shows("code") or contact is None:
        return see_other(visit.journey.current_path())
    channel = _PHONE if is_phone_number(contact) else _EMAIL
    return await _send_code(request, channel, contact, "code", now)


async def _show(request: web.Request, channel: _Channel) -> web.Response:
    async with viewing(request, channel.page) as (_connection, visit):
        if not _is_offered(request, visit, channel):
            return see_other(visit.journey.path("start"))
        return render_visit(request, visit, f"{channel.page}.html", {"typed": ""})


def _is_offered(request: web.Request, visit: Visit, channel: _Channel) -> bool:
    return channel.way in usable(visit.place.ways, request.app[RUNTIME].settings)


async def _take(request: web.Request, channel: _Channel) -> web.Response:
    now = clock()
    typed = text_field(await read_form(request), channel.page)
    try:
        contact = channel.parse(typed, request.app[RUNTIME].settings)
    except (NotAnEmailAddressError, PhoneNumberError) as error:
        return await _no_contact(request, channel, typed, error, now)
    return await _send_code(request, channel, contact, channel.page, now)


async def _no_contact(
    request: web.Request, channel: _Channel, typed: str, error: ValueError, now: datetime
) -> web.Response:
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
    if not visit.journey.shows(channel.page):
        return see_other(visit.journey.current_path())
    return _refused(request, visit, channel.page, typed, _explain(error))


def _explain(error: ValueError) -> str:
    if not isinstance(error, PhoneNumberError):
        return _("Enter an email address, like name@example.com")
    match error.fault:
        case PhoneFault.NO_NUMBER:
            return _("Enter a mobile number, like 07700 900 982")
        case PhoneFault.NO_MOBILE:
            return _("This is not a mobile number, so we cannot text it. Enter another one, or go back")
        case PhoneFault.OTHER_COUNTRY:
            return _("We cannot text numbers of this country. Enter another one, or go back")


async def _send_code(request: web.Request, channel: _Channel, contact: str, page: str, now: datetime) -> web.Response:
    """Store a code, then hand it over outside of the transaction, because a mail server or provider may be slow."""
    runtime = request.app[RUNTIME]
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if not visit.journey.shows(page) or not _is_offered(request, visit, channel):
            return see_other(visit.journey.current_path())
        sending = await code_delivery.issue(connection, runtime, visit.journey, contact, now)
    if isinstance(sending, verification.CodeLimit):
        metrics.codes.labels(sending).inc()
        return _refused(request, visit, page, contact, _too_many_codes())
    if isinstance(sending, code_delivery.OutOfTexts):
        metrics.codes.labels("out-of-texts").inc()
        return _refused(request, visit, page, contact, _out_of_texts())
    if sending is not None and not await code_delivery.hand_over(runtime, visit.place, contact, sending):
        return _refused(request, visit, page, contact, _not_sent(channel))
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if not visit.journey.shows(page):
            return see_other(visit.journey.current_path())
        after = advance(visit.journey, Event.CODE_SENT, contact=contact)
        await save(connection, runtime, visit.journey, after, now)
    return see_other(after.path("code") + ("?again=yes" if page == "code" else ""))


def _refused(request: web.Request, visit: Visit, page: str, typed: str, message: str) -> web.Response:
    context = code_context(request, visit) if page == "code" else {"typed": typed}
    return render_form_errors(request, visit, f"{page}.html", [FormError(page, message)], context)


def _too_many_codes() -> str:
    return _("Too many codes were asked for. Wait an hour, or go back and choose another way to get online")


def _out_of_texts() -> str:
    return _("Texts have run out for this month. Go back and choose another way, or ask staff for a code on paper")


def _not_sent(channel: _Channel) -> str:
    if channel is _PHONE:
        return _("We could not send the text. Check the number and try again")
    return _("We could not send the email. Check the address and try again")


ROUTES: Final = (
    web.get(f"{JOURNEY}/email", show_email, name="email"),
    web.post(f"{JOURNEY}/email", take_email, name="take_email"),
    web.get(f"{JOURNEY}/phone", show_phone, name="phone"),
    web.post(f"{JOURNEY}/phone", take_phone, name="take_phone"),
    web.post(f"{JOURNEY}/resend", send_again, name="resend"),
)
