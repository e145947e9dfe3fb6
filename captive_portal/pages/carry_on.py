"""Carrying on in another browser, or on another device: a QR code and an address that can be typed.

What they hold leads to the resident's own journey, for some minutes and a few openings; the journey's own address,
which lasts as long as the session, is in neither. A phone's sign-in sheet closes by itself, keeps no files and has no
tabs, so this is the way out of it that needs no copying.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import segno
from aiohttp import web

from captive_portal import metrics
from captive_portal.pages.check import is_answered
from captive_portal.pages.common import (
    JOURNEY,
    RUNTIME,
    change_language,
    clock,
    open_visit,
    render,
    render_visit,
    see_other,
)
from captive_portal.storage import carry_on, journeys
from captive_portal.storage.carry_on import Address
from captive_portal.storage.journeys import Visit
from captive_portal.typed_addresses import PATTERN, new_page_path, read_page_path
from foundation.database import Statements
from foundation.runtime import Runtime

# Cameras and messengers look at an address before they open it.
_OPENINGS: Final = 3
# One that is shown again is good for so long at least.
_WORTH_SHOWING: Final = timedelta(minutes=2)


async def show_carry_on(request: web.Request) -> web.Response:
    """GET carry-on: the address of this journey, the same for some minutes."""
    runtime, now = request.app[RUNTIME], clock()
    if answer := await change_language(request, now):
        return answer
    async with runtime.database.short_write() as connection:
        visit = await open_visit(request, connection, now, for_update=True)
        if not is_answered(visit.journey):
            return see_other(visit.journey.current_path())
        address = await _address(connection, runtime, visit, now)
    url = f"{runtime.settings.portal.public_url.rstrip('/')}/go/{address.path}"
    minutes = max(1, int((address.expires_at - now).total_seconds()) // 60)
    host, _, _ = url.removeprefix("https://").partition("/go/")
    context = {"qr": segno.make(url, error="m").svg_data_uri(scale=6, light="#fff"), "host": host, "path": address.path}
    return render_visit(request, visit, "carry_on.html", {**context, "minutes": minutes})


async def _address(connection: Statements, runtime: Runtime, visit: Visit, now: datetime) -> Address:
    keyring, journey = runtime.keyring, visit.journey
    known = await carry_on.find(connection, keyring, journey.id, now + _WORTH_SHOWING)
    if known is not None:
        return known
    lifetime = timedelta(seconds=runtime.settings.portal.carry_on_lifetime_seconds)
    made = Address(new_page_path(), min(now + lifetime, journey.expires_at))
    await carry_on.put(
        connection,
        runtime.database,
        keyring,
        council_id=journey.council_id,
        journey_id=journey.id,
        address=made,
        openings=_OPENINGS,
    )
    metrics.carry_on_addresses.labels("made").inc()
    return made


async def go(request: web.Request) -> web.Response:
    """GET /go/{page}: to the journey of the address."""
    runtime, now = request.app[RUNTIME], clock()
    path = read_page_path(request.match_info["page"])
    target = await _target(runtime, path, now) if path is not None else None
    metrics.carry_on_addresses.labels("opened" if target else "not-good").inc()
    return see_other(target) if target is not None else render(request, "carry_on_gone.html", {}, status=404)


async def _target(runtime: Runtime, path: str, now: datetime) -> str | None:
    async with runtime.database.short_write() as connection:
        journey_id = await carry_on.open_address(connection, runtime.keyring, path, now)
        if journey_id is None:
            return None
        journey = await journeys.load(connection, runtime.keyring, journey_id, now=now)
    return journey.path("") if journey is not None else None


JOURNEY_ROUTES: Final = (web.get(f"{JOURNEY}/carry-on", show_carry_on, name="carry_on"),)
PAGE_ROUTES: Final = (web.get(f"/go/{{page:{PATTERN}}}", go, name="go", allow_head=False),)
