"""The carrier of Prolongation: a session that was begun for some minutes lasts on, where its equipment can be told.

Equipment that asks RADIUS gets a CoA-Request (RFC 5176) with the limits that are in force now. A controller is called
once more: its newest grant counts. What comes and asks by itself needs to be told nothing. All other equipment ends
the session when it was told to, and the page says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

from captive_portal import metrics
from captive_portal.errands.controllers import Controllers
from captive_portal.errands.errands import Errand, Prolongation
from captive_portal.errors import ControllerError
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import AccessLimits, ControllerDriver, Operation, Pass, ServerCall
from captive_portal.journey import Journey, State
from captive_portal.release import find_proof
from captive_portal.storage import journeys
from foundation.changes import LATE_SECONDS
from foundation.runtime import Runtime
from radius.dynamic_authorization import Result, refresh_session


@dataclass(frozen=True, slots=True)
class Prolonger:
    """Tells the equipment, and keeps with the journey that its session has no early end any more."""

    controllers: Controllers

    async def carry(self, runtime: Runtime, errand: Errand) -> None:
        """Do it, and store what came of it."""
        is_granted = cast(Prolongation, errand.action).limits is not None
        is_done = is_granted and await self._way(errand)(runtime, errand)
        driver = errand.journey.details.driver
        metrics.releases.labels(driver, "prolong" if is_done else "cannot-prolong").inc()
        if is_done:
            await _store(runtime, errand.journey)

    def _way(self, errand: Errand) -> Callable[[Runtime, Errand], Awaitable[bool]]:
        capabilities = DRIVERS[errand.journey.details.driver].capabilities
        if capabilities.asks_by_itself:
            return _wait_to_be_asked
        return _by_coa if capabilities.sends_accounting else self._by_controller

    async def _by_controller(self, _runtime: Runtime, errand: Errand) -> bool:
        call = _call(errand)
        if call is None:
            return False
        driver = cast(ControllerDriver, DRIVERS[errand.journey.details.driver])
        try:
            controller = self.controllers.of(errand.gateway)
            await self.controllers.insist(lambda: driver.call(controller, call, errand.gateway))
        except ControllerError:
            return False
        return True


async def _wait_to_be_asked(_runtime: Runtime, _errand: Errand) -> bool:
    """What the gateway is told when it next asks is right already."""
    return True


async def _by_coa(runtime: Runtime, errand: Errand) -> bool:
    if DRIVERS[errand.journey.details.driver].capabilities.needs_address_only:
        # Equipment that asks about the device anew must get the new answer.
        await asyncio.sleep(LATE_SECONDS)
    async with runtime.database.short_read() as connection:
        session = await find_proof(connection, errand.journey)
    if session is None or session.stopped_at is not None:
        return False
    outcome = await refresh_session(
        runtime.database, runtime.keyring, runtime.settings.radius, session.id, datetime.now(UTC)
    )
    return outcome.result is Result.CHANGED


def _call(errand: Errand) -> ServerCall | None:
    """The call that let the device on, with the limits of now; None for equipment that is not called."""
    journey, limits = errand.journey, cast(Prolongation, errand.action).limits
    # Who sends no accounting asks no RADIUS, so name and password are not looked at.
    credentials = Pass(journey.details.user_name or "", "", journey.details.hand_over, limits=limits or AccessLimits())
    call = DRIVERS[journey.details.driver].release(credentials, errand.gateway)
    return call if isinstance(call, ServerCall) and call.operation is Operation.GRANT else None


async def _store(runtime: Runtime, journey: Journey) -> None:
    now = datetime.now(UTC)
    async with runtime.database.short_write() as connection:
        current = await journeys.load(connection, runtime.keyring, journey.id, now=now)
        if current is None or current.state is not State.ONLINE:
            return
        details = replace(current.details, session_until=current.details.access_until)
        await journeys.save(connection, runtime.keyring, replace(current, details=details), now)
