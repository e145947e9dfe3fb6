"""Accounting of guests, forwarded to their home server beside being stored here.

The NAS has its answer when the record is committed here; from then on delivery is our business. Nobody waits for it: a
record waits in memory, is sent again with growing pauses, and is given up, counted, when its home server does not take
it. How many records wait is bounded, and one realm has at most a quarter of the places, so that a dead one cannot take
them all.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from foundation.database_errors import DatabaseUnavailableError
from foundation.privacy import Keyring
from foundation.settings import RoamingSettings
from radius import attributes
from radius.batching import QueueFullError
from radius.errors import RadiusError
from radius.packet import Attribute, Code
from radius.roaming import metrics
from radius.roaming.exchange import TooManyQuestionsError
from radius.roaming.forwarding import (
    has_been_here,
    has_passed_proxies,
    has_too_many_proxies,
    marker_of,
    operator_attribute,
    outward_accounting,
)
from radius.roaming.proxy import in_order
from radius.roaming.race import Race
from radius.roaming.routing import Router
from radius.roaming.table import Realm
from radius.roaming.upstream import Upstream, Upstreams
from radius.service import Request, fault_location

logger = structlog.get_logger(__name__)

_PAUSES_SECONDS: Final = (1.0, 5.0, 20.0, 60.0, 120.0)
_PLACES_OF_A_REALM: Final = 0.25


class AccountingForwarder:
    """Takes records that are stored, and sees to it that their realm gets them; one per process."""

    def __init__(self, router: Router, upstreams: Upstreams, settings: RoamingSettings, keyring: Keyring) -> None:
        self._router = router
        self._upstreams = upstreams
        self._settings = settings
        self._keyring = keyring
        self._operator: tuple[Attribute, ...] = operator_attribute(settings.operator_name)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: Counter[int] = Counter()
        metrics.waiting_limit.set(settings.most_proxied)

    def is_loop(self, request: Request) -> bool:
        """Whether the record comes back to us: it is stored already, and must not be stored as another session's."""
        if not has_passed_proxies(request.packet):
            return False
        found = has_been_here(request.packet, marker_of(self._keyring, request.nas.council_id))
        if found:
            metrics.forwarding_drops.labels("loop").inc()
        return found

    def offer(self, request: Request) -> None:
        """Forward a stored record if it is a guest's; returns at once."""
        user_name = attributes.get_octets(request.packet, "User-Name")
        realm = None if user_name is None else self._router.candidate(request.nas.council_id, user_name)
        if user_name is None or realm is None or not any(server.accounting for server in realm.servers):
            return
        if has_too_many_proxies(request.packet):
            metrics.forwarding_drops.labels("loop").inc()
            return
        most = self._settings.most_proxied
        if len(self._tasks) >= most or self._waiting[realm.id] >= max(1, int(most * _PLACES_OF_A_REALM)):
            metrics.forwarding_drops.labels("too_many_waiting").inc()
            return
        task = asyncio.create_task(self._forward(request, user_name, realm))
        self._tasks.add(task)
        self._waiting[realm.id] += 1
        task.add_done_callback(partial(self._left, realm.id))

    def sample_metrics(self) -> None:
        """Set the gauge."""
        metrics.waiting.set(len(self._tasks))

    async def stop(self, patience_seconds: float) -> None:
        """Let what waits come to its end for so long; what is left is lost to the home servers, and counted."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_seconds)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        metrics.forwarding_drops.labels("stopped").inc(len(left))

    def _left(self, realm_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._waiting[realm_id] -= 1
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # Its text and its values may be personal.
            problem, where = type(error).__name__, fault_location(error)
            logger.error("a record could not be forwarded: a fault of ours", problem=problem, where=where)
            metrics.forwarding_drops.labels("internal_error").inc()

    async def _forward(self, request: Request, user_name: bytes, realm: Realm) -> None:
        try:
            if await self._router.is_ours(request.nas.council_id, user_name):
                return
            is_taken = await self._deliver(request, realm)
        except (DatabaseUnavailableError, OSError, TimeoutError, QueueFullError):
            metrics.forwarding_drops.labels("storage_unavailable").inc()
        except RadiusError:
            metrics.forwarding_drops.labels("does_not_fit_into_a_packet").inc()
        else:
            if is_taken:
                metrics.forwarded.labels(realm.name).inc()
            else:
                metrics.forwarding_drops.labels("no_answer").inc()

    async def _deliver(self, request: Request, realm: Realm) -> bool:
        """Whether a home server has taken it; tried again after pauses, with Acct-Delay-Time as it is by then."""
        marker = marker_of(self._keyring, realm.council_id)

        def build(_authenticator: bytes, _secret: bytes) -> list[Attribute]:
            delay_seconds = int(time.monotonic() - request.arrival.monotonic)
            return outward_accounting(request.packet, self._keyring, delay_seconds, self._operator, marker)

        for pause_seconds in (*_PAUSES_SECONDS, None):
            with Race(Code.ACCOUNTING_REQUEST, build) as race, suppress(TooManyQuestionsError):
                if await race.run(self._choose(realm), self._settings.answer_seconds, 0) is not None:
                    return True
            if pause_seconds is not None:
                await asyncio.sleep(pause_seconds)
        return False

    def _choose(self, realm: Realm) -> list[Upstream]:
        ports = [server.accounting for server in realm.servers if server.accounting is not None]
        return in_order([self._upstreams.at(port) for port in ports])
