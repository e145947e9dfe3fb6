"""The portal's routes, each under the rule that says who may use it (:mod:`foundation.access_rules`).

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
/j/ID/check              is it me or the WiFi?; at any time
/j/ID/report             form → POST report: ``kind``, ``text``; → 303 back; at any time
/j/ID/carry-on           a QR code and /go/PAGE, which lead to the journey for some minutes; at any time
/j/ID/secure             form → POST secure: hidden ``page`` → 303 to /secure/PAGE; for each user name a form →
                         POST revoke: hidden ``credential`` → 303 back
/j/ID/data               what is kept of the resident; of whoever gave a contact after a code: form → POST data/send →
                         303 to data/code: form → POST data/code: ``code`` → 303 to data. Forms → POST data/contact:
                         ``contact``, POST data/language: ``language``; …/export.json, …/export.csv;
                         …/delete: form → POST data/delete: ``confirm`` = ``yes`` → 303 to online;
                         …/token: form → POST data/token: ``hours``, ``may_delete`` = ``yes``, and data/token/withdraw
/j/ID/news               who may write to the resident: form → POST news: hidden ``shown-NUMBER``, ``offer-NUMBER`` =
                         ``yes`` → 303 back; only while the contact counts as proved, else → 303 to data
/news/stop/TOKEN         in each message: form → POST the same; also one click of a mail program (RFC 8058)
/secure/PAGE             a new user name and password, for some minutes, in any browser; …/profile is a profile for
                         Apple devices, …/certificate the network's private authority (404 where it has none)
/j/ID/failed, …/ended    connect form
/j/ID/expired            connect form (410)
/guest/s/SITE/           UniFi's redirect → 303 to /arrive/unifi
/j/ID/terms, …/privacy,  information, also at /terms, /privacy, /accessibility (and /councils/CODE/… for each)
…/accessibility
/j/ID/essentials         sites that are open before login; also at /councils/CODE/essentials (.json for programs)
/j/ID/requests           form → POST requests: ``kind``, ``text``, ``contact`` → 303 to /requests/NUMBER/KEY; also at
                         /councils/CODE/requests
/requests/NUMBER/KEY     a complaint or other request: form → POST code: ``code``, or → POST message: ``text``;
                         further forms → POST send, POST withdraw; …/data.json, …/data.csv
/councils/CODE/disclosures  how often others asked for people's data
/r/TOKEN                 a device at an address that we gave it → 303 as from /arrive; …/venue: time and data left
/api/capport/TOKEN       captive portal API (RFC 8908); also /api/capport/KEY/MAC, where a gateway fills in the MAC
/logos/DIGEST.png         a council's or a venue's logo
/staff                   those who help at a desk: log-in, then form → POST staff/let-on: ``number``
/api/v1/                 the open API: the page that explains it, …/openapi.json, and its operations
/demo/outbox             the demo's mails (demo and loopback only); the code is the text of ``<p class="code">``
/healthz                 200 ``ok`` when the database answers, else 503
=======================  ======================================================================================

A form with a mistake comes back with status 422. ``?lang=cy`` on any page changes the language, and the journey keeps
it.
"""

from __future__ import annotations

from aiohttp import web

from captive_portal.api.routes import add_api_routes
from captive_portal.pages import (
    arrive,
    ask_for_help,
    authmon,
    back,
    capport,
    carry_on,
    check,
    code,
    connection,
    contact,
    data_token,
    essentials,
    gateway_agent,
    information,
    my_data,
    news,
    outbox,
    report,
    request_case,
    requests,
    secure_network,
    start,
    voucher,
)
from captive_portal.pages.common import JOURNEY, RUNTIME
from captive_portal.pages.staff import (
    accounts,
    api_keys,
    desk,
    disclosures,
    holds,
    laboratory,
    log_in,
    password,
    retention,
)
from captive_portal.pages.staff import essentials as staff_essentials
from captive_portal.pages.staff import requests as staff_requests
from captive_portal.typed_addresses import PATTERN
from foundation.access_rules import ANYBODY, GatewaySecret, KnownAddress, ThisMachine, add_routes, check_routes
from foundation.settings import Settings

_COUNCIL = "/councils/{code:[A-Z0-9]{1,9}}"
_KEY = "{arrival_key:[A-Za-z0-9_-]{22}}"
_SECURE_PAGE = f"/secure/{{page:{PATTERN}}}"


def add_portal_routes(app: web.Application, settings: Settings) -> None:
    """Add all routes. Raises RouteWithoutRuleError for one that does not say who may use it."""
    on_a_journey = KnownAddress("path_id")
    add_routes(app, on_a_journey, _journey_routes())
    add_routes(app, on_a_journey, [*check.ROUTES, *report.ROUTES, *carry_on.JOURNEY_ROUTES, *data_token.ROUTES])
    for routes in (contact.ROUTES, code.ROUTES, voucher.ROUTES, my_data.ROUTES, news.ROUTES, requests.JOURNEY_ROUTES):
        add_routes(app, on_a_journey, routes)
    add_routes(app, KnownAddress("page"), [*_secure_page_routes(), *carry_on.PAGE_ROUTES])
    add_routes(app, KnownAddress("token"), capport.TOKEN_ROUTES)
    add_routes(app, KnownAddress("key"), request_case.ROUTES)
    add_routes(app, GatewaySecret(), gateway_agent.ROUTES)
    add_routes(app, KnownAddress("arrival_key"), [*_gateway_routes(), *capport.KEY_ROUTES])
    # Those that stop news answer the same whatever the token, so that none can be tried out.
    add_routes(app, ANYBODY, [*_public_routes(), *news.STOP_ROUTES])
    add_api_routes(app)
    # Handlers of staff say by their decorator whom they are for.
    app.add_routes(_staff_routes())
    if settings.demo:
        add_routes(app, ThisMachine(), [web.get("/demo/outbox", outbox.show_outbox, name="outbox")])
    check_routes(app)


