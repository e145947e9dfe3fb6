"""News from the council and others, for who wants it: a page of its own after being online, and the way out of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import structlog
from aiohttp import web

from captive_portal.information_rights.marketing import PATTERN, Changes, Channel, changes, choices, read_stop_token
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
from captive_portal.pages.forms import FormFields, read_form
from captive_portal.storage import marketing as storage
from captive_portal.storage.journeys import Visit
from foundation.database import Statements

_log: Final = structlog.get_logger(__name__)
_PREFIX: Final = "offer-"
_SHOWN: Final = "shown-"
_MOST_DIGITS: Final = 18


async def show(request: web.Request) -> web.Response:
    """GET news: a box for each who asks, ticked where the resident said yes before."""
    now = clock()
    if answer := await change_language(request, now):
        return answer
    async with request.app[RUNTIME].database.read() as connection:
        visit, channel = await _open(request, connection, now)
        journey = visit.journey
        assert journey.resident_id is not None
        offers = await storage.open_offers(connection, journey.council_id, journey.venue_id, channel)
        active = await storage.active_consents(connection, journey.resident_id)
    boxes = choices(offers, active, current_language.get())
    context = {
        "boxes": [(box, _by(box.offer.sender.channel)) for box in boxes],
        "kept": request.query.get("kept") == "yes",
    }
    return render_visit(request, visit, "news.html", context)


async def take(request: web.Request) -> web.Response:
    """POST news: hidden `shown-NUMBER` for each box, and `offer-NUMBER` = ``yes`` where it is ticked."""
    runtime, now = request.app[RUNTIME], clock()
    ticked = read_boxes(await read_form(request))
    async with runtime.database.short_write() as connection:
        visit, channel = await _open(request, connection, now, for_update=True)
        journey = visit.journey
        assert journey.resident_id is not None
        offers = await storage.open_offers(connection, journey.council_id, journey.venue_id, channel)
        active = await storage.active_consents(connection, journey.resident_id)
        changed = changes(offers, active, ticked)
        await storage.apply(connection, journey.council_id, journey.resident_id, journey.venue_id, changed, now)
    _tell(journey.council_id, changed)
    return see_other(f"{journey.path('news')}?kept=yes")


def read_boxes(form: FormFields) -> dict[int, bool]:
    """The numbers of the offers that were on the page, and whether their box was ticked."""
    shown = (name.removeprefix(_SHOWN) for name in form if name.startswith(_SHOWN))
    numbers = (int(text) for text in shown if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS)
    return {number: form.get(f"{_PREFIX}{number}") == "yes" for number in numbers}


async def show_stop(request: web.Request) -> web.Response:
    """GET /news/stop/TOKEN: one button; programs that look at links before a person does press none."""
    return render(request, "news_stop.html", {"path": request.path, "stopped": False})


async def take_stop(request: web.Request) -> web.Response:
    """POST /news/stop/TOKEN: no more news; also as mail programs send it (RFC 8058, List-Unsubscribe=One-Click).

    The answer is the same for an address that stops nothing any more.
    """
    runtime = request.app[RUNTIME]
    consent_id = read_stop_token(runtime.keyring, request.match_info["token"])
    if consent_id is not None:
        async with runtime.database.short_write() as connection:
            await storage.stop(connection, consent_id, clock())
    return render(request, "news_stop.html", {"path": request.path, "stopped": True})


async def _open(
    request: web.Request, connection: Statements, now: datetime, *, for_update: bool = False
) -> tuple[Visit, Channel]:
    """A registered journey whose contact was proved a short while ago.

    Raises HTTPSeeOther to where it can be proved, or to the journey's own page where there is no contact.
    """
    visit = await open_visit(request, connection, now, for_update=for_update)
    journey = visit.journey
    if not journey.shows_data:
        raise web.HTTPSeeOther(journey.current_path())
    channel = await storage.channel_of(connection, journey.resident_id)
    if channel is None:
        raise web.HTTPSeeOther(journey.current_path())
    if not journey.contact_is_proved(now):
        raise web.HTTPSeeOther(journey.path("data"))
    return visit, channel


async def asks(connection: Statements, visit: Visit, now: datetime) -> bool:
    """Whether anybody asks whether they may write to the resident, who proved their contact a short while ago."""
    journey = visit.journey
    if not (journey.shows_data and journey.contact_is_proved(now)):
        return False
    channel = await storage.channel_of(connection, journey.resident_id)
    if channel is None:
        return False
    return bool(await storage.open_offers(connection, journey.council_id, journey.venue_id, channel))


def _by(channel: Channel) -> str:
    return {Channel.EMAIL: _("By email"), Channel.SMS: _("By text")}[channel]


def _tell(council_id: int, changed: Changes) -> None:
    counts = {"given": len(changed.given), "withdrawn": len(changed.withdrawn)}
    if any(counts.values()):
        _log.info("a resident chose which news they want", council_id=council_id, **counts)


_NEWS: Final = f"{JOURNEY}/news"
_STOP: Final = f"/news/stop/{{token:{PATTERN}}}"
ROUTES: Final = (web.get(_NEWS, show, name="news"), web.post(_NEWS, take, name="take_news"))
STOP_ROUTES: Final = (web.get(_STOP, show_stop, name="news_stop"), web.post(_STOP, take_stop, name="take_news_stop"))
