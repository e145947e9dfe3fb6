"""Plays sessions through gateways: arrivals in their order, each phone to the network, its records to their end.

Nothing is lost while a service starts again: accounting records are offered until they are answered, and a phone that
met an error of the portal tries once more, as residents do.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp

from citywifi.replay.clock import SimulatedClock
from citywifi.replay.errors import PortalJourneyError, ServiceUnreachableError
from citywifi.replay.gateway import Gateway, Phone, Session
from citywifi.replay.phones import Resident
from citywifi.replay.schedule import PlannedSession, TerminateCause
from citywifi.replay.tally import Tally
from foundation.mac_address import MacAddress

_LONGEST_BACK_OFF_SECONDS = 5.0
OnPlayed = Callable[[PlannedSession], None]


@dataclass(slots=True)
class Runner:
    """Plays days. ``gateways`` by their number in the city; ``on_played`` is told of each session that is over."""

    gateways: Mapping[int, Gateway]
    resident: Resident
    clock: SimulatedClock
    tally: Tally
    on_played: OnPlayed = lambda _session: None
    # Sessions at once when it goes as fast as it can. At a speed the clock spaces them, and so many phones get online
    # at once: a portal that does not keep up makes the city late, and is not buried under phones that try again.
    concurrency: int = 32
    patience_seconds: float = 120.0
    _on_the_way: dict[MacAddress, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _entrance: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._entrance = asyncio.Semaphore(self.concurrency)

    async def play(self, sessions: Iterable[PlannedSession]) -> None:
        """Play one day's sessions, given in the order of arrival. Raises ServiceUnreachableError."""
        slots = asyncio.Semaphore(self.concurrency)
        as_fast_as_it_goes = self.clock.speed is None
        try:
            async with asyncio.TaskGroup() as group:
                for session in sessions:
                    await self.clock.until(session.arrives_at)
                    if as_fast_as_it_goes:
                        await slots.acquire()
                    task = group.create_task(self._play_one(session))
                    if as_fast_as_it_goes:
                        task.add_done_callback(lambda _task: slots.release())
        except* ServiceUnreachableError as errors:
            raise _first(errors) from None

    async def _play_one(self, planned: PlannedSession) -> None:
        gateway = self.gateways[planned.library.number]
        # Somebody who comes twice a day is not there twice at once, however fast the day goes.
        async with self._on_the_way[planned.visitor.device]:
            phone = gateway.connect(planned.visitor.device, clock=lambda: planned.arrives_at)
            async with self._entrance:
                session = await self._get_online(gateway, phone, planned)
            phone.clock = lambda: min(max(planned.arrives_at, self.clock.now()), planned.ends_at)
            await self._stay(gateway, phone, session, planned)
            gateway.disconnect(phone)
        self.on_played(planned)

    async def _get_online(self, gateway: Gateway, phone: Phone, planned: PlannedSession) -> Session:
        """Until the phone is on, whatever happens on the way. Raises ServiceUnreachableError."""
        loop = asyncio.get_running_loop()
        gives_up_at = loop.time() + self.patience_seconds
        back_off_seconds = 0.25
        while True:
            try:
                by_portal = await self.resident.get_online(gateway, phone, planned.visitor)
            except (PortalJourneyError, aiohttp.ClientError, TimeoutError) as error:
                if loop.time() >= gives_up_at:
                    raise ServiceUnreachableError(f"a phone did not get online: {error}") from error
                self.tally.journeys_repeated += 1
                await asyncio.sleep(back_off_seconds)
                back_off_seconds = min(2 * back_off_seconds, _LONGEST_BACK_OFF_SECONDS)
                continue
            if phone.session is not None:
                self.tally.registered += by_portal
                self.tally.remembered += not by_portal
                return phone.session

    async def _stay(self, gateway: Gateway, phone: Phone, session: Session, planned: PlannedSession) -> None:
        """Report in between as the server asked, and the end; an engineer may end it earlier."""
        limits = session.grant.limits
        seconds, cause = planned.seconds, planned.ending
        if 0 < limits.session_timeout_seconds < seconds:
            seconds, cause = limits.session_timeout_seconds, TerminateCause.SESSION_TIMEOUT
        interval = limits.interim_interval_seconds
        for elapsed in range(interval, seconds, interval) if interval else ():
            await self._until(session, planned.arrives_at + timedelta(seconds=elapsed))
            if session.ended.is_set():
                return
            use(session, planned, elapsed)
            await gateway.interim(phone, planned.arrives_at + timedelta(seconds=elapsed))
        ends_at = planned.arrives_at + timedelta(seconds=seconds)
        await self._until(session, ends_at)
        if not session.ended.is_set():
            use(session, planned, seconds)
            await gateway.stop(phone, ends_at, cause)

    async def _until(self, session: Session, moment: datetime) -> None:
        """Wait for a moment of the simulated day, or for the session's end if that comes first."""
        if self.clock.speed is None:
            await self.clock.until(moment)
            return
        waiting = asyncio.ensure_future(self.clock.until(moment))
        ended = asyncio.ensure_future(session.ended.wait())
        try:
            await asyncio.wait((waiting, ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            ended.cancel()


def use(session: Session, planned: PlannedSession, elapsed_seconds: int) -> None:
    """Count what the planned use amounts to after so long, within the bandwidth that was granted."""
    limits = session.grant.limits
    session.seconds = elapsed_seconds
    session.input_octets = _octets(planned.input_octets, planned, elapsed_seconds, limits.upload_bits_per_second)
    session.output_octets = _octets(planned.output_octets, planned, elapsed_seconds, limits.download_bits_per_second)


def _octets(total: int, planned: PlannedSession, elapsed_seconds: int, bits_per_second: int) -> int:
    octets = total * elapsed_seconds // planned.seconds
    return min(octets, bits_per_second * elapsed_seconds // 8) if bits_per_second else octets


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    while isinstance(errors.exceptions[0], BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors.exceptions[0]
