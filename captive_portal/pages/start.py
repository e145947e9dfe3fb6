"""The first page: choosing a way in and accepting the terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from aiohttp import web

from captive_portal import metrics, registration
from captive_portal.journey import Event, advance
from captive_portal.languages import current_language
from captive_portal.languages import gettext as _
from captive_portal.pages.common import (
    RELEASES_AGAIN,
    RUNTIME,
    clock,
    first_visit_to_show,
    open_visit,
    release,
    render_visit,
    save,
    see_other,
)
from captive_portal.pages.forms import FormError, FormFields, read_form, render_form_errors, text_field
from captive_portal.pages.shared import SHARED_PAGES
from captive_portal.storage import residents
from captive_portal.storage.journeys import Visit
from captive_portal.ways_in.ways import Way, usable

# Click-through has no page of its own.
_NEXT: Final = {
    Way.EMAIL: Event.CHOSE_EMAIL,
    Way.SMS: Event.CHOSE_PHONE,
    Way.CODE: Event.CHOSE_VOUCHER,
    Way.STAFF: Event.CHOSE_STAFF,
}


@dataclass(frozen=True, slots=True)
class StartForm:
    """What the resident chose on the first page."""

    way: str
    terms_id: int | None
    accepted: bool
    remember: bool


async def show_start(request: web.Request) -> web.Response:
    """GET start: ways in, and the terms."""
    visit, terms = await first_visit_to_show(request, "start")
    if terms is None:
        return render_visit(request, visit, "no_terms.html", status=503)
    context = partial(_start_context, request, visit, terms, None)
    # The place, by which the page is kept, has the ways; the rest are settings.
    content = terms.id, visit.journey.details.terms_changed
    return request.app[SHARED_PAGES].render(request, visit, "start.html", context, content)


async def take_start(request: web.Request) -> web.Response:
    """POST start: `way` (one that the venue offers), `accept_terms`, `terms`, `remember_device`."""
    runtime, now = request.app[RUNTIME], clock()
    form = read_start_form(await read_form(request))
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state in RELEASES_AGAIN:
            return await release(request, connection, visit, journey, now)
        if not journey.shows("start"):
            return see_other(journey.current_path())
        texts = await residents.current_terms(connection, journey.council_id)
        terms = registration.choose_terms(texts, current_language.get())
        if terms is None:
            return render_visit(request, visit, "no_terms.html", status=503)
        errors = check_start_form(form, texts, _choices(request, visit))
        if errors:
            context = _start_context(request, visit, terms, form)
            return render_form_errors(request, visit, "start.html", errors, context)
        details = replace(journey.details, terms_id=form.terms_id, remember=form.remember)
        chosen = replace(journey, details=details)
        if form.way in _NEXT:
            after = advance(chosen, _NEXT[Way(form.way)])
            await save(connection, runtime, journey, after, now)
            return see_other(after.current_path())
        registered = await registration.register(
            connection, runtime, chosen, registration.Entry(Way.CLICK), Event.REGISTERED, now
        )
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


def check_start_form(form: StartForm, texts: list[residents.Terms], choices: tuple[Way, ...]) -> list[FormError]:
    """What is missing, in the order of the page."""
    errors = []
    if form.way not in choices:
        errors.append(FormError("way", _("Choose how you want to get online")))
    if not form.accepted:
        errors.append(FormError("accept_terms", _("Tick the box to accept the terms")))
    elif form.terms_id not in {text.id for text in texts}:
        errors.append(FormError("accept_terms", _("The terms have changed. Read them again, then tick the box")))
    return errors


def _choices(request: web.Request, visit: Visit) -> tuple[Way, ...]:
    """The ways that the page shows. A code on paper and a sponsor's are one: their holders need not tell them apart."""
    offered = usable(visit.place.ways, request.app[RUNTIME].settings)
    return tuple(dict.fromkeys(Way.CODE if way is Way.SPONSOR else way for way in offered))


def _described(way: Way) -> tuple[str, str]:
    """How a way is called on the page, and its hint."""
    return {
        Way.CLICK: (_("Without giving any details"), ""),
        Way.EMAIL: (_("With my email address"), _("We email you a code. We do not send you anything else.")),
        Way.SMS: (_("With my mobile number"), _("We text you a code. We do not send you anything else.")),
        Way.CODE: (_("With a code that I was given"), _("On paper, in words, numbers or pictures.")),
        Way.STAFF: (_("With help from staff"), _("A member of staff lets this device on. You give no details.")),
    }[way]


def _start_context(
    request: web.Request, visit: Visit, terms: residents.Terms | residents.OfferedTerms, form: StartForm | None
) -> dict[str, object]:
    days = request.app[RUNTIME].settings.portal.remembered_device_days
    ways = [(way, *_described(way)) for way in _choices(request, visit)]
    changed = visit.journey.details.terms_changed
    return {"terms": terms, "form": form, "remembered_days": days, "ways": ways, "terms_changed": changed}
