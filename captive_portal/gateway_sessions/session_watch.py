"""Looks after the sessions that the portal made: counts what they use, and ends those that are over.

Where a controller can be asked who is on (`UsageDriver`), it is asked once a minute. Where nothing can be asked, a
session lasts as long as was granted. One process of the portal does it at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, cast

import structlog
from sqlalchemy.exc import DBAPIError

from captive_portal import metrics
from captive_portal.errands.controllers import Controllers
from captive_portal.errors import ControllerError
from captive_portal.gateway_sessions.limits import group_of, used
from captive_portal.gateways.base import ControllerDriver, Operation, ServerCall, Usage, UsageDriver
from captive_portal.storage import sessions
from captive_portal.storage.sessions import EndedBy, OpenSession, Source, TerminateCause
from captive_portal.storage.watched import Watched, claim, load_gateways
from foundation.database import Statements
from foundation.database_errors import DatabaseUnavailableError
from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.runtime import Runtime
from radius.policies.decision import SHORTEST_SESSION_SECONDS, is_closed, used_up
from radius.policies.directory import PolicyTable, read_table
from radius.policies.effective import EffectivePolicy, Place, default_limits
from radius.policies.opening import day_start
from radius.policies.usage import NO_USAGE
from radius.policies.usage import Usage as UsedToday

INTERVAL: Final = timedelta(seconds=60)
# openNDS looks every 15 seconds whose time is over, and its report is tried for two minutes.
_REPORT_PATIENCE: Final = timedelta(minutes=3)
_AT_A_TIME: Final = 8
_PATIENCE_SECONDS: Final = 30
_MOST_OF_A_GATEWAY: Final = 5000
_MOST_IN_ONE_TRANSACTION: Final = 200
_MOST_REVOKED_AT_ONCE: Final = 50

OnNow = Mapping[MacAddress, Usage]
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """When and why a session is over."""

    stopped_at: datetime
    ended_by: EndedBy
    cause: int


def judge(
    session: OpenSession, policy: EffectivePolicy, zone: tzinfo, today: UsedToday, on_now: OnNow | None, now: datetime
) -> Ending | None:
    """Whether a session is over. ``on_now`` is None where nobody can tell who is on."""
    until = session.started_at + timedelta(seconds=policy.session_seconds)
    if session.access_until is not None:
        # As was granted: the right's end, but not less than the shortest session.
        shortest = session.started_at + timedelta(seconds=SHORTEST_SESSION_SECONDS)
        until = min(until, max(session.access_until, shortest))
    # A gateway that reports ends says what was used, which nobody else knows.
    patience = _REPORT_PATIENCE if session.source is Source.AUTHMON else timedelta(0)
    if until + patience <= now:
        return Ending(until, EndedBy.STOP, TerminateCause.SESSION_TIMEOUT)
    if is_closed(policy, now, zone) or used_up(policy, today) is not None:
        return Ending(now, EndedBy.STOP, TerminateCause.SESSION_TIMEOUT)
    # Of one that its resident had erased, nobody can tell; it lasts as long as was granted.
    device = device_of(session)
    is_gone = on_now is not None and device is not None and device not in on_now
    if is_gone and session.updated_at + timedelta(seconds=policy.idle_seconds) <= now:
        return Ending(session.updated_at, EndedBy.LOST, TerminateCause.LOST_CARRIER)
    return None


def device_of(session: OpenSession) -> MacAddress | None:
    """The device's address, while it is kept."""
    try:
        return MacAddress.parse(session.calling_station_id) if session.calling_station_id else None
    except NotAMacAddressError:
        return None


async def watch(runtime: Runtime, controllers: Controllers) -> None:
    """Check once a minute, for ever."""
    while True:
        await asyncio.sleep(INTERVAL.total_seconds())
        try:
            now = datetime.now(UTC)
            if await claim(runtime.database, now, INTERVAL / 2):
                await check(runtime, controllers, now)
        except (DBAPIError, DatabaseUnavailableError, OSError) as error:
            logger.error("sessions could not be looked after", problem=type(error).__name__)


