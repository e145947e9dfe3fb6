"""Devices that were just let on: their sessions are not in the database yet, and must not be overlooked.

Without this a resident could log in any number of devices within the moment that accounting takes to arrive.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

KEEP_SECONDS: Final = 15.0
MOST_RESIDENTS: Final = 65_536


class RecentDevices:
    """By resident; bounded, the oldest are forgotten first. Times are a clock's that never goes back, in seconds."""

    def __init__(self) -> None:
        self._residents: OrderedDict[int, dict[str, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many residents are remembered."""
        return len(self._residents)

    def of(self, resident_id: int, now: float) -> frozenset[str]:
        """The resident's devices that were let on within ``KEEP_SECONDS``."""
        devices = self._residents.get(resident_id, {})
        return frozenset(device for device, let_on in devices.items() if now - let_on < KEEP_SECONDS)

    def add(self, resident_id: int, device: str, now: float) -> None:
        """Remember that a device was let on."""
        devices = self._residents.pop(resident_id, {})
        self._residents[resident_id] = {
            each: let_on for each, let_on in devices.items() if now - let_on < KEEP_SECONDS
        } | {device: now}
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Those whose latest device is long ago stand first."""
        while self._residents:
            resident_id, devices = next(iter(self._residents.items()))
            if len(self._residents) <= MOST_RESIDENTS and now - max(devices.values()) < KEEP_SECONDS:
                return
            del self._residents[resident_id]
