"""What happens around every page: time, language, own forms only, and errors in the resident's language."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from captive_portal import metrics
from captive_portal.languages import choose_language, current_language
from captive_portal.pages.common import RUNTIME, NoSuchJourneyError, render
from foundation.security_headers import is_own_form
from foundation.tally import HistogramTally

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log: Final = structlog.get_logger(__name__)
# How long pages took, by route; handed on so often.
_durations: Final[dict[str, HistogramTally]] = {}
_COUNT_SECONDS: Final = 1.0
# Errors that have words of their own; every other one of the browser's is shown as 400.
_KNOWN_STATUSES: Final = frozenset({400, 403, 404, 405, 413})


def _duration_of(route: str) -> HistogramTally:
    found = _durations.get(route)
    if found is None:
        found = _durations[route] = HistogramTally(metrics.page_duration, metrics.PAGE_SECONDS, route)
    return found


async def count_durations(_app: web.Application) -> AsyncIterator[None]:
    """While the portal runs, hand on how long its pages took."""
    counting = asyncio.create_task(_count_again_and_again())
    yield
    counting.cancel()
    await asyncio.gather(counting, return_exceptions=True)
    _count()


async def _count_again_and_again() -> None:
    while True:
        await asyncio.sleep(_COUNT_SECONDS)
        _count()


def _count() -> None:
    for duration in _durations.values():
        duration.flush()


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """How long each page took, by the name of its route."""
    started = time.perf_counter()
    try:
        return await handler(request)
    finally:
        route = request.match_info.route.name or "none"
        _duration_of(route).observe(time.perf_counter() - started)


@web.middleware
async def speak(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The browser's language, until a journey knows better; a link on a page without a journey may choose one."""
    header = request.headers.get("Accept-Language", "")
    current_language.set(choose_language(request.query.get("lang"), accept_language=header))
    return await handler(request)


@web.middleware
async def explain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error is a page that says what to do, and nothing of what is inside."""
    try:
        return await handler(request)
    except NoSuchJourneyError:
        return render(request, "expired.html", {"can_switch_language": False}, status=404)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        status = error.status if error.status in _KNOWN_STATUSES or error.status >= 500 else 400
        metrics.refused_requests.labels(str(status)).inc()
        response = _error_page(request, status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        if request.transport is None:
            # Its browser hung up, or was too slow, in the middle of a form; nobody reads the answer.
            metrics.refused_requests.labels("hung-up").inc()
            return web.Response(status=400)
        # The route's name tells where; the path would tell whose journey it is.
        _log.exception("a page failed", page=request.match_info.route.name)
        metrics.refused_requests.labels("500").inc()
        return _error_page(request, 500)


@web.middleware
async def own_forms_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a form that another site's page sent."""
    public_url = request.app[RUNTIME].settings.portal.public_url
    if request.method == "POST" and not is_own_form(request.headers, public_url):
        raise web.HTTPForbidden
    return await handler(request)


def _error_page(request: web.Request, status: int) -> web.Response:
    return render(request, "error.html", {"status": status, "can_switch_language": False}, status=status)
