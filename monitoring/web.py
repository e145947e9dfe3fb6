"""What every answer of the console's site has: headers that confine the page, a count, and errors as pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError

from monitoring import metrics

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@web.middleware
async def secure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the headers to every answer, also to refusals, and count it by route."""
    status = 500
    try:
        response = await handler(request)
        status = response.status
        response.headers.update(SECURITY_HEADERS)
        return response
    except web.HTTPException as refusal:
        status = refusal.status
        refusal.headers.update(SECURITY_HEADERS)
        raise
    finally:
        metrics.requests.labels(_route(request), str(status)).inc()


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
        headers={"Retry-After": "30", "Cache-Control": "no-store"},
    )


def _route(request: web.Request) -> str:
    """The route's pattern, never the path: what somebody typed must not become a label."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
