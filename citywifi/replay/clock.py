"""The simulated clock: some simulated seconds to a real one, or as fast as it goes."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class SimulatedClock:
    """``speed`` in simulated seconds a real second; None is as fast as it goes."""

    def __init__(self, speed: float | None) -> None:
        self.speed = speed
        self._simulated_start = datetime.now(UTC)
        self._real_start = time.monotonic()
        self._reached = self._simulated_start

    def begin(self, moment: datetime) -> None:
        """Jump to a moment: the night between two days is not waited for."""
        self._simulated_start = self._reached = moment
        self._real_start = time.monotonic()

    def now(self) -> datetime:
        """The simulated time; as fast as it goes, the latest moment that was waited for."""
        if self.speed is None:
            return self._reached
        return self._simulated_start + timedelta(seconds=(time.monotonic() - self._real_start) * self.speed)

    async def until(self, moment: datetime) -> None:
        """Wait for a moment; one that is over is not waited for."""
        self._reached = max(self._reached, moment)
        if self.speed is not None:
            await asyncio.sleep(max(0.0, (moment - self.now()).total_seconds() / self.speed))
