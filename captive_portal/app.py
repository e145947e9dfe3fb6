"""The captive portal as a service.

**Addresses and forms.** A browser (and the simulated phones of the tests and the replay) finds its way by following
redirects and posting each page's one main form (``<form id="main-form">``) to its own ``action``. ``/j/ID`` is a
journey; all redirects are 303.

=======================  ======================================================================================
/arrive/opennds/KEY      GET by browsers as above; POST (or GET with ``auth_get``) by openNDS itself
GET /arrive/coovachilli  chilli's redirect, all ``res`` values → 303 to the journey's page, or on to the gateway
GET /j/ID                → 303 to the page that the journey is at
/j/ID/start              form → POST start: ``way`` = ``click`` or ``email`` …, ``accept_terms`` = ``yes``, hidden
                         ``terms`` (which text is accepted), optional ``remember_device`` = ``yes``.
                         ``click`` → 303 to ``<login_url>/logon?username=&response=``; ``email`` → 303 to email
/j/ID/email              form → POST email: ``email`` → 303 to code
/j/ID/phone              as email, with ``phone``
/j/ID/voucher            form → POST voucher: ``code``, from paper or a sponsor's → 303 to ``/logon``
/j/ID/pictures           form → POST pictures: hidden ``chosen``, and the button that was pressed: ``picture``, ``undo``
/j/ID/help               a number to tell a member of staff; reloads itself; → 303 to connect when they have said yes
/j/ID/code               form → POST code: ``code`` → 303 to ``/logon`` as above; second form → POST resend
/j/ID/connect            a returning device: form without fields → POST connect → 303 to ``/logon``, or, when the
                         challenge is old or was used, to ``<login_url>/prelogin``, whose redirect back to
                         /arrive with a fresh challenge is answered by 303 to ``/logon``
/j/ID/waiting            reloads itself (``<meta http-equiv="refresh">``); → 303 to online as soon as accounting has
                         a session of the device; after 30 s it has the connect form instead
/j/ID/back/MARK          where a gateway sends the browser that has something to tell (way_back.py) → 303 to waiting
/j/ID/online             ``<h1>`` in a panel; link to status
/j/ID/status             form → POST logout → 303 to ``<login_url>/logoff``; second form → POST forget
/j/ID/secure             form → POST secure: hidden ``page`` → 303 to /secure/PAGE; for each user name a form →
                         POST revoke: hidden ``credential`` → 303 back
/j/ID/data               what is kept of the resident; of whoever gave a contact after a code: form → POST data/send →
                         303 to data/code: form → POST data/code: ``code`` → 303 to data. Forms → POST data/contact:
                         ``contact``, POST data/language: ``language``; …/export.json, …/export.csv;
                         …/delete: form → POST data/delete: ``confirm`` = ``yes`` → 303 to online
/secure/PAGE             a new user name and password, for some minutes, in any browser; …/profile is a profile for
                         Apple devices, …/certificate the network's private authority (404 where it has none)
/j/ID/failed, …/ended    connect form
/j/ID/expired            connect form (410)
/guest/s/SITE/           UniFi's redirect → 303 to /arrive/unifi
/j/ID/terms, …/privacy,  information, also at /terms, /privacy, /accessibility (and /councils/CODE/… for each)
…/accessibility
/r/TOKEN                 a device at an address that we gave it → 303 as from /arrive; …/venue: time and data left
/api/capport/TOKEN       captive portal API (RFC 8908); also /api/capport/KEY/MAC, where a gateway fills in the MAC
/logos/DIGEST.png         a council's or a venue's logo
/staff                   those who help at a desk: log-in, then form → POST staff/let-on: ``number``
/demo/outbox             the demo's mails (demo and loopback only); the code is the text of ``<p class="code">``
/healthz                 200 ``ok`` when the database answers, else 503
=======================  ======================================================================================

A form with a mistake comes back with status 422. ``?lang=cy`` on any page changes the language, and the journey keeps
it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import aiohttp_jinja2
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from captive_portal import metrics, security
from captive_portal.appearance import design
from captive_portal.errands import polled_grants
from captive_portal.errands.controllers import CONTROLLERS, Controllers
from captive_portal.errands.errands import Errands
from captive_portal.errands.reauthentication import Reauthenticator
from captive_portal.gateway_sessions.session_watch import watch
from captive_portal.gateways.base import PolledGrant, Reauthentication, ServerCall
from captive_portal.pages import (
    arrive,
    ask_for_help,
    authmon,
    back,
    capport,
    code,
    connection,
    contact,
    errors,
    gateway_agent,
    information,
    my_data,
    outbox,
    secure_network,
    start,
    voucher,
)
from captive_portal.pages.common import BRAND_STYLE, ERRAND, ERRANDS, GATEWAY_ORIGIN, LASTING, RUNTIME, clock
from captive_portal.pages.shared import SHARED_PAGES, SharedPages
from captive_portal.pages.staff import desk, log_in
from captive_portal.pages.staff.access import DOOR
from captive_portal.storage import journeys
from foundation.runtime import NotReadyError, Runtime, open_runtime, serve_until_stopped
from foundation.settings import Settings
from foundation.staff import StaffDoor

_COUNT_INTERVAL_SECONDS: Final = 15
_KEEP_ALIVE_SECONDS: Final = 20


def create_app(runtime: Runtime) -> web.Application:
    """The portal as an aiohttp application."""
    app = web.Application(
        client_max_size=security.BODY_LIMIT_OCTETS,
        middlewares=[errors.measure, errors.speak, errors.explain_errors, errors.own_forms_only],
    )
    app[RUNTIME] = runtime
    app[SHARED_PAGES] = SharedPages()
    app[DOOR] = StaffDoor(runtime.database, runtime.keyring)
    app[CONTROLLERS] = Controllers()
    app[authmon.LIMITS] = authmon.make_limits()
    carriers = {
        PolledGrant: polled_grants.carry,
        Reauthentication: Reauthenticator().carry,
        ServerCall: app[CONTROLLERS].carry,
    }
    app[ERRANDS] = Errands(runtime, carriers)
    stylesheet = design.read_stylesheet()
    design.furnish(aiohttp_jinja2.setup(app, **design.template_options()), stylesheet)
    _add_routes(app)
    _add_headers(app, runtime, security.style_source(stylesheet))
    _export_limits(runtime.settings)
    app.cleanup_ctx.append(_count_journeys)
    app.cleanup_ctx.append(_run_errands)
    app.on_response_prepare.append(_begin_errand)
    return app


async def serve(settings: Settings) -> None:
    """Run the portal until a signal stops it. Raises NotReadyError when its port is taken."""
    async with open_runtime(settings) as runtime:
        runner = web.AppRunner(
            create_app(runtime),
            # An access log would hold addresses of people and paths of journeys.
            access_log=None,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
        )
        await runner.setup()
        try:
            host, port = settings.portal.host, settings.portal.port
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                raise NotReadyError(
                    f"the portal cannot listen on {host} port {port}: {error.strerror}; "
                    "stop what does, or set CITYWIFI_PORTAL__PORT"
                ) from None
            await serve_until_stopped()
        finally:
            await runner.cleanup()


def _add_routes(app: web.Application) -> None:
    get, post = web.get, web.post
    journey = r"/j/{path_id:[A-Za-z0-9_-]{24}}"
    polled = "/arrive/{driver:opennds}/{arrival_key:[A-Za-z0-9_-]{22}}"
    page = r"/secure/{page:[A-Za-z0-9-]{12,14}}"
    app.add_routes([*capport.ROUTES, *gateway_agent.ROUTES])
    app.add_routes([*contact.ROUTES, *code.ROUTES, *voucher.ROUTES, *my_data.ROUTES])
    app.add_routes(
        [
            get("/", arrive.front_door, name="front_door"),
            get("/arrive/{driver}", arrive.arrive, name="arrive"),
            get(polled, authmon.arrive_or_poll, name="arrive_or_poll"),
            post(polled, authmon.poll, name="poll"),
            get("/arrive/{driver}/{arrival_key:[A-Za-z0-9_-]{22}}", arrive.arrive, name="arrive_at_own_address"),
            get("/guest/s/{site:[A-Za-z0-9_-]{1,64}}/", arrive.arrive_from_unifi, name="arrive_from_unifi"),
            get(journey, connection.show_journey, name="journey"),
            get(f"{journey}/", connection.show_journey, name="journey_slash"),
            get(f"{journey}/start", start.show_start, name="start"),
            post(f"{journey}/start", start.take_start, name="take_start"),
            get(f"{journey}/connect", connection.show_state, name="connect"),
            post(f"{journey}/connect", connection.connect, name="take_connect"),
            get(f"{journey}/waiting", connection.show_waiting, name="waiting"),
            get(journey + "/back/{mark:[0-9a-f]{32}}", back.come_back, name="back"),
            get(f"{journey}/online", connection.show_online, name="online"),
            get(f"{journey}/status", connection.show_status, name="status"),
            post(f"{journey}/logout", connection.log_out, name="logout"),
            post(f"{journey}/forget", connection.forget, name="forget"),
            get(f"{journey}/failed", connection.show_state, name="failed"),
            get(f"{journey}/ended", connection.show_state, name="ended"),
            get(f"{journey}/expired", connection.show_expired, name="expired"),
            get(f"{journey}/secure", secure_network.show_secure, name="secure"),
            post(f"{journey}/secure", secure_network.make, name="make_credential"),
            post(f"{journey}/revoke", secure_network.revoke, name="revoke_credential"),
            get(page, secure_network.show_credential, name="credential"),
            get(f"{page}/profile", secure_network.load_profile, name="credential_profile"),
            get(f"{page}/certificate", secure_network.load_authority, name="credential_authority"),
            get(f"{journey}/help", ask_for_help.show_help, name="help"),
            get("/staff", desk.show_desk, name="staff"),
            get("/staff/log-in", log_in.show_log_in, name="staff_log_in"),
            post("/staff/log-in", log_in.take_log_in, name="take_staff_log_in"),
            post("/staff/log-out", log_in.take_log_out, name="staff_log_out"),
            post("/staff/let-on", desk.let_on, name="let_on"),
            get("/demo/outbox", outbox.show_outbox, name="outbox"),
            get("/logos/{digest:[0-9a-f]{32}}.png", information.show_logo, name="logo"),
            get("/healthz", _healthz, name="healthz"),
        ]
    )
    council = "/councils/{code:[A-Z0-9]{1,9}}"
    for topic in information.TOPICS:
        app.router.add_get(f"{journey}/{topic}", information.show_on_journey, name=f"journey_{topic}")
        app.router.add_get(f"{council}/{topic}", information.show_for_council, name=f"council_{topic}")
        app.router.add_get(f"/{topic}", information.choose_council, name=topic)


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


async def _run_errands(app: web.Application) -> AsyncIterator[None]:
    watching = asyncio.create_task(watch(app[RUNTIME], app[CONTROLLERS]))
    yield
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await app[ERRANDS].close()
    await app[CONTROLLERS].close()


async def _healthz(request: web.Request) -> web.Response:
    health = await request.app[RUNTIME].database.health()
    return web.Response(text="ok\n" if health.reachable else "database\n", status=200 if health.reachable else 503)
