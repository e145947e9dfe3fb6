"""The console's site: its routes, and who may see which."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp_jinja2
import jinja2
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from foundation.access_rules import ANYBODY, Staff, add_routes, check_routes, keep_rules, rule_of
from foundation.runtime import Runtime
from monitoring.charts import ChartPainter
from monitoring.console import access, engineer_pages, formats, log_in, report_pages
from monitoring.console.keys import PAINTER, RUNTIME, SILENT_AFTER
from monitoring.console.report_file import HERE
from monitoring.journal import sentence_of
from monitoring.web import Handler, add_headers, count, own_forms_only, survive, without_database

_STYLE_MAX_AGE_SECONDS: Final = 300
_MAX_REQUEST_OCTETS: Final = 4096


def make_console_app(runtime: Runtime) -> web.Application:
    """All pages. Raises RouteWithoutRuleError for a route that does not say who may use it."""
    app = web.Application(
        middlewares=[count, survive, own_forms_only, keep_rules, tell_what_waits], client_max_size=_MAX_REQUEST_OCTETS
    )
    app[RUNTIME] = runtime
    app[SILENT_AFTER] = timedelta(seconds=runtime.settings.monitoring.silent_after_seconds)
    app[PAINTER] = ChartPainter()
    access.furnish(app, runtime)
    app.on_cleanup.append(_close_painter)
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        filters=formats.FILTERS,
    )
    add_headers(app, runtime.settings.monitoring.public_url)
    add_routes(app, ANYBODY, _public_routes())
    # Their handlers say by their decorator whom they are for.
    app.add_routes(_engineers_routes())
    check_routes(app)
    return app


def _public_routes() -> list[web.RouteDef]:
    return [
        web.get("/", report_pages.show_home),
        web.get("/healthz", show_health),
        web.get("/static/console.css", show_style),
        web.get("/report", report_pages.show_report),
        web.get("/report.csv", report_pages.show_csv),
        web.get(access.LOG_IN, log_in.show_log_in),
        web.post(access.LOG_IN, log_in.take_log_in),
    ]


def _engineers_routes() -> list[web.RouteDef]:
    path = access.PATH
    return [
        web.get(path, engineer_pages.show_console),
        web.get(path + r"/venues/{venue_id:\d{1,18}}", engineer_pages.show_venue),
        web.post(path + r"/sessions/{session_id:\d{1,18}}/end", engineer_pages.end_session),
        web.post(path + r"/reports/{report_id:\d{1,18}}/delete", engineer_pages.remove_report),
        web.post(f"{path}/log-out", log_in.take_log_out),
    ]


async def _close_painter(app: web.Application) -> None:
    app[PAINTER].close()


@web.middleware
async def tell_what_waits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Without the database engineers are told instead of a page what waits for it."""
    try:
        return await handler(request)
    except (DBAPIError, OSError) as error:
        is_for_engineers = isinstance(rule_of(request.app, request.match_info.route), Staff)
        if not is_for_engineers or not access.was_an_engineer(request):
            raise
        journal = request.app[RUNTIME].settings.journal_directory
        return without_database(error, await asyncio.to_thread(sentence_of, journal, datetime.now(UTC)))


async def show_health(request: web.Request) -> web.Response:
    """200 while the database answers; for load balancers, so it says no more."""
    health = await request.app[RUNTIME].database.health()
    status, text = (200, "ok\n") if health.reachable else (503, "the database does not answer\n")
    return web.Response(status=status, text=text)


async def show_style(_request: web.Request) -> web.StreamResponse:
    """The stylesheet."""
    headers = {"Cache-Control": f"public, max-age={_STYLE_MAX_AGE_SECONDS}"}
    return web.FileResponse(HERE / "static" / "console.css", headers=headers)
