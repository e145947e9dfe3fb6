"""Typing a code that stands on paper, or choosing its pictures."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

from captive_portal import metrics
from captive_portal.languages import gettext as _
from captive_portal.languages import ngettext
from captive_portal.pages.common import (
    JOURNEY,
    RELEASES_AGAIN,
    RUNTIME,
    clock,
    open_visit,
    release,
    render_visit,
    see_other,
    viewing,
)
from captive_portal.pages.forms import FormError, FormFields, read_form, render_form_errors, text_field
from captive_portal.storage.journeys import Visit
from captive_portal.ways_in import vouchers
from captive_portal.ways_in.pictures import PICTURES, picture_name
from captive_portal.ways_in.voucher_codes import PICTURES_IN_CODE, Code, Misread, Mistake, read_code, read_pictures
from captive_portal.ways_in.vouchers import CodeRefusal

# Numbers of pictures, from 0, as the page hands them on; it needs no memory of ours.
_CHOSEN: Final = re.compile(rf"\d{{1,2}}(-\d{{1,2}}){{0,{PICTURES_IN_CODE - 1}}}", re.ASCII)


async def show_voucher(request: web.Request) -> web.Response:
    """GET voucher: ask for the code."""
    async with viewing(request, "voucher") as (_connection, visit):
        return render_visit(request, visit, "voucher.html", {"typed": ""})


async def take_voucher(request: web.Request) -> web.Response:
    """POST voucher: `code`. The right one registers and releases."""
    typed = text_field(await read_form(request), "code")[:200]
    return await _take(request, read_code(typed), "voucher.html", {"typed": typed})


async def show_pictures(request: web.Request) -> web.Response:
    """GET pictures: ask for the pictures of the code, one after the other."""
    async with viewing(request, "pictures") as (_connection, visit):
        return render_visit(request, visit, "pictures.html", _pictures_context(()))


async def take_picture(request: web.Request) -> web.Response:
    """POST pictures: `chosen` so far and the next `picture`, or `undo`. The last one registers and releases."""
    chosen = read_chosen(await read_form(request))
    if len(chosen) == PICTURES_IN_CODE:
        return await _take(request, read_pictures(chosen), "pictures.html", _pictures_context(()))
    async with viewing(request, "pictures") as (_connection, visit):
        return render_visit(request, visit, "pictures.html", _pictures_context(chosen))


def read_chosen(form: FormFields) -> tuple[int, ...]:
    """The pictures chosen after this press of a button; what is no picture is left out."""
    before = text_field(form, "chosen")
    chosen = tuple(map(int, before.split("-"))) if _CHOSEN.fullmatch(before) else ()
    picture = text_field(form, "picture")
    if text_field(form, "undo"):
        chosen = chosen[:-1]
    elif picture.isascii() and picture.isdecimal():
        chosen = (*chosen, int(picture[:3]))
    return tuple(each for each in chosen if each < len(PICTURES))[:PICTURES_IN_CODE]


async def _take(request: web.Request, read: Code | Misread, template: str, context: dict[str, object]) -> web.Response:
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        journey = visit.journey
        if journey.state in RELEASES_AGAIN:
            return await release(request, connection, visit, journey, now)
        if not journey.shows("voucher"):
            return see_other(journey.current_path())
        if isinstance(read, Misread):
            metrics.vouchers.labels("misread").inc()
            return _wrong(request, visit, template, context, _explain_misread(read))
        outcome = await vouchers.redeem(connection, runtime, journey, read, visit.place.ways, now)
        if not isinstance(outcome, CodeRefusal):
            metrics.vouchers.labels("right").inc()
            metrics.journeys.labels(outcome.state).inc()
            return await release(request, connection, visit, outcome, now)
    metrics.vouchers.labels(outcome).inc()
    return _wrong(request, visit, template, context, explain_refusal(outcome))


def _wrong(request: web.Request, visit: Visit, template: str, context: dict[str, object], message: str) -> web.Response:
    return render_form_errors(request, visit, template, [FormError("code", message)], context)


def _explain_misread(misread: Misread) -> str:
    match misread.mistake:
        case Mistake.EMPTY:
            return _("Enter the code that you were given")
        case Mistake.LENGTH:
            return _("A code has 4 words or 9 numbers. Check that you entered all of it")
        case Mistake.WORD:
            return _("Word %(number)s is not one of ours. Check how it is spelled") % {"number": misread.position}
        case Mistake.CHECK:
            return _("There is a slip in the code. Compare it with your paper, one by one")


def explain_refusal(refusal: CodeRefusal) -> str:
    """Why the code lets nobody on, and what to do."""
    match refusal:
        case CodeRefusal.UNKNOWN:
            return _("We do not know this code. Check it, or ask whoever gave it to you for another one")
        case CodeRefusal.OVER:
            return _("This code is too old. Ask whoever gave it to you for another one")
        case CodeRefusal.USED_UP:
            return _("This code has been used. Ask whoever gave it to you for another one")
        case CodeRefusal.ELSEWHERE:
            return _("This code is for another place. Ask a member of staff here for one")
        case _:
            return _("Too many wrong codes were entered. Wait an hour, or ask a member of staff")


def _pictures_context(chosen: tuple[int, ...]) -> dict[str, object]:
    left = PICTURES_IN_CODE - len(chosen)
    return {
        "pictures": [(number, picture_name(number), drawing) for number, drawing in enumerate(PICTURES)],
        "chosen": [(picture_name(number), PICTURES[number]) for number in chosen],
        "chosen_value": "-".join(map(str, chosen)),
        "left": ngettext("%(number)s more picture", "%(number)s more pictures", left) % {"number": left},
    }


ROUTES: Final = (
    web.get(f"{JOURNEY}/voucher", show_voucher, name="voucher"),
    web.post(f"{JOURNEY}/voucher", take_voucher, name="take_voucher"),
    web.get(f"{JOURNEY}/pictures", show_pictures, name="pictures"),
    web.post(f"{JOURNEY}/pictures", take_picture, name="take_picture"),
)
