"""The home servers as they are now: one exchange and one judgement of health for each port, and the probes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from radius.errors import RadiusError
from radius.packet import Code, Packet
from radius.roaming import metrics
from radius.roaming.exchange import Connect, Exchange
from radius.roaming.health import Health, State
from radius.roaming.table import Address

logger = structlog.get_logger(__name__)

_TICK_SECONDS: Final = 0.25


class Upstream:
    """One port of a home server, shared by all realms that it serves."""

    def __init__(self, address: Address, exchange: Exchange, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.address = address
        self.exchange = exchange
        self.monotonic = monotonic
        self.health = Health(since=monotonic())
        self.is_retired = False
        self._show()

    def answered(self, asked_at: float) -> None:
        """It answered a request of ``asked_at``."""
        now = self.monotonic()
        metrics.answer_seconds.labels(self.address.name).observe(now - asked_at)
        self.note(self.health.answered(now))

    def unanswered(self, asked_at: float) -> None:
        """It has not answered a request of ``asked_at`` in time."""
        self.note(self.health.unanswered(asked_at, self.monotonic()))

    def note(self, health: Health) -> None:
        """Take over a new judgement; a change of state is logged."""
        before, self.health = self.health.state, health
        if health.state is before:
            return
        level = logger.info if health.state is State.ALIVE else logger.warning
        level("a home server's state has changed", server=self.address.name, state=health.state, before=before)
        if health.state is State.DOWN:
            # Its name may lead elsewhere by now.
            self.exchange.restart()
        self._show()

    async def probe(self, answer_seconds: float) -> bool:
        """Send Status-Server (RFC 5997); whether it was answered."""
        asked_at = self.monotonic()
        self.note(self.health.status_asked(asked_at))
        is_answered = await ask_for_status(self.exchange, answer_seconds) is not None
        now = self.monotonic()
        self.note(self.health.status_answered(now) if is_answered else self.health.status_unanswered(asked_at, now))
        return is_answered

    def retire(self) -> None:
        """It is in no table any more; nobody is to ask it again."""
        self.is_retired = True
        self.exchange.close()
        for state in State:
            metrics.home_server_state.labels(self.address.name, state).set(0)

    def _show(self) -> None:
        for state in State:
            metrics.home_server_state.labels(self.address.name, state).set(int(state is self.health.state))


class Upstreams:
    """All of them; made when they are first needed, retired when no realm has them any more."""

    def __init__(self, connect: Connect, answer_seconds: float, status_seconds: float) -> None:
        self._connect = connect
        self._answer_seconds = answer_seconds
        self._status_seconds = status_seconds
        self._by_address: dict[Address, Upstream] = {}
        self._probes: dict[Upstream, asyncio.Task[bool]] = {}

    def at(self, address: Address) -> Upstream:
        """The one at an address."""
        found = self._by_address.get(address)
        if found is None:
            found = self._by_address[address] = Upstream(address, self._connect(address))
        return found

    async def keep_probing(self, addresses: Callable[[], Iterable[Address]]) -> None:
        """Know the table's servers and no others, and send the probes that are due, for ever."""
        while True:
            self.keep(frozenset(addresses()))
            for upstream in self._by_address.values():
                self._probe_if_due(upstream)
            await asyncio.sleep(_TICK_SECONDS)

    def keep(self, addresses: frozenset[Address]) -> None:
        """Retire those that are at no other address than these, and know these."""
        for address in self._by_address.keys() - addresses:
            self._by_address.pop(address).retire()
        for address in addresses:
            self.at(address)

    async def close(self) -> None:
        """End all exchanges."""
        for probe in self._probes.values():
            probe.cancel()
        await asyncio.gather(*self._probes.values(), return_exceptions=True)
        self.keep(frozenset())

    def _probe_if_due(self, upstream: Upstream) -> None:
        now = upstream.monotonic()
        upstream.note(upstream.health.after_waiting(now))
        if upstream in self._probes or not upstream.health.status_is_due(now, self._status_seconds):
            return
        probe = asyncio.create_task(upstream.probe(self._answer_seconds))
        self._probes[upstream] = probe
        probe.add_done_callback(lambda _: self._probes.pop(upstream, None))


async def ask_for_status(exchange: Exchange, answer_seconds: float) -> Packet | None:
    """What a server answers to Status-Server, None where it does not in time."""
    try:
        question = await exchange.ask(Code.STATUS_SERVER, lambda _: ())
    except (OSError, RadiusError):
        return None
    try:
        async with asyncio.timeout(answer_seconds):
            return await question.answer
    except (OSError, TimeoutError):
        return None
    finally:
        question.close()
