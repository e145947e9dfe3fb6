"""Reporting a problem: what does not work, in the resident's words or in ours. Nobody is asked who they are."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aiohttp import web

from captive_portal import metrics
from captive_portal.languages import gettext as _
from captive_portal.pages.check import check, is_answered
from captive_portal.pages.common import (
    JOURNEY,
    RUNTIME,
    change_language,
    clock,
    open_visit,
    render_visit,
    see_other,
)
from captive_portal.pages.forms import FormError, read_form, render_form_errors, text_field
from captive_portal.pages.look import look
from captive_portal.pages.problem_words import kind_in_words
from captive_portal.storage.journeys import Visit
from captive_portal.support import reporting
from captive_portal.support.diagnosis import Finding
from captive_portal.support.reporting import Taken
from foundation.problem_reports import ProblemKind


async def show_report(request: web.Request) -> web.Response:
    """GET report: the form."""
    now = clock()
    if answer := await change_language(request, now):
        return answer
    async with request.app[RUNTIME].database.short_read() as connection:
        visit = await open_visit(request, connection, now)
    if not is_answered(visit.journey):
        return see_other(visit.journey.current_path())
    return render_visit(request, visit, "report.html", _context("", "", sent=request.query.get("sent") == "yes"))


async def take_report(request: web.Request) -> web.Response:
    """POST report: `kind`, and `text`, which may be empty."""
    runtime, now = request.app[RUNTIME], clock()
    form = await read_form(request)
    chosen, typed = text_field(form, "kind"), text_field(form, "text")
    visit, finding = await _finding(request, now)
    if not is_answered(visit.journey):
        return see_other(visit.journey.current_path())
    if (error := _mistake(chosen, typed)) is not None:
        return render_form_errors(request, visit, "report.html", [error], _context(chosen, typed))
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        taken = await reporting.take_report(
            connection, runtime, visit.journey, ProblemKind(chosen), typed, finding, now
        )
    metrics.problem_reports.labels(chosen, taken).inc()
    if taken.is_limited:
        return render_form_errors(request, visit, "report.html", [_limited(taken)], _context(chosen, typed))
    return see_other(f"{visit.journey.path('report')}?sent=yes")


async def _finding(request: web.Request, now: datetime) -> tuple[Visit, Finding]:
    """What the portal itself thinks is the matter, which engineers read beside what the resident says."""
    visit, session = await look(request, now)
    async with request.app[RUNTIME].database.short_read() as connection:
        checked = await check(connection, request.app[RUNTIME], visit, session, now)
    return visit, checked.finding


def _mistake(chosen: str, typed: str) -> FormError | None:
    if chosen not in tuple(ProblemKind):
        return FormError("kind", _("Choose what does not work"))
    if len(typed) > reporting.LONGEST_TEXT:
        message = _("Write no more than %(number)s characters") % {"number": reporting.LONGEST_TEXT}
        return FormError("text", message)
    return None


def _limited(taken: Taken) -> FormError:
    if taken is Taken.LIMITED_BY_DEVICE:
        return FormError("kind", _("You have reported several problems within an hour. Tell a member of staff instead"))
    return FormError("kind", _("Many people have reported a problem here. The engineers can see it"))


def _context(chosen: str, typed: str, *, sent: bool = False) -> dict[str, object]:
    return {
        "kinds": [(kind.value, kind_in_words(kind)) for kind in ProblemKind],
        "chosen": chosen,
        "typed": typed[: reporting.LONGEST_TEXT],
        "longest": reporting.LONGEST_TEXT,
        "sent": sent,
    }


ROUTES: Final = (
    web.get(f"{JOURNEY}/report", show_report, name="report"),
    web.post(f"{JOURNEY}/report", take_report, name="take_report"),
)
