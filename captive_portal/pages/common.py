"""What all pages share: the visit that a request belongs to, rendering, and redirects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import aiohttp_jinja2
from aiohttp import web

from captive_portal import metrics
from captive_portal.appearance.design import page_context
from captive_portal.errands.errands import Errand, Errands
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import Action, BrowserForm, BrowserRedirect
from captive_portal.gateways.gateway import origin
from captive_portal.journey import PAGES, Journey, State
from captive_portal.languages import NAMES, current_language
from captive_portal.release import send_to_gateway
from captive_portal.storage import journeys
from captive_portal.storage.equipment import Place
from captive_portal.storage.journeys import Visit
from captive_portal.storage.lookups import LOOKUPS
from captive_portal.storage.residents import OfferedTerms
from foundation.database import Statements
from foundation.runtime import Runtime

# The path of a journey.
JOURNEY: Final = r"/j/{path_id:[A-Za-z0-9_-]{24}}"
RUNTIME: Final = web.AppKey("runtime", Runtime)
ERRANDS: Final = web.AppKey("errands", Errands)
# The origins that this answer's forms may lead to, with spaces between, for the content security policy.
GATEWAY_ORIGIN: Final = web.RequestKey("gateway_origin", str)
# What is to be done for the journey; it begins with the answer, when all that it needs to know is committed.
ERRAND: Final = web.RequestKey("errand", Errand)
# The answer is the same for ever, and nobody's own.
LASTING: Final = web.RequestKey("lasting", bool)
# The rules of the council's own colours in this answer, for the same policy.
BRAND_STYLE: Final = web.RequestKey("brand_style", str)

_ANY_WEBSITE: Final = "http: https:"

# A form that comes (again) after its journey has gone on, by a double click or the back button, releases again.
RELEASES_AGAIN: Final = (State.RELEASE, State.WAITING)


class NoSuchJourneyError(Exception):
    """The path leads to no journey: mistyped, or deleted since."""


def clock() -> datetime:
    """Now; the only clock of the pages."""
    return datetime.now(UTC)


async def open_visit(request: web.Request, connection: Statements, now: datetime, *, for_update: bool = False) -> Visit:
    """The journey of the path, in its language. Raises NoSuchJourneyError."""
    runtime = request.app[RUNTIME]
    visit = await journeys.load_visit(
        connection,
        runtime.keyring,
        request.match_info["path_id"],
        runtime.settings.portal.public_url.rstrip("/"),
        now=now,
        for_update=for_update,
    )
    return _opened(request, visit)


def _opened(request: web.Request, visit: Visit | None) -> Visit:
    if visit is None:
        raise NoSuchJourneyError("no journey at this path")
    current_language.set(visit.journey.language)
    request[GATEWAY_ORIGIN] = _form_targets(visit)
    return visit


async def first_visit_to_show(request: web.Request, page: str) -> tuple[Visit, OfferedTerms | None]:
    """As ``viewing``, with the terms that are offered; for the page that is asked for most."""
    now = clock()
    if await change_language(request, now):
        raise web.HTTPSeeOther(request.path)
    found = await request.app[LOOKUPS].first_visit(request.match_info["path_id"], now)
    visit = _opened(request, None if found is None else found[0])
    if not visit.journey.shows(page):
        raise web.HTTPSeeOther(visit.journey.current_path())
    return visit, None if found is None else found[1]


@asynccontextmanager
async def viewing(request: web.Request, page: str) -> AsyncIterator[tuple[Statements, Visit]]:
    """A journey whose page may be looked at now, in its language.

    Raises HTTPSeeOther to where the browser belongs instead: the journey's own page, or this one in the language that
    the resident chose. Raises NoSuchJourneyError.
    """
    now = clock()
    if await change_language(request, now):
        raise web.HTTPSeeOther(request.path)
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
        if not visit.journey.shows(page):
            raise web.HTTPSeeOther(visit.journey.current_path())
        yield connection, visit


def _form_targets(visit: Visit) -> str:
    """Where a form of the journey's pages may end by redirect: browsers hold each step of it against the policy."""
    hand_over = visit.journey.details.hand_over
    addresses = [visit.gateway.login_url, *(address for name, address in hand_over.items() if name.endswith("_url"))]
    renewing = DRIVERS[visit.journey.details.driver].renew(hand_over, visit.gateway)
    if isinstance(renewing, BrowserRedirect):
        addresses.append(renewing.url)
    return " ".join(dict.fromkeys(origin(address) for address in addresses if address))


async def save(connection: Statements, runtime: Runtime, before: Journey, after: Journey, now: datetime) -> None:
    """Store a journey that went on, and count the state that it reached."""
    await journeys.save(connection, runtime.keyring, after, now)
    if after.state is not before.state:
        metrics.journeys.labels(after.state).inc()


async def change_language(request: web.Request, now: datetime) -> web.Response | None:
    """Keep the language that the resident chose by the link, and show the same page without it in its address."""
    chosen = request.query.get("lang", "")
    if chosen not in NAMES:
        return None
    runtime = request.app[RUNTIME]
    async with runtime.database.short_write() as connection:
        current = await open_visit(request, connection, now, for_update=True)
        if current.journey.state is not State.EXPIRED:
            await journeys.save(connection, runtime.keyring, replace(current.journey, language=chosen), now)
    return see_other(request.path)


def see_other(path: str) -> web.Response:
    """Send the browser to one of our own pages, or to a gateway, by GET."""
    return web.Response(status=303, headers={"Location": path})


def perform(request: web.Request, action: Action, visit: Visit) -> web.Response:
    """What a gateway driver wants done."""
    match action:
        case BrowserRedirect(url):
            return see_other(url)
        case BrowserForm(url, fields, goes_on_elsewhere):
            request[GATEWAY_ORIGIN] = _ANY_WEBSITE if goes_on_elsewhere else origin(url)
            own = request.app[RUNTIME].settings.portal.public_url
            may_warn = own.lower().startswith("https:") and url.startswith("http:")
            context = {"target": url, "fields": fields, "may_warn": may_warn}
            return render_visit(request, visit, "hand_over.html", context)
        case _:
            request[ERRAND] = Errand(visit.journey, visit.gateway, action)
            return see_other(visit.journey.path(PAGES[State.WAITING]))


def render(request: web.Request, template: str, context: Mapping[str, object], *, status: int = 200) -> web.Response:
    """A page in the language of the visit."""
    language = current_language.get()
    filled = {**page_context(language), **context}
    if isinstance(place := filled["place"], Place):
        request[BRAND_STYLE] = place.brand.style
    response = aiohttp_jinja2.render_template(template, request, filled, status=status)
    response.headers["Content-Language"] = language
    return response


def render_visit(
    request: web.Request,
    visit: Visit,
    template: str,
    context: Mapping[str, object] | None = None,
    *,
    status: int = 200,
) -> web.Response:
    """A page of a journey."""
    base = {"place": visit.place, "journey": visit.journey, "information": visit.journey.path("")}
    return render(request, template, {**base, **(context or {})}, status=status)


async def release(
    request: web.Request, connection: Statements, visit: Visit, journey: Journey, now: datetime
) -> web.Response:
    """Send the browser to its gateway and keep what was done."""
    runtime = request.app[RUNTIME]
    released, action = await send_to_gateway(connection, runtime, journey, visit.gateway, now)
    await save(connection, runtime, journey, released, now)
    return perform(request, action, replace(visit, journey=released))
