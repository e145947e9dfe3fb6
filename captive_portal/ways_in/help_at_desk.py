"""A member of staff, or a program of theirs, says yes to the number on the screen of a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from captive_portal import metrics, registration
from captive_portal.journey import Event, Journey, State
from captive_portal.registration import Entry
from captive_portal.storage import help_requests, journeys
from captive_portal.ways_in.ways import Way
from foundation.database import Statements
from foundation.runtime import Runtime


async def let_on(
    connection: Statements, runtime: Runtime, council_ids: Sequence[int], number: str, now: datetime
) -> Journey | None:
    """Register the device that shows a number at one of the councils; None where none does, and the number is used up.

    Its journey goes on to the button "Connect". In the transaction of the caller, who writes down who did it.
    """
    found = await help_requests.take(connection, council_ids, number, now) if number else []
    # Several councils may have given the same number: then nobody is let on.
    if len(found) != 1:
        return None
    journey = await journeys.load(connection, runtime.keyring, found[0], now=now)
    if journey is None or journey.state is not State.HELP:
        return None
    registered = await registration.register(connection, runtime, journey, Entry(Way.STAFF), Event.REGISTERED, now)
    registered = replace(registered, details=replace(registered.details, let_on_by_staff=True))
    await journeys.save(connection, runtime.keyring, registered, now)
    metrics.journeys.labels(registered.state).inc()
    return registered