def _public_routes() -> list[web.RouteDef]:
    """For everybody. What a gateway sends along with a browser is checked as what it is: anybody's claim."""
    get = web.get
    topics = information.TOPICS
    return [
        get("/", arrive.front_door, name="front_door"),
        get("/arrive/{driver}", arrive.arrive, name="arrive"),
        get("/guest/s/{site:[A-Za-z0-9_-]{1,64}}/", arrive.arrive_from_unifi, name="arrive_from_unifi"),
        get("/staff/log-in", log_in.show_log_in, name="staff_log_in"),
        web.post("/staff/log-in", log_in.take_log_in, name="take_staff_log_in"),
        get("/logos/{digest:[0-9a-f]{32}}.png", information.show_logo, name="logo"),
        get("/healthz", _healthz, name="healthz"),
        *(get(f"{_COUNCIL}/{topic}", information.show_for_council, name=f"council_{topic}") for topic in topics),
        *(get(f"/{topic}", information.choose_council, name=topic) for topic in topics),
        *essentials.PUBLIC_ROUTES,
        *requests.ROUTES,
    ]


def _gateway_routes() -> list[web.RouteDef]:
    """At a gateway's own address: the browsers that it redirects and, of openNDS, the gateway itself."""
    polled = f"/arrive/{{driver:opennds}}/{_KEY}"
    return [
        web.get(polled, authmon.arrive_or_poll, name="arrive_or_poll"),
        web.post(polled, authmon.poll, name="poll"),
        web.get(f"/arrive/{{driver}}/{_KEY}", arrive.arrive, name="arrive_at_own_address"),
    ]


def _journey_routes() -> list[web.RouteDef]:
    """For the browser that knows its journey's path."""
    get, post = web.get, web.post
    return [
        get(JOURNEY, connection.show_journey, name="journey"),
        get(f"{JOURNEY}/", connection.show_journey, name="journey_slash"),
        get(f"{JOURNEY}/start", start.show_start, name="start"),
        post(f"{JOURNEY}/start", start.take_start, name="take_start"),
        get(f"{JOURNEY}/connect", connection.show_state, name="connect"),
        post(f"{JOURNEY}/connect", connection.connect, name="take_connect"),
        get(f"{JOURNEY}/waiting", connection.show_waiting, name="waiting"),
        get(JOURNEY + "/back/{mark:[0-9a-f]{32}}", back.come_back, name="back"),
        get(f"{JOURNEY}/online", connection.show_online, name="online"),
        get(f"{JOURNEY}/status", connection.show_status, name="status"),
        post(f"{JOURNEY}/logout", connection.log_out, name="logout"),
        post(f"{JOURNEY}/forget", connection.forget, name="forget"),
        get(f"{JOURNEY}/failed", connection.show_state, name="failed"),
        get(f"{JOURNEY}/ended", connection.show_state, name="ended"),
        get(f"{JOURNEY}/expired", connection.show_expired, name="expired"),
        get(f"{JOURNEY}/secure", secure_network.show_secure, name="secure"),
        post(f"{JOURNEY}/secure", secure_network.make, name="make_credential"),
        post(f"{JOURNEY}/revoke", secure_network.revoke, name="revoke_credential"),
        get(f"{JOURNEY}/help", ask_for_help.show_help, name="help"),
        get(f"{JOURNEY}/essentials", essentials.show_on_journey, name="journey_essentials"),
        *(
            get(f"{JOURNEY}/{topic}", information.show_on_journey, name=f"journey_{topic}")
            for topic in information.TOPICS
        ),
    ]


def _secure_page_routes() -> list[web.RouteDef]:
    """For whoever has the address of a new user name's page."""
    return [
        web.get(_SECURE_PAGE, secure_network.show_credential, name="credential"),
        web.get(f"{_SECURE_PAGE}/profile", secure_network.load_profile, name="credential_profile"),
        web.get(f"{_SECURE_PAGE}/certificate", secure_network.load_authority, name="credential_authority"),
    ]


def _staff_routes() -> list[web.RouteDef]:
    return [
        web.get("/staff", desk.show_desk, name="staff"),
        web.post("/staff/let-on", desk.let_on, name="let_on"),
        web.post("/staff/log-out", log_in.take_log_out, name="staff_log_out"),
        *staff_requests.ROUTES,
        *disclosures.ROUTES,
        *retention.ROUTES,
        *holds.ROUTES,
        *staff_essentials.ROUTES,
        *api_keys.ROUTES,
        *laboratory.ROUTES,
        *accounts.ROUTES,
        *password.ROUTES,
    ]


async def _healthz(request: web.Request) -> web.Response:
    health = await request.app[RUNTIME].database.health()
    return web.Response(text="ok\n" if health.reachable else "database\n", status=200 if health.reachable else 503)
