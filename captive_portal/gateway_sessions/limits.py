"""What the policy of the place allows, for gateways that do not ask RADIUS and so must be told by the portal."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, or_, select

from captive_portal.gateways.base import AccessLimits
from captive_portal.journey import Journey
from foundation.database import Statements, UtcDateTime
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, residents
from radius.authentication.outcome import RejectReason
from radius.policies.decision import Grant, decide
from radius.policies.directory import read_table
from radius.policies.effective import EffectivePolicy, Place, default_limits
from radius.policies.opening import day_start
from radius.policies.usage import Session, Usage, sum_up


async def limits_for(
    connection: Statements, runtime: Runtime, journey: Journey, now: datetime
) -> AccessLimits | RejectReason:
    """The limits of a registered journey's device from now on, or why it may not go on; as RADIUS would decide."""
    settings = runtime.settings.radius
    table = await read_table(connection, default_limits(settings), journey.council_id)
    network_name = journey.details.hand_over.get("ssid", "")
    group_name = await group_of(connection, journey.resident_id)
    policy = table.effective(Place(journey.council_id, journey.venue_id, network_name, group_name))
    zone = table.time_zone(journey.council_id)
    usage = Usage()
    if policy.needs_usage:
        usage = await used(connection, journey.resident_id, journey.details.device_id, day_start(now, zone), now)
    granted = decide(policy, now, zone, good_until=journey.details.access_until, usage=usage)
    return granted if isinstance(granted, RejectReason) else _limits(granted, policy)


def _limits(granted: Grant, policy: EffectivePolicy) -> AccessLimits:
    return AccessLimits(
        seconds=granted.session_seconds,
        octets=granted.data_octets,
        download_kilobits_per_second=policy.download_kilobits_per_second,
        upload_kilobits_per_second=policy.upload_kilobits_per_second,
    )


async def group_of(connection: Statements, resident_id: int | None) -> str:
    """Whose policy is meant; empty for everybody else's."""
    found = await connection.execute(_GROUP, {"resident_id": resident_id})
    return str(found.scalar_one_or_none() or "")


async def used(
    connection: Statements, resident_id: int | None, device_id: int | None, since: datetime, now: datetime
) -> Usage:
    """What a resident used since then; the devices that are on without that one, which may be let on once more."""
    rows = await connection.execute(_SESSIONS, {"resident_id": resident_id, "since": since})
    found = [Session._make(row) for row in rows]
    usage = sum_up(found, since, now)
    others = [session for session in found if session.device_id != device_id]
    return Usage(usage.seconds, usage.octets, sum_up(others, since, now).devices)


_GROUP: Final = select(residents.c.group_name).where(residents.c.id == bindparam("resident_id"))
_SESSIONS: Final = select(
    accounting_sessions.c.id,
    accounting_sessions.c.resident_id,
    accounting_sessions.c.device_id,
    accounting_sessions.c.calling_station_id,
    accounting_sessions.c.started_at,
    accounting_sessions.c.updated_at,
    accounting_sessions.c.stopped_at,
    accounting_sessions.c.input_octets + accounting_sessions.c.output_octets,
).where(
    accounting_sessions.c.resident_id == bindparam("resident_id"),
    or_(
        accounting_sessions.c.stopped_at.is_(None),
        accounting_sessions.c.stopped_at > bindparam("since", type_=UtcDateTime),
    ),
)
