"""Open pages: what is here, the council's report, and the report as a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup
from multidict import MultiMapping
from sqlalchemy import select

from foundation.schema import wards
from monitoring import charts
from monitoring.console.keys import PAINTER, RUNTIME
from monitoring.console.report_file import report_context
from monitoring.inclusion.indicators import Council, NoCouncilError, Period, PeriodError, find_council
from monitoring.inclusion.profile import DailyProfile, read_profile
from monitoring.inclusion.publication import as_csv
from monitoring.inclusion.report import CouncilReport, Missing, read_report

_DEFAULT_DAYS: Final = 30
_LONGEST_DAYS: Final = 1100
_OFFERED_MONTHS: Final = 6
# Figures change with every roll-up; a minute spares the database when many look.
_CACHE: Final = {"Cache-Control": "public, max-age=60"}


@dataclass(frozen=True, slots=True)
class Month:
    """A month that the page offers."""

    name: str
    first: date
    end: date


async def show_home(request: web.Request) -> web.Response:
    """What is here."""
    return aiohttp_jinja2.render_template("home.html", request, {})


async def show_report(request: web.Request) -> web.Response:
    """The report as a page."""
    runtime = request.app[RUNTIME]
    threshold = runtime.settings.monitoring.smallest_published_count
    now = datetime.now(UTC)
    try:
        async with runtime.database.read() as connection:
            council = await find_council(connection, request.query.get("council"))
            today = now.astimezone(council.zone).date()
            period = period_of(request.query, today, live=runtime.settings.demo)
            report = await read_report(connection, council, period, threshold)
            profile = await read_profile(connection, council, now, threshold)
            question = select(wards.c.code, wards.c.outline).where(
                wards.c.council_id == council.id, wards.c.outline.is_not(None)
            )
            outlines = {row.code: row.outline for row in await connection.execute(question)}
    except (PeriodError, NoCouncilError) as error:
        return _problem(request, str(error))
    context = {
        **report_context(report), "profile": profile,
        "map_has_gaps": any(isinstance(row.sessions, Missing) for row in report.wards),
        "months": months_before(today),
        "charts": await _draw(request, report, profile, outlines), "query": _query(council, period),
    }  # fmt: skip
    response = aiohttp_jinja2.render_template("report.html", request, context)
    response.headers.update(_CACHE)
    return response


async def show_csv(request: web.Request) -> web.Response:
    """The report as a file."""
    runtime = request.app[RUNTIME]
    threshold = runtime.settings.monitoring.smallest_published_count
    try:
        async with runtime.database.read() as connection:
            council = await find_council(connection, request.query.get("council"))
            today = datetime.now(council.zone).date()
            period = period_of(request.query, today, live=runtime.settings.demo)
            report = await read_report(connection, council, period, threshold)
    except (PeriodError, NoCouncilError) as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from None
    name = f"wifi-{report.council_code}-{period.first}-to-{period.end}.csv"
    headers = {**_CACHE, "Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=as_csv(report), content_type="text/csv", charset="utf-8", headers=headers)


def period_of(query: MultiMapping[str], today: date, *, live: bool) -> Period:
    """The period that ``from`` and ``to`` ask for (``to`` is the day after the last); default the last 30 days.

    Open data ends with yesterday: who could watch today's figures grow would see single people come and go. Only a
    live report (the demo's) has today in it. Raises PeriodError.
    """
    latest = today + timedelta(days=1) if live else today
    end = min(_day(query.get("to"), "to") or latest, latest)
    first = _day(query.get("from"), "from") or end - timedelta(days=_DEFAULT_DAYS)
    if first >= latest:
        raise PeriodError(f"nothing from {first} on is published yet; figures end with {latest - timedelta(days=1)}")
    period = Period(first, end)
    if (period.end - period.first).days > _LONGEST_DAYS:
        raise PeriodError(f"the period has more than {_LONGEST_DAYS} days; ask for a shorter one")
    return period


def months_before(today: date) -> tuple[Month, ...]:
    """The months that the page offers, this one first."""
    months = []
    first = today.replace(day=1)
    end = (first + timedelta(days=31)).replace(day=1)
    for _ in range(_OFFERED_MONTHS):
        months.append(Month(f"{first:%B %Y}", first, end))
        first, end = (first - timedelta(days=1)).replace(day=1), first
    return tuple(months)


def _day(text: str | None, name: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PeriodError(f"`{name}` is not a date; write it like 2026-11-01") from None


def _query(council: Council, period: Period) -> dict[str, str]:
    return {"council": council.code, "from": period.first.isoformat(), "to": period.end.isoformat()}


async def _draw(
    request: web.Request, report: CouncilReport, profile: DailyProfile, outlines: dict[str, str]
) -> dict[str, Markup]:
    span = f"{report.council_name}, {report.period.first} to {report.period.end - timedelta(days=1)}"
    specs = {
        "wards": (charts.sessions_by_ward(report), f"Sessions by ward. {span}"),
        "deciles": (charts.hours_by_decile(report), f"Hours online by deprivation decile. {span}"),
        "profile": (charts.daily_profile(profile), "Sessions of the last seven days by hour of the day"),
        "map": (charts.ward_map(report, outlines), f"Map of wards shaded by sessions. {span}"),
    }
    painter = request.app[PAINTER]
    # Our own drawing, in which every text from the database was escaped by the one who drew it.
    return {name: Markup(await painter.draw(spec, title)) for name, (spec, title) in specs.items() if spec}  # noqa: S704


def _problem(request: web.Request, sentence: str) -> web.Response:
    return aiohttp_jinja2.render_template("problem.html", request, {"sentence": sentence}, status=400)
