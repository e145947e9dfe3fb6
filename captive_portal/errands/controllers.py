"""The portal calls gateways' controllers: to let a device on or off, patiently, and with what comes of it stored.

A controller that is away, slow or busy is asked again, with longer and longer pauses, as long as the resident waits.
Each has a session of its own in this process, so that it is logged in to once and not for every resident: some allow a
few log-ins a minute and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, TypeVar, cast

import aiohttp
import structlog
from aiohttp import web

from captive_portal import metrics
from captive_portal.arrival import CheckedArrival
from captive_portal.errands.errands import Errand
from captive_portal.errors import ControllerError, ControllerUnavailableError
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    ControllerDriver,
    Failure,
    GatewayDriver,
    Operation,
    Refusal,
    RefusalReason,
    ResolvingDriver,
    ServerCall,
)
from captive_portal.gateways.controller import Controller, TooManyRequestsError
from captive_portal.gateways.gateway import Gateway
from captive_portal.journey import PATIENCE, Event, Journey, State, advance
from captive_portal.storage import journeys, sessions
from captive_portal.storage.sessions import EndedBy, Source, TerminateCause
from foundation.database import Statements
from foundation.mac_address import MacAddress
from foundation.runtime import Runtime

# An arrival waits for no longer until the controller tells a device's address; most phones come more than once.
_RESOLVING_PATIENCE_SECONDS: Final = 5.0
_MOST_RESOLVED: Final = 10_000
_MOST_RESOLVING: Final = 64
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 8.0
# So that the page still shows what came of it before it says that it takes too long.
_MARGIN_SECONDS: Final = 2.0
_MOST_CONNECTIONS: Final = 200
_MOST_CONNECTIONS_TO_ONE: Final = 8
_Result = TypeVar("_Result")
logger = structlog.get_logger(__name__)


class Controllers:
    """The controllers that this process speaks to; ``close`` it at the end."""

    def __init__(self, *, patience_seconds: float = PATIENCE.total_seconds() - _MARGIN_SECONDS) -> None:
        self._patience_seconds = patience_seconds
        self._connector: aiohttp.TCPConnector | None = None
        self._http: list[aiohttp.ClientSession] = []
        self._known: dict[int, tuple[Gateway, Controller]] = {}
        self._resolved: dict[tuple[int, str], MacAddress] = {}
        self._resolving = 0

    def of(self, gateway: Gateway) -> Controller:
        """The gateway's controller; a new one where it was configured anew. Raises ControllerRefusedError."""
        known = self._known.get(gateway.nas_id)
        if known is not None and known[0] == gateway:
            return known[1]
        controller = Controller(self._make_http(), gateway)
        self._known[gateway.nas_id] = gateway, controller
        return controller

    async def close(self) -> None:
        """Give up every connection."""
        for http in self._http:
            await http.close()
        if self._connector is not None:
            await self._connector.close()

    async def carry(self, runtime: Runtime, errand: Errand) -> None:
        """The carrier of ServerCall: do it, and store what came of it."""
        call = cast(ServerCall, errand.action)
        driver = cast(ControllerDriver, DRIVERS[errand.journey.details.driver])
        failure: Failure | None = None
        try:
            await self.insist(lambda: driver.call(self.of(errand.gateway), call, errand.gateway))
        except ControllerError as error:
            failure = Failure.TIMEOUT if isinstance(error, ControllerUnavailableError) else Failure.REJECTED
            logger.warning("a controller did not do it", nas_id=errand.gateway.nas_id, problem=str(error))
        result = "done" if failure is None else failure.value
        metrics.controller_calls.labels(driver.name, call.operation.value, result).inc()
        await _store(runtime, errand.journey, call.operation, failure, driver.capabilities.sends_accounting)

    async def insist(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        """Ask until it is done, is refused, or patience ends. Raises ControllerError."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._patience_seconds, _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await ask()
            except TimeoutError:
                raise ControllerUnavailableError("the controller did not answer in time") from None
            except ControllerUnavailableError as error:
                wanted = error.retry_after_seconds if isinstance(error, TooManyRequestsError) else None
                wait = pause if wanted is None else max(pause, wanted)
                if loop.time() + wait >= deadline:
                    raise
                await asyncio.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def resolve(self, driver: ResolvingDriver, checked: CheckedArrival) -> CheckedArrival | Refusal:
        """An arrival whose device is hidden, with the device's address.

        What is asked for comes from browsers, so only so many wait at a time.
        """
        arrival, gateway = checked.arrival, checked.gateway
        assert isinstance(arrival.device, str)
        key = gateway.nas_id, arrival.device
        found = self._resolved.get(key)
        if found is None:
            found = await self._ask_for_address(driver, arrival.device, gateway)
            if found is None:
                return Refusal(RefusalReason.UNRESOLVED)
            while len(self._resolved) >= _MOST_RESOLVED:
                del self._resolved[next(iter(self._resolved))]
            self._resolved[key] = found
        hand_over = {**arrival.hand_over, "mac": str(found)}
        return replace(checked, arrival=replace(arrival, device=found, hand_over=hand_over))

    async def _ask_for_address(self, driver: ResolvingDriver, hidden: str, gateway: Gateway) -> MacAddress | None:
        if self._resolving >= _MOST_RESOLVING:
            metrics.controller_calls.labels(_name(driver), "resolve", "too-many").inc()
            return None
        self._resolving += 1
        try:
            async with asyncio.timeout(_RESOLVING_PATIENCE_SECONDS):
                found = await self.insist(lambda: driver.resolve(self.of(gateway), hidden, gateway))
        except (ControllerError, TimeoutError) as error:
            logger.warning("a controller did not tell an address", nas_id=gateway.nas_id, problem=str(error))
            metrics.controller_calls.labels(_name(driver), "resolve", "failed").inc()
            return None
        finally:
            self._resolving -= 1
        metrics.controller_calls.labels(_name(driver), "resolve", "done").inc()
        return found

    def _make_http(self) -> aiohttp.ClientSession:
        if self._connector is None:
            self._connector = aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, limit_per_host=_MOST_CONNECTIONS_TO_ONE)
        # Most controllers have an address and no name, whose cookies only an "unsafe" jar keeps.
        jar = aiohttp.CookieJar(unsafe=True)
        http = aiohttp.ClientSession(connector=self._connector, connector_owner=False, cookie_jar=jar)
        self._http.append(http)
        return http


CONTROLLERS: Final = web.AppKey("controllers", Controllers)


def _name(driver: ResolvingDriver) -> str:
    return cast(GatewayDriver, driver).name


async def _store(
    runtime: Runtime, journey: Journey, operation: Operation, failure: Failure | None, sends_accounting: bool
) -> None:
    now = datetime.now(UTC)
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    async with runtime.database.short_write() as connection:
        visit = await journeys.load_visit(
            connection, runtime.keyring, journey.details.path_id, portal_url, now=now, for_update=True
        )
        if visit is None:
            return
        if operation is Operation.REVOKE:
            await _revoked(connection, runtime, visit.journey, failure, now)
        elif failure is not None:
            await _refused(connection, runtime, visit.journey, failure, now)
        elif not sends_accounting:
            await sessions.begin(connection, runtime.keyring, sessions.owner_of(visit.journey, Source.API), now)


async def _refused(connection: Statements, runtime: Runtime, journey: Journey, failure: Failure, now: datetime) -> None:
    """Only a journey that still waits fails; a device that is on stays on."""
    if journey.state is State.WAITING:
        failed = advance(journey, Event.REFUSED, failure=failure)
        await journeys.save(connection, runtime.keyring, failed, now)
        metrics.journeys.labels(failed.state).inc()


async def _revoked(
    connection: Statements, runtime: Runtime, journey: Journey, failure: Failure | None, now: datetime
) -> None:
    """A controller that says no knows the device no more; one that is away may still let it through."""
    if failure is Failure.TIMEOUT or journey.details.device_id is None:
        return
    for session in await sessions.open_of_device(connection, journey.nas_id, journey.details.device_id):
        await sessions.end(connection, session, now, EndedBy.STOP, TerminateCause.USER_REQUEST)
    if journey.state in (State.WAITING, State.ONLINE):
        ended = advance(journey, Event.ENDED)
        await journeys.save(connection, runtime.keyring, ended, now)
        metrics.journeys.labels(ended.state).inc()
