"""The carrier of PolledGrant: leave the grant ready for the gateway, which comes every few seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, cast

from captive_portal import metrics
from captive_portal.errands.errands import Errand
from captive_portal.gateways.base import Operation, PolledGrant
from captive_portal.storage import polled_grants
from foundation.runtime import Runtime

# Longer than a resident waits and than any gateway stays away (nat_traversal_poll_interval is at most 59 seconds).
LIFETIME: Final = timedelta(seconds=90)


async def carry(runtime: Runtime, errand: Errand) -> None:
    """Write it down; the gateway's acknowledgement is what makes a session."""
    action = cast(PolledGrant, errand.action)
    if action.operation is not Operation.GRANT:
        metrics.polled_grants.labels("not-supported").inc()
        return
    now = datetime.now(UTC)
    grant = polled_grants.PendingGrant(action.reference, action.limits)
    async with runtime.database.short_write() as connection:
        await polled_grants.put(connection, runtime.database, errand.journey, grant, now=now, expires_at=now + LIFETIME)
    metrics.polled_grants.labels("left-ready").inc()
