"""Where openNDS gateways come by themselves: the same address to which they redirect browsers.

POST from a gateway with PHP, GET of the same fields from one without. Nothing here is a page: the answers are what
authmon reads, and authmon hands them to a shell, so an error is a fixed text that it does not take for a list.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from captive_portal import metrics
from captive_portal.gateway_sessions import gateway_reports
from captive_portal.gateway_sessions.authmon import Poll, PollAction, PollRefusal, read_poll
from captive_portal.gateways.base import Clue
from captive_portal.gateways.gateway import Gateway
from captive_portal.pages.arrive import arrive
from captive_portal.pages.common import RUNTIME, clock
from captive_portal.pages.forms import read_form
from captive_portal.storage import equipment
from foundation.runtime import Runtime
from foundation.token_buckets import TokenBuckets

LIMITS: Final = web.AppKey("authmon_limits", TokenBuckets[int])

_DRIVER: Final = "opennds"
# An acknowledgement of 64 devices has six kilobytes.
_BODY_LIMIT_OCTETS: Final = 8 * 1024
# authmon asks and tells at most once a second, and a full library may leave all at once when it closes.
_PER_SECOND: Final = 10.0
_BURST: Final = 200.0
_MOST_GATEWAYS: Final = 4096
_STATUSES: Final[Mapping[PollRefusal, int]] = {
    PollRefusal.UNKNOWN_ACTION: 400,
    PollRefusal.MALFORMED: 400,
    PollRefusal.WRONG_LEVEL: 403,
    PollRefusal.WRONG_GATEWAY: 403,
    PollRefusal.WRONG_SEAL: 403,
}


def make_limits() -> TokenBuckets[int]:
    """How often each gateway may come."""
    metrics.polling_gateway_limit.set(_MOST_GATEWAYS)
    return TokenBuckets(
        per_second=_PER_SECOND, burst=_BURST, limit=_MOST_GATEWAYS, evictions=metrics.polling_gateway_evictions
    )


async def arrive_or_poll(request: web.Request) -> web.Response:
    """GET: a browser with its redirect, or a gateway without PHP."""
    if "auth_get" not in request.query:
        return await arrive(request)
    return await _answer(request, request.query)


async def poll(request: web.Request) -> web.Response:
    """POST: a gateway, or its BinAuth script."""
    if request.content_length is None or request.content_length > _BODY_LIMIT_OCTETS:
        return _count("none", "too-large", _error("the body is too large", 413))
    form = await read_form(request)
    return await _answer(request, {name: value for name, value in form.items() if isinstance(value, str)})


async def _answer(request: web.Request, fields: Mapping[str, str]) -> web.Response:
    runtime, now = request.app[RUNTIME], clock()
    gateway = await _find_gateway(runtime, request.match_info["arrival_key"])
    if gateway is None:
        return _count("none", "unknown-gateway", _error("no gateway has this address", 404))
    limits = request.app[LIMITS]
    may = limits.take(gateway.nas_id, time.monotonic())
    metrics.polling_gateways.set(len(limits))
    if not may:
        return _count("none", "too-often", _error("too often", 429))
    read = read_poll(fields, gateway)
    if isinstance(read, PollRefusal):
        return _count("none", read, _error(read.value, _STATUSES[read]))
    return _count(read.action, *await _do(runtime, gateway, read, now))


async def _find_gateway(runtime: Runtime, arrival_key: str) -> Gateway | None:
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    async with runtime.database.short_read() as connection:
        found = await equipment.find_gateways(
            connection, runtime.keyring, _DRIVER, Clue(None, None), portal_url, arrival_key
        )
    return found[0] if found else None


async def _do(runtime: Runtime, gateway: Gateway, read: Poll, now: datetime) -> tuple[str, web.Response]:
    """What became of it, and the answer."""
    if read.report is not None:
        known = await gateway_reports.take(runtime, gateway, read.report, now)
        # Told again, a report would be as unknown as now.
        return "done" if known else "unknown-device", _text("ack")
    if read.action is PollAction.CLEAR:
        await gateway_reports.forget_pending(runtime, gateway, now)
        return "done", _text("")
    if read.action is PollAction.CUSTOM:
        return "done", _text("ack")
    if read.asks:
        is_list = read.action is PollAction.LIST
        return "done", _text(await gateway_reports.list_pending(runtime, gateway, now, only_once=is_list))
    if read.acknowledged:
        await gateway_reports.acknowledge(runtime, gateway, read.acknowledged, now)
    return "done", _text("ack")


def _count(action: str, result: str, response: web.Response) -> web.Response:
    metrics.gateway_reports.labels(_DRIVER, action, result).inc()
    return response


def _text(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/plain")


def _error(text: str, status: int) -> web.Response:
    return web.Response(text=f"ERROR: {text}", status=status, content_type="text/plain")
