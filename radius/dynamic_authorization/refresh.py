"""Bringing the limits that the policies have now into a session that is open already."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, network_access_servers, residents
from foundation.settings import RadiusSettings
from radius.authentication.outcome import RejectReason
from radius.authorization import lasting_attributes
from radius.dynamic_authorization.client import WAITS_SECONDS
from radius.dynamic_authorization.results import Outcome, Result
from radius.dynamic_authorization.sessions import change_session
from radius.policies.decision import decide
from radius.policies.directory import PolicyTable, read_table
from radius.policies.effective import Place, default_limits
from radius.policies.opening import day_start
from radius.policies.usage import NO_USAGE, Usage, UsageDirectory
from radius.vendors import Pairs, vendor_of


async def refresh_session(
    database: Database,
    keyring: Keyring,
    settings: RadiusSettings,
    session_id: int,
    now: datetime,
    *,
    waits_seconds: tuple[float, ...] = WAITS_SECONDS,
) -> Outcome:
    """Ask the equipment of an open session to follow the policies as they are now.

    When a credential or a device's remembrance ends is not looked at: that counts from the next login on.
    """
    async with database.read() as connection:
        session = (await connection.execute(_SESSION.where(accounting_sessions.c.id == session_id))).one_or_none()
        table = await read_table(connection, default_limits(settings))
    if session is None:
        return Outcome(Result.NO_SUCH_SESSION, "there is no such session")
    limits = present_limits(session, table, await _usage(database, table, session, now), now)
    if isinstance(limits, RejectReason):
        return Outcome(Result.NOT_ALLOWED, f"the policies allow it no longer ({limits.explanation}); end the session")
    return await change_session(database, keyring, session_id, limits, waits_seconds=waits_seconds)


def present_limits(session: Any, table: PolicyTable, usage: Usage, now: datetime) -> Pairs | RejectReason:
    """The complete set in the vendor's attributes, or why the session should end.

    Equipment counts time and octets from the session's beginning, so what was used since then is part of them.
    """
    place = Place(session.council_id, session.venue_id, session.network_name or "", session.group_name)
    policy = table.effective(place)
    vendor = vendor_of(session.vendor)
    elapsed_seconds = max(0, int((now - session.started_at).total_seconds()))
    # It is one of the devices that are on, so their number does not matter.
    left = replace(policy, session_seconds=policy.session_seconds - elapsed_seconds, simultaneous_devices=None)
    granted = decide(left, now, table.time_zone(session.council_id), usage=usage)
    if isinstance(granted, RejectReason):
        return granted
    octets = session.input_octets + session.output_octets
    return (
        ("Session-Timeout", max(1, elapsed_seconds + granted.session_seconds)),
        *(vendor.data(octets + granted.data_octets) if granted.data_octets is not None else ()),
        *lasting_attributes(policy, vendor),
    )


async def _usage(database: Database, table: PolicyTable, session: Any, now: datetime) -> Usage:
    if session.resident_id is None:
        return NO_USAGE
    since = day_start(now, table.time_zone(session.council_id))
    return await UsageDirectory(database).usage(session.resident_id, since, now)


_SESSION: Final = (
    select(
        accounting_sessions.c.council_id,
        accounting_sessions.c.venue_id,
        accounting_sessions.c.network_name,
        accounting_sessions.c.resident_id,
        accounting_sessions.c.started_at,
        accounting_sessions.c.input_octets,
        accounting_sessions.c.output_octets,
        network_access_servers.c.vendor,
        func.coalesce(residents.c.group_name, "").label("group_name"),
    )
    .join(network_access_servers, network_access_servers.c.id == accounting_sessions.c.nas_id)
    .outerjoin(residents, residents.c.id == accounting_sessions.c.resident_id)
)
