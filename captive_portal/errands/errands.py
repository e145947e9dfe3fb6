"""What the portal itself does for a journey: a controller to call, a grant to leave ready, an order to RADIUS.

The browser does not wait for it: it is sent to the waiting page at once, and the proof, or the refusal, changes the
journey. One errand of a journey runs at a time, so a double click or a second tab begins nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from captive_portal.gateways.base import AccessLimits, PolledGrant, Reauthentication, ServerCall
from captive_portal.gateways.gateway import Gateway
from captive_portal.journey import Journey
from foundation.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Prolongation:
    """A session that is on is to last as long as its device may be on by now, which is longer than it was granted."""

    # What is granted from now on; None where the policy grants nothing.
    limits: AccessLimits | None


ErrandAction = ServerCall | PolledGrant | Reauthentication | Prolongation
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done, for whom and where."""

    journey: Journey
    gateway: Gateway
    action: ErrandAction

    @property
    def purpose(self) -> str:
        """A journey has one errand of each at a time."""
        return "prolong" if isinstance(self.action, Prolongation) else self.action.operation.value


Carrier = Callable[[Runtime, Errand], Awaitable[None]]
"""Does an errand to its end, trying again as long as that is of use, and stores what came of it. Raises nothing."""


class Errands:
    """The errands of this process; ``close`` waits for none of them, because each can be begun again."""

    def __init__(self, runtime: Runtime, carriers: Mapping[type[ErrandAction], Carrier]) -> None:
        self._runtime = runtime
        self._carriers = carriers
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, errand: Errand) -> asyncio.Task[None]:
        """Begin it, unless this journey's errand of that kind is under way; either way what does it."""
        key = errand.journey.id, errand.purpose
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(self._carry_out(errand))
            self._tasks[key] = task
            task.add_done_callback(lambda _done: self._tasks.pop(key, None))
        return task

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry_out(self, errand: Errand) -> None:
        try:
            await self._carriers[type(errand.action)](self._runtime, errand)
        except Exception as error:  # a fault of our own must not end in silence
            logger.error("errand failed", driver=errand.journey.details.driver, error=type(error).__name__)
