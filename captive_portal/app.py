"""The captive portal as a service: its application, and what runs beside its pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp_jinja2
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from captive_portal import metrics, security
from captive_portal.api.operations import put_own_headers
from captive_portal.api.problems import tell_problems
from captive_portal.appearance import design
from captive_portal.connections import (
    CONNECTIONS,
    Connections,
    Limits,
    allow_files,
    keep_while_answering,
)
from captive_portal.errands import polled_grants
from captive_portal.errands.controllers import CONTROLLERS, Controllers
from captive_portal.errands.errands import Carrier, ErrandAction, Errands, Prolongation
from captive_portal.errands.prolonging import Prolonger
from captive_portal.errands.reauthentication import Reauthenticator
from captive_portal.errands.rehearsal import Rehearsal
from captive_portal.essentials.watch import watch as watch_essentials
from captive_portal.gateway_sessions.session_watch import watch
from captive_portal.gateways.base import PolledGrant, Reauthentication, ServerCall
from captive_portal.laboratory.play import MAKE_PORTAL
from captive_portal.pages import authmon, errors
from captive_portal.pages.common import BRAND_STYLE, ERRAND, ERRANDS, GATEWAY_ORIGIN, LASTING, RUNTIME, clock
from captive_portal.pages.shared import SHARED_PAGES, SharedPages
from captive_portal.pages.staff.access import DOOR
from captive_portal.pages.staff.once import ANSWERED_FORMS, AnsweredForms
from captive_portal.routes import add_portal_routes
from captive_portal.storage import journeys
from captive_portal.storage.lookups import LOOKUPS, Lookups
from foundation.access_rules import keep_rules
from foundation.runtime import NotReadyError, Runtime, open_runtime, serve_until_stopped
from foundation.settings import PortalSettings, Settings
from foundation.staff import StaffDoor

_COUNT_INTERVAL_SECONDS: Final = 15
_KEEP_ALIVE_SECONDS: Final = 20
# Connections that the kernel may hold until we take them: a bus full of people has arrived.
_BACKLOG: Final = 1024


def create_app(runtime: Runtime, rehearsal: Rehearsal | None = None) -> web.Application:
    """The portal as an aiohttp application; in a rehearsal it reaches no equipment, and nothing runs beside it."""
    app = web.Application(
        client_max_size=security.BODY_LIMIT_OCTETS,
        middlewares=[
            keep_while_answering,
            errors.measure,
            errors.speak,
            errors.explain_errors,
            tell_problems,
            errors.own_forms_only,
            keep_rules,
        ],
    )
    app[RUNTIME] = runtime
    app[CONNECTIONS] = Connections(Limits.of(runtime.settings.portal))
    app[SHARED_PAGES] = SharedPages()
    app[LOOKUPS] = Lookups(runtime)
    app[DOOR] = StaffDoor(runtime.database, runtime.keyring)
    app[ANSWERED_FORMS] = AnsweredForms()
    app[CONTROLLERS] = rehearsal.controllers if rehearsal else Controllers()
    app[authmon.LIMITS] = authmon.make_limits()
    app[MAKE_PORTAL] = create_app
    app[ERRANDS] = Errands(runtime, rehearsal.carriers if rehearsal else _carriers(app[CONTROLLERS]))
    stylesheet = design.read_stylesheet()
    design.furnish(aiohttp_jinja2.setup(app, **design.template_options()), stylesheet)
    add_portal_routes(app, runtime.settings)
    _add_headers(app, runtime, security.style_source(stylesheet))
    app.on_response_prepare.append(put_own_headers)
    _export_limits(runtime.settings)
    app.cleanup_ctx.extend((errors.count_durations, _run_errands))
    if rehearsal is None:
        app.cleanup_ctx.extend((_count_journeys, _watch))
    app.on_response_prepare.append(_begin_errand)
    return app


async def serve(settings: Settings) -> None:
    """Run the portal until a signal stops it. Raises NotReadyError when its port is taken."""
    async with open_runtime(settings) as runtime:
        app = create_app(runtime)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            async with _listening(settings.portal, app[CONNECTIONS], runner):
                await serve_until_stopped()
        finally:
            await runner.cleanup()


@asynccontextmanager
async def _listening(settings: PortalSettings, connections: Connections, runner: web.AppRunner) -> AsyncIterator[None]:
    """Take connections while the block runs. Raises NotReadyError."""
    allow_files(settings.connections)
    server, host, port = runner.server, settings.host, settings.port
    assert server is not None
    try:
        listener = await asyncio.get_running_loop().create_server(
            connections.protocol_of(server, _KEEP_ALIVE_SECONDS), host, port, backlog=_BACKLOG
        )
    except OSError as error:
        raise NotReadyError(
            f"the portal cannot listen on {host} port {port}: {error.strerror}; "
            "stop what does, or set CITYWIFI_PORTAL__PORT"
        ) from None
    looking_after = asyncio.create_task(connections.look_after())
    try:
        yield
    finally:
        listener.close()
        looking_after.cancel()
        await asyncio.gather(looking_after, return_exceptions=True)


def _carriers(controllers: Controllers) -> dict[type[ErrandAction], Carrier]:
    return {
        PolledGrant: polled_grants.carry,
        Reauthentication: Reauthenticator().carry,
        ServerCall: controllers.carry,
        Prolongation: Prolonger(controllers).carry,
    }


def _add_headers(app: web.Application, runtime: Runtime, style: str) -> None:
    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        origin = request.get(GATEWAY_ORIGIN)
        brand = request.get(BRAND_STYLE)
        sources = f"{style} {security.style_source(brand)}" if brand else style
        response.headers.update(security.headers(runtime.settings.portal, sources, origin))
        if request.get(LASTING):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"

    app.on_response_prepare.append(prepare)


def _export_limits(settings: Settings) -> None:
    metrics.body_limit.set(security.BODY_LIMIT_OCTETS)
    metrics.code_limit.labels("contact").set(settings.portal.codes_per_contact_per_hour)
    metrics.code_limit.labels("device").set(settings.portal.codes_per_device_per_hour)
    metrics.code_limit.labels("gateway").set(settings.portal.codes_per_gateway_per_hour)
    metrics.code_limit.labels("venue").set(settings.portal.codes_per_venue_per_hour)
    metrics.code_limit.labels("council").set(settings.portal.codes_per_council_per_hour)
    metrics.problem_report_limit.labels("device").set(settings.portal.problem_reports_per_device_per_hour)
    metrics.problem_report_limit.labels("venue").set(settings.portal.problem_reports_per_venue_per_hour)
    metrics.information_request_limit.set(settings.portal.requests_per_council_per_hour)
    metrics.credential_limit.labels("number").set(settings.portal.credentials_per_resident)
    metrics.credential_limit.labels("hour").set(settings.portal.credentials_per_resident_per_hour)


async def _count_journeys(app: web.Application) -> AsyncIterator[None]:
    async def count() -> None:
        while True:
            # A database that is away for a while is told by /healthz; counting goes on when it returns.
            with contextlib.suppress(DBAPIError, OSError):
                async with app[RUNTIME].database.read() as reading:
                    metrics.open_journeys.set(await journeys.count_open(reading, clock()))
            await asyncio.sleep(_COUNT_INTERVAL_SECONDS)

    task = asyncio.create_task(count())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _begin_errand(request: web.Request, _response: web.StreamResponse) -> None:
    if errand := request.get(ERRAND):
        request.app[ERRANDS].begin(errand)


async def _watch(app: web.Application) -> AsyncIterator[None]:
    watching = [
        asyncio.create_task(watch(app[RUNTIME], app[CONTROLLERS])),
        # A demo looks at nothing outside of this machine.
        *([] if app[RUNTIME].settings.demo else [asyncio.create_task(watch_essentials(app[RUNTIME]))]),
    ]
    yield
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)


async def _run_errands(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[ERRANDS].close()
    await app[CONTROLLERS].close()
