"""What follows from what an openNDS gateway says: sessions begin and end, and grants are given out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from captive_portal.gateway_sessions.authmon import Report
from captive_portal.gateways.gateway import Gateway
from captive_portal.gateways.opennds import level_of
from captive_portal.gateways.opennds_limits import grant_list
from captive_portal.gateways.opennds_redirect import hid_of, rhid_of
from captive_portal.journey import Journey, State
from captive_portal.storage import journeys, polled_grants, residents, sessions
from captive_portal.storage.sessions import EndedBy, Source
from foundation.database import Statements
from foundation.runtime import Runtime

# authmon handles no more at a time.
_MOST_GRANTS: Final = 4
# A gateway says "clear" five seconds after it began; who came in these seconds must not be forgotten.
_SPARED_BY_CLEAR: Final = timedelta(seconds=10)
# A device that is on, as far as its journey knows, is not let on a second time.
_LET_ON: Final = frozenset({State.RELEASE, State.WAITING})


async def list_pending(runtime: Runtime, gateway: Gateway, now: datetime, *, only_once: bool) -> str:
    """The answer to ``view``; that to ``list`` holds each device only once."""
    async with runtime.database.short_read() as connection:
        found = await polled_grants.pending(connection, gateway.nas_id, now, _MOST_GRANTS)
    if only_once and found:
        async with runtime.database.short_write() as connection:
            await polled_grants.give_out(connection, gateway.nas_id, [grant.reference for grant in found])
    return grant_list([(grant.reference, grant.limits) for grant in found])


async def acknowledge(runtime: Runtime, gateway: Gateway, references: Collection[str], now: datetime) -> None:
    """The gateway has let these on: their sessions begin."""
    async with runtime.database.short_write() as connection:
        for journey_id in await polled_grants.acknowledge(connection, gateway.nas_id, references):
            journey = await journeys.load(connection, runtime.keyring, journey_id, now=now)
            if journey is not None:
                await _begin(connection, runtime, journey, now)


async def forget_pending(runtime: Runtime, gateway: Gateway, now: datetime) -> None:
    """The gateway began anew and knows nobody of before."""
    async with runtime.database.short_write() as connection:
        await polled_grants.forget(connection, gateway.nas_id, now - _SPARED_BY_CLEAR)


async def take(runtime: Runtime, gateway: Gateway, report: Report, now: datetime) -> bool:
    """A device was let on or taken off; whether that was of anybody whom the portal knows."""
    async with runtime.database.short_write() as connection:
        if report.cause is None:
            return await _let_on(connection, runtime, gateway, report, now)
        device_id = await _device_of(connection, runtime, gateway, report, now)
        if device_id is None:
            return False
        open_sessions = await sessions.open_of_device(connection, gateway.nas_id, device_id)
        for session in open_sessions:
            await sessions.end(connection, session, now, EndedBy.STOP, report.cause, report.usage)
        return bool(open_sessions)


async def _let_on(connection: Statements, runtime: Runtime, gateway: Gateway, report: Report, now: datetime) -> bool:
    device = _pseudonym(runtime, gateway, report)
    journey = await journeys.load_open(connection, runtime.keyring, gateway.nas_id, device, now=now)
    # The address in a redirect is the browser's word; the gateway's report has the true one, and the visit's token.
    if journey is None or journey.details.hand_over.get("hid") != hid_of(report.token):
        return False
    return await _begin(connection, runtime, journey, now)


async def _begin(connection: Statements, runtime: Runtime, journey: Journey, now: datetime) -> bool:
    if journey.state not in _LET_ON or not journey.is_registered or journey.details.user_name is None:
        return False
    await sessions.begin(connection, runtime.keyring, sessions.owner_of(journey, Source.AUTHMON), now)
    return True


async def _device_of(
    connection: Statements, runtime: Runtime, gateway: Gateway, report: Report, now: datetime
) -> int | None:
    """Whose device was taken off. Without a seal only who knows the visit's token is believed."""
    if report.is_sealed:
        known = await residents.find_device(connection, gateway.council_id, _pseudonym(runtime, gateway, report))
        return None if known is None else known.device_id
    reference = rhid_of(hid_of(report.token), gateway.portal_secret or b"")
    journey_id = await polled_grants.journey_of(connection, gateway.nas_id, reference)
    if journey_id is None:
        return None
    journey = await journeys.load(connection, runtime.keyring, journey_id, now=now)
    return None if journey is None else journey.details.device_id


def _pseudonym(runtime: Runtime, gateway: Gateway, report: Report) -> bytes:
    """As arrivals have it: at level 0 a redirect tells nothing but the token."""
    if level_of(gateway) == "0":
        return runtime.keyring.pseudonym("device of a visit", gateway.council_id, report.token.encode())
    return runtime.keyring.device_pseudonym(gateway.council_id, report.device)
