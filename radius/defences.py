"""Against floods and guessing: limits on the rate of Access-Requests, and Access-Rejects that come late.

Both keep their state in tables of fixed size. Times are seconds of any clock that never goes back.
"""

from __future__ import annotations

import asyncio

from foundation.settings import RadiusSettings
from foundation.token_buckets import TokenBuckets
from radius import metrics
from radius.attributes import definition_of
from radius.discards import Unanswered
from radius.nas_table import NetworkAccessServer
from radius.packet import Packet

_CALLING_STATION_ID = definition_of("Calling-Station-Id").number

MOST_KNOWN_DEVICES = 65_536
MOST_KNOWN_SERVERS = 16_384
# Half of what a socket has in progress: rejects that are held must not keep others from being answered.
MOST_HELD_REJECTS = 4096


class RateLimits:
    """How many Access-Requests a device and a NAS may send; counted after a request has proved authentic.

    A device is known by its NAS and Calling-Station-Id; of that only Python's keyed hash of 64 bits is kept. Without a
    Calling-Station-Id (a login of staff, a test) the limit of the NAS is the only one: such requests would share one
    device's.
    """

    def __init__(self, *, per_device_per_minute: int, per_nas_per_second: int) -> None:
        self.devices: TokenBuckets[int] = TokenBuckets(
            per_second=per_device_per_minute / 60,
            burst=per_device_per_minute,
            limit=MOST_KNOWN_DEVICES,
            evictions=metrics.rate_limit_evictions.labels("device"),
        )
        self.servers: TokenBuckets[int] = TokenBuckets(
            per_second=per_nas_per_second,
            burst=per_nas_per_second,
            limit=MOST_KNOWN_SERVERS,
            evictions=metrics.rate_limit_evictions.labels("nas"),
        )

    def refusal(self, packet: Packet, nas: NetworkAccessServer, now: float) -> Unanswered | None:
        """Why the request must be dropped; None counts it and lets it pass."""
        if not self.servers.take(nas.id, now):
            return Unanswered.TOO_MANY_OF_NAS
        calling = packet.first.get(_CALLING_STATION_ID)
        if calling and not self.devices.take(hash((nas.id, calling)), now):
            return Unanswered.TOO_MANY_OF_DEVICE
        return None


class RejectDelay:
    """Holds Access-Rejects for a while, so that passwords cannot be tried fast.

    At most ``limit`` are held; beyond, they are sent at once. Dropping them instead would make a NAS believe that we
    are dead, so that one who guesses could turn everybody away; and the limit of each device stands in any case.
    """

    def __init__(self, seconds: float, *, limit: int = MOST_HELD_REJECTS) -> None:
        self._seconds = seconds
        self._held: set[asyncio.Future[None]] = set()
        self._is_over = False
        self.limit = limit

    def __len__(self) -> int:
        """How many are held."""
        return len(self._held)

    async def hold(self) -> None:
        """Return when the reject may be sent."""
        if not self._seconds or self._is_over:
            return
        if len(self._held) >= self.limit:
            metrics.rejects_sent_at_once.inc()
            return
        loop = asyncio.get_running_loop()
        held: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(self._seconds, _let_go, held)
        self._held.add(held)
        try:
            await held
        finally:
            timer.cancel()
            self._held.discard(held)

    def release(self) -> None:
        """Let all go, and hold no more: the server stops."""
        self._is_over = True
        for held in self._held:
            _let_go(held)


def _let_go(held: asyncio.Future[None]) -> None:
    if not held.done():
        held.set_result(None)


class Defences:
    """The defences of a server, by its settings."""

    def __init__(self, settings: RadiusSettings) -> None:
        self.limits = RateLimits(
            per_device_per_minute=settings.requests_per_device_per_minute,
            per_nas_per_second=settings.requests_per_nas_per_second,
        )
        self.reject_delay = RejectDelay(settings.reject_delay_seconds)

    def sample_metrics(self) -> None:
        """Set the gauges."""
        for kind, buckets in (("device", self.limits.devices), ("nas", self.limits.servers)):
            metrics.rate_limited.labels(kind).set(len(buckets))
            metrics.rate_limited_limit.labels(kind).set(buckets.limit)
        metrics.rejects_held.set(len(self.reject_delay))
        metrics.rejects_held_limit.set(self.reject_delay.limit)
