"""One run of the replay: its gateways come up, days are played, the database is compared, the gateways go down."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from errno import EADDRINUSE

import aiohttp

from citywifi.demo_city import load_demo_city
from citywifi.replay.accounting import Status
from citywifi.replay.clock import SimulatedClock
from citywifi.replay.demo import choose_libraries, city_of, gateway_settings
from citywifi.replay.errors import ServiceUnreachableError
from citywifi.replay.gateway import Gateway, wall_clock
from citywifi.replay.gateway_coa import DynamicAuthorizationPort
from citywifi.replay.gateway_http import HttpFront
from citywifi.replay.gateway_radius import RadiusClient, Retransmission
from citywifi.replay.outbox import Outbox
from citywifi.replay.phones import Resident
from citywifi.replay.runner import OnPlayed, Runner
from citywifi.replay.schedule import City, PlannedSession, day_sessions
from citywifi.replay.tally import SessionFigures, Tally, differences, stored_sessions
from foundation.database import Database
from foundation.garbage import collected_seldom
from foundation.settings import Settings
from radius.packet import Code

_AROUND_OPENING = timedelta(seconds=60)
_FAREWELL_SECONDS = 2.0
_HTTP_TIMEOUT_SECONDS = 30
_PROBE = Retransmission(first_timeout_seconds=1.0, longest_timeout_seconds=1.0, attempts=3)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played. ``speed`` in simulated seconds a real second, None as fast as it goes."""

    days: tuple[date, ...]
    seed: int = 1
    speed: float | None = None
    libraries: Sequence[str] = ()
    # At most so many sessions of each day; 0 is no limit.
    limit: int = 0
    concurrency: int = 32


@dataclass(frozen=True, slots=True)
class Report:
    """What was played, and what the database holds of it."""

    played: dict[str, SessionFigures]
    stored: dict[str, SessionFigures]

    @property
    def differences(self) -> tuple[str, ...]:
        """Empty when the database holds exactly what was played."""
        return differences(self.played, self.stored)


def sessions_of(city: City, plan: Plan, day: date) -> tuple[PlannedSession, ...]:
    """The day's sessions that the plan wants. Raises ReplayError."""
    chosen = choose_libraries(city, plan.libraries)
    sessions = [session for session in day_sessions(city, day, plan.seed) if session.library.number in chosen]
    return tuple(sessions[: plan.limit] if plan.limit else sessions)


def days_until(last: date, count: int) -> tuple[date, ...]:
    """So many days, the last of them given."""
    return tuple(last - timedelta(days=back) for back in reversed(range(count)))


class Replay:
    """A run. Its name begins every Acct-Session-Id, so that the database can be asked for it."""

    def __init__(self, settings: Settings, plan: Plan, tally: Tally) -> None:
        demo = load_demo_city()
        self.run = f"r{secrets.token_hex(4)}"
        self.clock = SimulatedClock(plan.speed)
        self.tally = tally
        self._settings = settings
        self._plan = plan
        self._city = city_of(demo)
        self.days = {day: sessions_of(self._city, plan, day) for day in plan.days}
        self._gateways = {
            configured.number: Gateway(configured, run=self.run, on_answered=tally.answered)
            for configured in gateway_settings(demo, settings)
        }

    @property
    def sessions(self) -> int:
        """How many sessions will be played."""
        return sum(len(sessions) for sessions in self.days.values())

    @asynccontextmanager
    async def gateways_up(self, *, with_fronts: bool) -> AsyncIterator[None]:
        """Gateways that have reported Accounting-On, and report Accounting-Off at the end; with fronts for browsers.

        Gateways that a running demo has up already neither start nor stop with us. Raises ServiceUnreachableError for
        an address that cannot be bound.
        """
        used = {session.library.number for sessions in self.days.values() for session in sessions}
        chosen = [gateway for number, gateway in self._gateways.items() if with_fronts or number in used]
        async with AsyncExitStack() as stack:
            try:
                for gateway in chosen:
                    await gateway.open()
                    stack.callback(gateway.close)
                    port = DynamicAuthorizationPort(gateway)
                    if await _is_ours(port, needed=with_fronts):
                        await gateway.report_restart(Status.ON, self._first_moment)
                        stack.push_async_callback(self._report_off, gateway, until_now=with_fronts)
                        stack.push_async_callback(port.close)
                    if with_fronts:
                        front = HttpFront(gateway)
                        await front.open()
                        stack.push_async_callback(front.close)
            except OSError as error:
                raise ServiceUnreachableError(
                    f"a simulated gateway cannot listen ({error.strerror}); is `citywifi serve --demo` running, or"
                    " another replay with --keep-gateways? Stop it, or leave the option out"
                ) from error
            yield

    async def check_services(self) -> None:
        """Ask each service for a sign of life. Raises ServiceUnreachableError."""
        configured = next(iter(self._gateways.values())).settings
        for server in (configured.authentication_server, configured.accounting_server):
            client = RadiusClient(configured.address, server, configured.radius_secret, _PROBE)
            await client.open()
            try:
                await client.request(Code.STATUS_SERVER, lambda _authenticator: ())
            finally:
                client.close()
        await self._check_portal()

    async def play(self, on_played: OnPlayed) -> Report:
        """Play every day in its order, then compare. Raises ServiceUnreachableError."""
        timeout = aiohttp.ClientTimeout(total=_HTTP_TIMEOUT_SECONDS)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout
        ) as http:
            resident = Resident(http, Outbox(self._settings.outbox_directory))
            runner = Runner(
                self._gateways, resident, self.clock, self.tally, on_played, concurrency=self._plan.concurrency
            )
            with collected_seldom():
                for sessions in self.days.values():
                    if sessions:
                        self.clock.begin(sessions[0].arrives_at)
                        await runner.play(sessions)
        return await self._compare()

    @property
    def _first_moment(self) -> datetime:
        arrivals = (session.arrives_at for sessions in self.days.values() for session in sessions)
        return min(arrivals) - _AROUND_OPENING

    @property
    def _last_moment(self) -> datetime:
        ends = (session.ends_at for sessions in self.days.values() for session in sessions)
        return max(ends) + _AROUND_OPENING

    async def _report_off(self, gateway: Gateway, *, until_now: bool) -> None:
        """Best effort: the services may be stopping as well."""
        with suppress(ServiceUnreachableError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await gateway.report_restart(Status.OFF, wall_clock() if until_now else self._last_moment)

    async def _check_portal(self) -> None:
        address = self._settings.portal.public_url
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as http, http.get(address, allow_redirects=False):
                return
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceUnreachableError(
                f"the portal at {address} does not answer; start it with `citywifi serve --demo`"
            ) from error

    async def _compare(self) -> Report:
        """What the database holds; an answer means that it is there already."""
        database = Database(self._settings.resolved_database_url, pool_size=1)
        try:
            return Report(self.tally.sessions, await stored_sessions(database, self.run))
        finally:
            await database.close()


async def _is_ours(port: DynamicAuthorizationPort, *, needed: bool) -> bool:
    """Open a gateway's dynamic-authorisation port; False where a running demo has it and we can do without."""
    try:
        await port.open()
    except OSError as error:
        if needed or error.errno != EADDRINUSE:
            raise
        return False
    return True
