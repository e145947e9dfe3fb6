"""What the database knows of a place's WiFi and of one device there, for the answer to "is it me or the WiFi?"."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, or_, select

from captive_portal.gateway_sessions import session_watch
from captive_portal.gateway_sessions.limits import limits_for
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import GatewayDriver, UsageDriver
from captive_portal.journey import Journey
from captive_portal.storage import passes
from captive_portal.storage.journeys import Visit
from captive_portal.storage.sessions import Source
from captive_portal.support.diagnosis import DeviceFacts, PlaceFacts
from foundation.database import Statements
from foundation.runtime import Runtime
from foundation.schema import (
    access_points,
    accounting_restarts,
    accounting_sessions,
    is_in_service,
    network_access_servers,
    venues,
)
from foundation.venue_health import Opening, condition_of, opening_at
from radius.authentication.outcome import RejectReason

# A controller is asked once a minute; one that was busy may miss some.
_CONTROLLER_PATIENCE: Final = 5 * session_watch.INTERVAL

_SESSION: Final = accounting_sessions.c
_NAS: Final = network_access_servers.c
_HOURS: Final = select(venues.c.opening_hours).where(venues.c.id == bindparam("venue_id"))
_POINTS: Final = (
    select(access_points.c.last_heard_at)
    .join(network_access_servers, _NAS.id == access_points.c.nas_id)
    .where(is_in_service())
)
_POINTS_OF_VENUE: Final = _POINTS.where(func.coalesce(access_points.c.venue_id, _NAS.venue_id) == bindparam("venue_id"))
_POINTS_OF_GATEWAY: Final = _POINTS.where(access_points.c.nas_id == bindparam("nas_id"))
_RESTARTED: Final = select(func.max(accounting_restarts.c.restarted_at)).where(
    accounting_restarts.c.nas_id == bindparam("nas_id")
)
_OPEN: Final = select(_SESSION.id).where(_SESSION.nas_id == bindparam("nas_id"), _SESSION.stopped_at.is_(None))
_OTHERS: Final = _OPEN.where(
    or_(_SESSION.device_id.is_(None), _SESSION.device_id != bindparam("device_id")),
    _SESSION.received_at >= bindparam("since"),
).limit(bindparam("enough"))
_OTHERS_AT_VENUE: Final = _OTHERS.where(_SESSION.venue_id == bindparam("venue_id"))
_TOLD_BY_CONTROLLER: Final = _OPEN.with_only_columns(func.max(_SESSION.received_at)).where(
    _SESSION.source == Source.API.value
)
# No device has this number.
_NOBODY: Final = 0


async def read_place(connection: Statements, runtime: Runtime, visit: Visit, now: datetime) -> PlaceFacts:
    """What is known of the WiFi where a journey is."""
    journey, settings = visit.journey, runtime.settings
    driver = DRIVERS[journey.details.driver]
    facts = PlaceFacts(
        others_are_on=await _others_are_on(connection, runtime, journey, now),
        restarted_at=(await connection.execute(_RESTARTED, {"nas_id": journey.nas_id})).scalar_one(),
        controller_is_silent=await _controller_is_silent(connection, driver, journey, now),
    )
    if not driver.capabilities.sends_accounting:
        # Nobody hears its access points: they are known by RADIUS only.
        return facts
    opening = Opening(True, None)
    if journey.venue_id is None:
        points = await connection.execute(_POINTS_OF_GATEWAY, {"nas_id": journey.nas_id})
    else:
        points = await connection.execute(_POINTS_OF_VENUE, {"venue_id": journey.venue_id})
        hours = (await connection.execute(_HOURS, {"venue_id": journey.venue_id})).scalar_one_or_none()
        opening = opening_at(hours, ZoneInfo(visit.place.time_zone), now)
    heard = list(points.scalars())
    silent_after = timedelta(seconds=settings.monitoring.silent_after_seconds)
    return replace(
        facts,
        conditions=tuple(condition_of(moment, opening, silent_after, now) for moment in heard),
        last_heard_at=max(filter(None, heard), default=None),
    )


async def read_device(
    connection: Statements, runtime: Runtime, journey: Journey, session: passes.Session | None, now: datetime
) -> DeviceFacts:
    """What is known of a journey's device; ``session`` is the one that it is on by."""
    refusal: RejectReason | None = None
    if journey.is_registered:
        limits = await limits_for(connection, runtime, journey, now)
        refusal = limits if isinstance(limits, RejectReason) else None
    return DeviceFacts(
        state=journey.state,
        waiting_since=journey.details.waiting_since,
        right_has_ended=journey.is_registered and not journey.may_be_on(now),
        refusal=refusal,
        heard_at=session.received_at if session is not None else None,
        heard_every=_heard_every(runtime, DRIVERS[journey.details.driver]),
    )


def _heard_every(runtime: Runtime, driver: GatewayDriver) -> timedelta | None:
    if driver.capabilities.sends_accounting:
        return timedelta(seconds=runtime.settings.radius.interim_interval_seconds)
    # Sessions of others are the portal's own, and nobody tells whether they still are.
    return session_watch.INTERVAL if isinstance(driver, UsageDriver) else None


async def _others_are_on(connection: Statements, runtime: Runtime, journey: Journey, now: datetime) -> bool:
    """Whether so many are on that it tells nothing of any of them: as many as may be published."""
    enough = runtime.settings.monitoring.smallest_published_count
    lately = timedelta(seconds=2 * runtime.settings.radius.interim_interval_seconds)
    asked: dict[str, object] = {
        "nas_id": journey.nas_id,
        "device_id": journey.details.device_id or _NOBODY,
        "since": now - lately,
        "enough": enough,
    }
    if journey.venue_id is None:
        return len((await connection.execute(_OTHERS, asked)).all()) >= enough
    asked["venue_id"] = journey.venue_id
    return len((await connection.execute(_OTHERS_AT_VENUE, asked)).all()) >= enough


async def _controller_is_silent(connection: Statements, driver: GatewayDriver, journey: Journey, now: datetime) -> bool:
    """Whether no session that its controller is asked about has been heard of for minutes."""
    if not isinstance(driver, UsageDriver):
        return False
    told_at = (await connection.execute(_TOLD_BY_CONTROLLER, {"nas_id": journey.nas_id})).scalar_one()
    return told_at is not None and now - told_at > _CONTROLLER_PATIENCE
