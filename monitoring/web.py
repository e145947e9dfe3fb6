"""What is around every page of the console's site: headers, a count, own forms only, and the database's absence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from foundation.security_headers import common_headers, is_own_form
from monitoring import metrics
from monitoring.console.keys import RUNTIME

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def add_headers(app: web.Application, public_url: str) -> None:
    """Have every answer confined by its headers, also refusals and errors, and kept by nobody unless it says so."""
    headers = {**common_headers(public_url), "Content-Security-Policy": _POLICY}

    async def prepare(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)
        response.headers.setdefault("Cache-Control", "no-store")

    app.on_response_prepare.append(prepare)


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count every answer by its route."""
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as refusal:
        status = refusal.status
        raise
    finally:
        metrics.requests.labels(_route(request), str(status)).inc()


@web.middleware
async def own_forms_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a form that another site's page sent."""
    public_url = request.app[RUNTIME].settings.monitoring.public_url
    if request.method == "POST" and not is_own_form(request.headers, public_url):
        raise web.HTTPForbidden(text="This form was sent from another site. Open its page here and press there.\n")
    return await handler(request)


@web.middleware
async def survive(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Without the database there is one clear sentence instead of a page; it comes back by itself."""
    try:
        return await handler(request)
    except (DBAPIError, OSError) as error:
        return without_database(error)


def without_database(error: Exception, more: str = "") -> web.Response:
    """What is said instead of a page."""
    log.error("a page needs the database, which does not answer", problem=type(error).__name__)
    sentences = ("The database does not answer, so this page cannot be shown.", more, "`citywifi doctor` says more.")
    return web.Response(
        status=503,
        text=" ".join(filter(None, sentences)) + "\n",
        headers={"Retry-After": "30"},
    )


async def read_field(request: web.Request, name: str) -> str:
    """A field of the posted form, empty where there is none. Raises HTTPBadRequest where the body is no form."""
    try:
        value = (await request.post()).get(name)
    except (ValueError, LookupError):  # broken multipart, text that is not in its character set, or no such set
        raise web.HTTPBadRequest(text="This is no form.\n") from None
    return value if isinstance(value, str) else ""


def _route(request: web.Request) -> str:
    """The route's pattern, never the path: what somebody typed must not become a label."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
