"""The console's site: its routes, and who may see which."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp_jinja2
import jinja2
import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from foundation.runtime import Runtime
from monitoring import metrics
from monitoring.charts import ChartPainter
from monitoring.console import engineer_pages, formats, report_pages
from monitoring.console.authentication import Gatekeeper, Refusal
from monitoring.console.keys import GATEKEEPER, PAINTER, RUNTIME, SILENT_AFTER
from monitoring.console.report_file import HERE
from monitoring.journal import sentence_of
from monitoring.web import Handler, secure, survive, without_database

log = structlog.get_logger()

_STYLE_MAX_AGE_SECONDS: Final = 300
_GUARDED_PREFIX: Final = "/console"
_MAX_REQUEST_OCTETS: Final = 4096


def make_console_app(runtime: Runtime) -> web.Application:
    """All pages. Raises NotReadyError if the console has no password outside the demo."""
    app = web.Application(middlewares=[secure, survive, guard, tell_what_waits], client_max_size=_MAX_REQUEST_OCTETS)
    app[RUNTIME] = runtime
    app[GATEKEEPER] = Gatekeeper(runtime.settings)
    app[SILENT_AFTER] = timedelta(seconds=runtime.settings.monitoring.silent_after_seconds)
    app[PAINTER] = ChartPainter()
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
    app.router.add_get("/", report_pages.show_home)
    app.router.add_get("/healthz", show_health)
    app.router.add_get("/static/console.css", show_style)
    app.router.add_get("/report", report_pages.show_report)
    app.router.add_get("/report.csv", report_pages.show_csv)
    app.router.add_get("/console", engineer_pages.show_console)
    app.router.add_get(r"/console/venues/{venue_id:\d{1,18}}", engineer_pages.show_venue)
    app.router.add_post(r"/console/sessions/{session_id:\d{1,18}}/end", engineer_pages.end_session)
    return app


async def _close_painter(app: web.Application) -> None:
    app[PAINTER].close()


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Ask for the engineers' password before anything under /console."""
    if not _is_guarded(request.path):
        return await handler(request)
    headers = request.headers
    refusal = await request.app[GATEKEEPER].refusal(headers.get("Authorization"), request.remote, headers.get("Host"))
    if refusal is None:
        response = await handler(request)
        response.headers["Cache-Control"] = "no-store"
        return response
    metrics.refused_log_ins.labels(refusal.value).inc()
    if refusal is Refusal.NOT_THIS_MACHINE:
        raise web.HTTPForbidden(text="The demo's console has no password, so it answers to this machine only.\n")
    if refusal is Refusal.TOO_MANY_CHECKS:
        raise web.HTTPServiceUnavailable(text="Too many log-ins at once; try again.\n", headers={"Retry-After": "5"})
    challenge = {"WWW-Authenticate": 'Basic realm="CityWiFi console", charset="UTF-8"'}
    raise web.HTTPUnauthorized(text="Log in as engineer.\n", headers=challenge)


@web.middleware
async def tell_what_waits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Without the database engineers are told instead of a page what waits for it."""
    try:
        return await handler(request)
    except (DBAPIError, OSError) as error:
        if not _is_guarded(request.path):
            raise
        journal = request.app[RUNTIME].settings.journal_directory
        return without_database(error, await asyncio.to_thread(sentence_of, journal, datetime.now(UTC)))


def _is_guarded(path: str) -> bool:
    return path == _GUARDED_PREFIX or path.startswith(f"{_GUARDED_PREFIX}/")


async def show_health(request: web.Request) -> web.Response:
    """200 while the database answers; for load balancers, so it says no more."""
    health = await request.app[RUNTIME].database.health()
    status, text = (200, "ok\n") if health.reachable else (503, "the database does not answer\n")
    return web.Response(status=status, text=text, headers={"Cache-Control": "no-store"})


async def show_style(_request: web.Request) -> web.StreamResponse:
    """The stylesheet."""
    headers = {"Cache-Control": f"public, max-age={_STYLE_MAX_AGE_SECONDS}"}
    return web.FileResponse(HERE / "static" / "console.css", headers=headers)
