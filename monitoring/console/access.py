"""Who may see the console: staff with the role of an engineer, and each only what belongs to their councils.

In the demo, anybody at this very machine, who needs no log-in and sees everything.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Final

import aiohttp_jinja2
from aiohttp import web
from sqlalchemy import select

from foundation.access_rules import Staff, is_this_machine, under
from foundation.runtime import Runtime
from foundation.schema import councils
from foundation.security_headers import is_https
from foundation.staff import IDLE, Member, Role, StaffDoor
from monitoring.console.keys import DEMO_FORM_TOKEN, DOOR, RUNTIME, SEEN_ENGINEERS
from monitoring.web import read_field

PATH: Final = "/console"
LOG_IN: Final = f"{PATH}/log-in"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
EngineersHandler = Callable[[web.Request, Member], Awaitable[web.StreamResponse]]


def furnish(app: web.Application, runtime: Runtime) -> None:
    """What :func:`engineers_only` needs in the application."""
    app[DOOR] = StaffDoor(runtime.database, runtime.keyring)
    app[DEMO_FORM_TOKEN] = secrets.token_hex()
    app[SEEN_ENGINEERS] = {}


def engineers_only(handler: EngineersHandler) -> Handler:
    """For engineers of any council; the handler looks after which.

    Raises HTTPSeeOther to the log-in, HTTPForbidden for another role, for a form that is not of this log-in, and in
    the demo for another machine.
    """

    @wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        member = await _member(request)
        if not member.councils(Role.ENGINEER) and not request.app[RUNTIME].settings.demo:
            raise web.HTTPForbidden(text="This page is for engineers, and your account has no such role.\n")
        if request.method == "POST" and not member.sent(await read_field(request, "form_token")):
            raise web.HTTPForbidden(text="This form is not of this log-in. Open its page again and press there.\n")
        return await handler(request, member)

    return under(Staff(frozenset({Role.ENGINEER})), guarded)


async def _member(request: web.Request) -> Member:
    app, now = request.app, datetime.now(UTC)
    if app[RUNTIME].settings.demo:
        return await _whoever_is_here(request)
    token = request.cookies.get(cookie_name(request), "")
    member = await app[DOOR].member(token, now)
    if member is None:
        app[SEEN_ENGINEERS].pop(token, None)
        raise web.HTTPSeeOther(LOG_IN)
    if member.councils(Role.ENGINEER):
        _remember(app, token, now)
    return member


async def _whoever_is_here(request: web.Request) -> Member:
    """The demo's engineer: nobody's account, in the audit number 0. Raises HTTPForbidden at another machine."""
    if not is_this_machine(request):
        raise web.HTTPForbidden(text="The demo's console asks for no log-in, so it answers to this machine only.\n")
    async with request.app[RUNTIME].database.read() as connection:
        all_councils = (await connection.execute(select(councils.c.id))).scalars().all()
    roles = {council_id: frozenset({Role.ENGINEER}) for council_id in all_councils}
    return Member(0, "demo", False, 0, roles, request.app[DEMO_FORM_TOKEN])


def render(request: web.Request, member: Member, template: str, context: Mapping[str, object]) -> web.Response:
    """A page for engineers, with what its forms need."""
    settings = request.app[RUNTIME].settings
    around = {
        "form_token": member.form_token,
        "member": member,
        "has_log_in": not settings.demo,
        "portal": settings.portal.public_url.rstrip("/"),
    }
    return aiohttp_jinja2.render_template(template, request, {**around, **context})


def was_an_engineer(request: web.Request) -> bool:
    """Whether an engineer asks, as far as is known without the database: they were one within the last half hour."""
    if request.app[RUNTIME].settings.demo:
        return is_this_machine(request)
    seen = request.app[SEEN_ENGINEERS].get(request.cookies.get(cookie_name(request), ""))
    return seen is not None and datetime.now(UTC) - seen < IDLE


def _remember(app: web.Application, token: str, now: datetime) -> None:
    seen = app[SEEN_ENGINEERS]
    for old in [one for one, moment in seen.items() if now - moment >= IDLE]:
        del seen[old]
    seen[token] = now


def is_secure(request: web.Request) -> bool:
    """Whether the console is reached by HTTPS."""
    return is_https(request.app[RUNTIME].settings.monitoring.public_url)


def cookie_name(request: web.Request) -> str:
    """The log-in's cookie. Browsers take its prefix by HTTPS only, so no neighbour on plain HTTP can plant one."""
    return "__Secure-citywifi-console" if is_secure(request) else "citywifi-console"
