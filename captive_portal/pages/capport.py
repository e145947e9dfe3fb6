"""The captive portal API (RFC 8908), and the addresses that it tells devices: their way in, and a page of what is left.

A device is known by a token in the address, or, where its gateway puts the device's address there (chilli's
``captiveportalapi_uri``, Kea's option 114), by that and the gateway's own key. What the latter says is only claimed;
a gateway that has proven itself by the secret that it shares with the portal is believed.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from captive_portal import capport, metrics
from captive_portal.arrival import CheckedArrival, meet_again
from captive_portal.gateways.base import Arrival, BrowserRedirect, Clue, Outcome
from captive_portal.gateways.gateway import Gateway
from captive_portal.languages import current_language, show_duration, show_octets
from captive_portal.pages.arrive import go_on
from captive_portal.pages.common import RUNTIME, NoSuchJourneyError, clock, render, see_other
from captive_portal.storage import captivity, equipment
from captive_portal.storage.captivity import KnownGateway
from foundation.arrival_tokens import PATH, ArrivalToken, seal, unseal
from foundation.database import Statements
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.runtime import Runtime

_NO_SUCH_DEVICE = "This address belongs to no device: join the network again to get one."


@dataclass(frozen=True, slots=True)
class _Asker:
    """The device that an address belongs to."""

    known: KnownGateway
    token: ArrivalToken


async def answer_token(request: web.Request) -> web.Response:
    """GET /api/capport/{token}."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_read() as connection:
        asker = await _by_token(connection, runtime, request.match_info["token"], now)
        return await _answer(connection, runtime, asker, now)


async def answer_address(request: web.Request) -> web.Response:
    """GET /api/capport/{arrival_key}/{device}: the device's MAC address, in any spelling."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_read() as connection:
        known = await captivity.gateway_by_key(connection, runtime, request.match_info["arrival_key"])
        try:
            device = MacAddress.parse(request.match_info["device"])
        except NotAMacAddressError:
            known = None
        if known is None:
            return _not_found()
        token = ArrivalToken(
            nas_id=known.gateway.nas_id,
            device=device,
            expires_at=capport.addresses_expire_at(now),
            is_claimed=not is_from_gateway(request, known.gateway),
        )
        return await _answer(connection, runtime, _Asker(known, token), now)


async def arrive(request: web.Request) -> web.Response:
    """GET /r/{token}: a device at its own address, as if its gateway had redirected it.

    One that is only claimed, or whose gateway must hand something over first, is sent to fetch the gateway's redirect.
    """
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_read() as connection:
        asker = await _by_token(connection, runtime, request.match_info["token"], now)
        if asker is None:
            raise NoSuchJourneyError("no device at this address")
        driver, gateway, token = asker.known.driver, asker.known.gateway, asker.token
        if token.is_claimed or not driver.capabilities.needs_address_only:
            action = driver.renew({}, gateway)
            # What renews is a page of the gateway's, or one that it intercepts.
            return see_other(action.url if isinstance(action, BrowserRedirect) else "/")
        session = await captivity.open_session(connection, runtime, gateway, _pseudonym(runtime, asker), now)
        arrival = Arrival(
            outcome=Outcome.ALREADY_ONLINE if session else Outcome.CAPTIVE,
            device=token.device,
            hand_over=_hand_over(token),
        )
        checked = CheckedArrival(arrival, gateway, Clue(None, token.access_point))
        meeting = await meet_again(connection, runtime, checked, now)
    metrics.arrivals.labels(driver.name, arrival.outcome).inc()
    return await go_on(request, driver, checked, meeting, now)


async def show_venue(request: web.Request) -> web.Response:
    """GET /r/{token}/venue: what is left to the device, and where to read more; nothing of whose it is."""
    runtime, now = request.app[RUNTIME], clock()
    async with runtime.database.short_read() as connection:
        asker = await _by_token(connection, runtime, request.match_info["token"], now)
        if asker is None:
            raise NoSuchJourneyError("no device at this address")
        gateway = asker.known.gateway
        clue = Clue(None, asker.token.access_point)
        venue_id = await equipment.venue_of(connection, gateway, clue)
        place = await equipment.load_place(connection, gateway.council_id, venue_id)
        left = await _remaining(connection, runtime, asker, now)
    context = {
        "place": place,
        "information": f"/councils/{place.council_code}/",
        "time_left": show_duration(timedelta(seconds=left.seconds)) if left else "",
        "data_left": show_octets(left.octets) if left and left.octets is not None else "",
        "is_online": left is not None,
        "way_in": f"{PATH}{request.match_info['token']}",
        "language": current_language.get(),
    }
    return render(request, "venue.html", context)


def is_from_gateway(request: web.Request, gateway: Gateway) -> bool:
    """Whether the request carries the portal's secret of this gateway (``Authorization: Bearer``, RFC 6750)."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    secret = gateway.portal_secret
    return scheme == "Bearer" and bool(secret) and hmac.compare_digest(given.encode(), secret or b"")


def _hand_over(token: ArrivalToken) -> dict[str, str]:
    handed = {"mac": str(token.device)}
    return handed if token.audit_session_id is None else {**handed, "session": token.audit_session_id}


async def _by_token(connection: Statements, runtime: Runtime, text: str, now: datetime) -> _Asker | None:
    token = unseal(runtime.keyring, text, now)
    if token is None:
        return None
    known = await captivity.gateway_by_number(connection, runtime, token.nas_id)
    return None if known is None else _Asker(known, token)


def _pseudonym(runtime: Runtime, asker: _Asker) -> bytes:
    return runtime.keyring.device_pseudonym(asker.known.gateway.council_id, asker.token.device)


async def _remaining(
    connection: Statements, runtime: Runtime, asker: _Asker, now: datetime
) -> capport.Remaining | None:
    gateway = asker.known.gateway
    session = await captivity.open_session(connection, runtime, gateway, _pseudonym(runtime, asker), now)
    return None if session is None else capport.remaining(session, now)


async def _answer(connection: Statements, runtime: Runtime, asker: _Asker | None, now: datetime) -> web.Response:
    if asker is None:
        return _not_found()
    left = await _remaining(connection, runtime, asker, now)
    own = f"{runtime.settings.portal.public_url.rstrip('/')}{PATH}{seal(runtime.keyring, asker.token)}"
    answer = capport.answer(left, own, f"{own}/venue")
    capport.answers.labels("free" if left else "captive").inc()
    return _json(answer, capport.MEDIA_TYPE)


def _not_found() -> web.Response:
    capport.answers.labels("not-found").inc()
    return _json(capport.problem(_NO_SUCH_DEVICE), "application/problem+json", status=404)


def _json(value: dict[str, object], media_type: str, *, status: int = 200) -> web.Response:
    # Cache-Control: no-store is on every answer of the portal (captive_portal.security).
    return web.Response(body=json.dumps(value).encode(), content_type=media_type, status=status)


_OWN: Final = "{token:[A-Za-z0-9_-]{60,200}}"
TOKEN_ROUTES: Final = (
    web.get(f"{PATH}{_OWN}", arrive, name="arrive_at_address_of_device"),
    web.get(f"{PATH}{_OWN}/venue", show_venue, name="venue"),
    web.get(f"/api/capport/{_OWN}", answer_token, name="captive_portal_api"),
)
KEY_ROUTES: Final = (
    web.get("/api/capport/{arrival_key:[A-Za-z0-9_-]{22}}/{device}", answer_address, name="captive_portal_api_of_mac"),
)
