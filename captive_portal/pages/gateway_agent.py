"""Where the agent of a plain Linux gateway asks which devices may be on, and tells which are."""

from __future__ import annotations

import json
from datetime import datetime

from aiohttp import web

from captive_portal.gateway_sessions.gateway_agent import MalformedReportError, SeenDevice, answer, read_report
from captive_portal.pages.capport import is_from_gateway
from captive_portal.pages.common import RUNTIME, clock
from captive_portal.storage import agent_devices, captivity
from foundation.runtime import Runtime

_DRIVER = "nftables"
# Two thousand devices with all that is told of each.
_BODY_LIMIT_OCTETS = 256 * 1024


async def take_report(request: web.Request) -> web.Response:
    """POST /gateways/nftables/{arrival_key}, with the portal's secret as bearer token."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_read() as connection:
        known = await captivity.gateway_by_key(connection, runtime, request.match_info["arrival_key"])
    if known is None or known.driver.name != _DRIVER or not is_from_gateway(request, known.gateway):
        # Who knows no secret is not told which part of it was wrong.
        return _problem(401, "no gateway with this key and secret")
    try:
        seen = read_report(await _body(request))
    except MalformedReportError as error:
        return _problem(400, str(error))
    found = await _look_and_store(runtime, known, seen, now)
    return _json(answer(found.allowed))


async def _look_and_store(
    runtime: Runtime, known: captivity.KnownGateway, seen: tuple[SeenDevice, ...], now: datetime
) -> agent_devices.Look:
    """Most reports change nothing, so most write nothing."""
    gateway = known.gateway
    async with runtime.database.short_read() as connection:
        found = await agent_devices.look(connection, runtime, gateway, seen, now)
    if found.needs_writing(now):
        async with runtime.database.short_write() as connection:
            await captivity.lock_gateway(connection, gateway.nas_id)
            found = await agent_devices.look(connection, runtime, gateway, seen, now)
            await agent_devices.store(connection, runtime, gateway, found, now)
    return found


async def _body(request: web.Request) -> bytes:
    """Raises MalformedReportError for one that is too large."""
    read = bytearray()
    async for part in request.content.iter_any():
        read += part
        if len(read) > _BODY_LIMIT_OCTETS:
            raise MalformedReportError(f"more than {_BODY_LIMIT_OCTETS} octets")
    return bytes(read)


def _problem(status: int, title: str) -> web.Response:
    problem = {"type": "about:blank", "title": title, "status": status}
    return web.Response(body=json.dumps(problem).encode(), content_type="application/problem+json", status=status)


def _json(value: dict[str, object]) -> web.Response:
    return web.Response(body=json.dumps(value).encode(), content_type="application/json")


ROUTES = (web.post("/gateways/nftables/{arrival_key:[A-Za-z0-9_-]{22}}", take_report, name="report_of_gateway_agent"),)
