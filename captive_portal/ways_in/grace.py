"""Some minutes online to fetch a code on the same device: once a day, and never more than the policy allows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from captive_portal.journey import Event, Journey
from captive_portal.registration import Entry, register
from captive_portal.storage import vouchers as storage
from captive_portal.ways_in.ways import Way
from foundation.database import Statements
from foundation.runtime import Runtime

_KIND: Final = "grace"
_ONCE_IN: Final = timedelta(days=1)


async def is_due(connection: Statements, runtime: Runtime, journey: Journey, now: datetime) -> bool:
    """Whether the device may have them: none within a day, and the venue not too many within an hour."""
    settings = runtime.settings.portal
    if settings.grace_seconds == 0:
        return False
    attempt = _attempt(journey, now)
    if (await storage.count_attempts(connection, attempt, now - _ONCE_IN)).by_device:
        return False
    recent = await storage.count_attempts(connection, attempt, now - timedelta(hours=1))
    return recent.by_venue < settings.graces_per_venue_per_hour


async def give(connection: Statements, runtime: Runtime, journey: Journey, now: datetime) -> Journey:
    """The device is on for a while as a resident without a contact, and still waits for its code."""
    await storage.insert_attempt(connection, _attempt(journey, now))
    until = now + timedelta(seconds=runtime.settings.portal.grace_seconds)
    return await register(connection, runtime, journey, Entry(Way.GRACE, access_until=until), Event.GRACE_GIVEN, now)


def _attempt(journey: Journey, now: datetime) -> storage.Attempt:
    return storage.Attempt(_KIND, journey.council_id, journey.nas_id, journey.venue_id, journey.mac_pseudonym, now)
