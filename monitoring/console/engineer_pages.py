"""Pages for the engineer at two in the morning: what is wrong, where, and what to do. No personal data."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

from foundation.schema import accounting_sessions, authentications
from foundation.staff import Member, Role
from foundation.venue_health import Condition
from monitoring.console import disconnection
from monitoring.console.access import PATH, engineers_only, render
from monitoring.console.keys import RUNTIME, SILENT_AFTER
from monitoring.journal import journal_problems
from monitoring.overview import RECENT, read_authentications, read_open_sessions, read_overview, read_venues
from monitoring.problem_reports import delete_report, read_reports
from monitoring.problems import find_problems, is_expected, remedy_of

_REPORTS_OF = timedelta(days=7)
_REFRESH_SECONDS: Final = 30
CONDITION_NAMES = {
    Condition.HEARD: "heard",
    Condition.SILENT: "silent",
    Condition.QUIET: "quiet, venue closed",
    Condition.NEVER_HEARD: "never heard",
}


@engineers_only
async def show_console(request: web.Request, member: Member) -> web.Response:
    """Headlines, problems, venues, sessions now, rejects, restarts."""
    runtime = request.app[RUNTIME]
    now = datetime.now(UTC)
    texts_per_month = runtime.settings.sms.texts_per_month
    councils = member.councils(Role.ENGINEER)
    overview = await read_overview(runtime.database, now, request.app[SILENT_AFTER], texts_per_month, councils)
    waiting = await asyncio.to_thread(journal_problems, runtime.settings.journal_directory, now)
    still = request.query.get("still") == "yes"
    response = render(
        request,
        member,
        "console.html",
        {
            "overview": overview,
            "problems": (*waiting, *find_problems(overview)),
            # What is a fault comes before how a captive portal works.
            "reject_reasons": sorted(overview.reject_reasons, key=lambda entry: is_expected(entry[0])),
            "condition": Condition,
            "remedy_of": remedy_of,
            "is_expected": is_expected,
            "zone": overview.venues[0].zone if overview.venues else UTC,
            "demo": runtime.settings.demo,
            "still": still,
            "every_seconds": _REFRESH_SECONDS,
            "outcome": disconnection.sentence_of(request.query.get("ended", "")),
        },
    )
    if not still:
        response.headers["Refresh"] = str(_REFRESH_SECONDS)
    return response


@engineers_only
async def show_venue(request: web.Request, member: Member) -> web.Response:
    """One venue: access points, sessions now, what residents reported, last authentications, hours."""
    venue_id = int(request.match_info["venue_id"])
    now = datetime.now(UTC)
    async with request.app[RUNTIME].database.read() as connection:
        venues = await read_venues(connection, now, request.app[SILENT_AFTER], member.councils(Role.ENGINEER))
        venue = next((venue for venue in venues if venue.id == venue_id), None)
        if venue is None:
            raise web.HTTPNotFound(text="There is no such venue.\n")
        sessions = await read_open_sessions(connection, accounting_sessions.c.venue_id == venue_id)
        lines = await read_authentications(connection, now - RECENT, authentications.c.venue_id == venue_id)
        reports = await read_reports(connection, request.app[RUNTIME].keyring, venue_id, now - _REPORTS_OF)
    context = {
        "venue": venue, "sessions": sessions, "authentications": lines, "now": now, "condition_names": CONDITION_NAMES,
        "zone": venue.zone, "outcome": disconnection.sentence_of(request.query.get("ended", "")),
        "remedy_of": remedy_of, "is_expected": is_expected, "condition": Condition, "reports": reports,
    }  # fmt: skip
    return render(request, member, "venue.html", context)


@engineers_only
async def end_session(request: web.Request, member: Member) -> web.Response:
    """Ask the access equipment to end a session of a council of theirs."""
    session_id = int(request.match_info["session_id"])
    ending = await disconnection.end(request.app[RUNTIME], member, session_id, datetime.now(UTC))
    if ending is None:
        raise web.HTTPNotFound(text="There is no such session.\n")
    target = PATH if ending.venue_id is None else f"{PATH}/venues/{ending.venue_id}"
    raise web.HTTPSeeOther(f"{target}?ended={ending.outcome.result.value}")


@engineers_only
async def remove_report(request: web.Request, member: Member) -> web.Response:
    """Delete what a resident reported at a venue of theirs."""
    report_id = int(request.match_info["report_id"])
    venue_id = await delete_report(request.app[RUNTIME].database, member, report_id, datetime.now(UTC))
    if venue_id is None:
        raise web.HTTPNotFound(text="There is no such report.\n")
    raise web.HTTPSeeOther(f"{PATH}/venues/{venue_id}#reports")