async def check(runtime: Runtime, controllers: Controllers, now: datetime) -> None:
    """Look at every gateway that has open sessions of the portal's making. Raises what the database raises."""
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    async with runtime.database.read() as connection:
        numbers = await sessions.gateways_with_open(connection)
        gateways = await load_gateways(connection, runtime.keyring, numbers, portal_url)
        table = await read_table(connection, default_limits(runtime.settings.radius))
    turns = asyncio.Semaphore(_AT_A_TIME)

    async def look(watched: Watched) -> None:
        async with turns:
            await _look_at(runtime, controllers, watched, table, now)

    await asyncio.gather(*map(look, gateways.values()))


async def _look_at(
    runtime: Runtime, controllers: Controllers, watched: Watched, table: PolicyTable, now: datetime
) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            on_now = await _ask(controllers, watched)
    except (ControllerError, TimeoutError) as error:
        metrics.controller_calls.labels(watched.driver.name, "usage", "failed").inc()
        logger.warning("a controller did not tell who is on", nas_id=watched.gateway.nas_id, problem=str(error))
        return
    async with runtime.database.read() as reading:
        found = await sessions.open_of_gateway(reading, watched.gateway.nas_id, _MOST_OF_A_GATEWAY)
    # Told, so that a device that comes back comes to the portal, and is counted; and in case it counts time otherwise.
    to_revoke = []
    can_revoke = watched.driver.capabilities.can_log_out
    for start in range(0, len(found), _MOST_IN_ONE_TRANSACTION):
        async with runtime.database.write() as connection:
            for session in found[start : start + _MOST_IN_ONE_TRANSACTION]:
                ending = await _settle(connection, session, table, on_now, now)
                if ending is not None and can_revoke and session.source is Source.API:
                    to_revoke.append(session)
    for session in to_revoke[:_MOST_REVOKED_AT_ONCE]:
        await _revoke(controllers, watched, session)


async def _ask(controllers: Controllers, watched: Watched) -> OnNow | None:
    if not isinstance(watched.driver, UsageDriver):
        return None
    found = await watched.driver.usage(controllers.of(watched.gateway), watched.gateway)
    metrics.controller_calls.labels(watched.driver.name, "usage", "done").inc()
    return found


async def _settle(
    connection: Statements, session: OpenSession, table: PolicyTable, on_now: OnNow | None, now: datetime
) -> Ending | None:
    policy = await _policy(connection, session, table)
    zone, today = table.time_zone(session.council_id), NO_USAGE
    if policy.is_daily and session.resident_id is not None:
        since = day_start(now, zone)
        today = await used(connection, session.resident_id, session.device_id, since, now)
    ending = judge(session, policy, zone, today, on_now, now)
    if ending is not None:
        await sessions.end(connection, session, ending.stopped_at, ending.ended_by, ending.cause)
        return ending
    device = device_of(session)
    if on_now is None:
        await sessions.update(connection, session, now)
    elif device is not None and device in on_now:
        await sessions.update(connection, session, now, on_now[device])
    return None


async def _policy(connection: Statements, session: OpenSession, table: PolicyTable) -> EffectivePolicy:
    group = await group_of(connection, session.resident_id)
    return table.effective(Place(session.council_id, session.venue_id, session.network_name or "", group))


async def _revoke(controllers: Controllers, watched: Watched, session: OpenSession) -> None:
    device = device_of(session)
    if device is None:
        return
    driver = cast(ControllerDriver, watched.driver)
    call = ServerCall(Operation.REVOKE, {"mac": str(device)})
    try:
        await driver.call(controllers.of(watched.gateway), call, watched.gateway)
    except ControllerError as error:
        logger.warning("a controller did not end it", nas_id=watched.gateway.nas_id, problem=str(error))
