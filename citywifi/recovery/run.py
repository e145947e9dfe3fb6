"""A storm from beginning to end: rows in, the storm, a comparison with the database, rows out."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Final

from citywifi.recovery import city as rows
from citywifi.recovery.city import City
from citywifi.recovery.errors import SimulationError
from citywifi.recovery.nas_port import Timing
from citywifi.recovery.plan import Plan, address_of
from citywifi.recovery.report import Report, report
from citywifi.recovery.storm import Storm, opened
from citywifi.replay.errors import ServiceUnreachableError
from citywifi.replay.gateway_radius import RadiusClient, Retransmission
from citywifi.replay.tally import SessionFigures, differences, stored_sessions
from foundation.garbage import collected_seldom
from foundation.runtime import Runtime
from foundation.settings import RadiusSettings
from radius.packet import Code
from radius.polled import POLL_SECONDS

Watch = Callable[[Storm], AbstractContextManager[object]]
"""What looks on while a storm is played, such as a progress bar."""

_PROBE: Final = Retransmission(first_timeout_seconds=0.5, longest_timeout_seconds=0.5, attempts=20)
_OTHER_SOCKETS: Final = 100
_DELIVERED_WITHIN_SECONDS: Final = 120.0
# Workers read equipment each at its own time.
_ALL_WORKERS_SECONDS: Final = POLL_SECONDS + 0.5


async def play(
    runtime: Runtime,
    plan: Plan,
    *,
    keep: bool = False,
    watch: Watch = lambda _: nullcontext(),
    tell: Callable[[str], None] = lambda _: None,
    timing: Timing | None = None,
) -> Report:
    """Play a storm against the services of an installation, which must run. ``keep`` leaves its rows.

    Raises SimulationError or ServiceUnreachableError.
    """
    raise_socket_limit(2 * plan.access_points + _OTHER_SOCKETS)
    radius = runtime.settings.radius
    authentication, accounting = servers(radius)
    async with _simulated(runtime, plan, keep=keep, tell=tell) as city:
        await _until_known(plan, city.secret, (authentication, accounting))
        run = f"storm{secrets.token_hex(4)}"
        with opened(plan, city, run, authentication, accounting, timing) as storm, watch(storm):
            used = time.process_time()
            with collected_seldom():
                await storm.play()
                used = time.process_time() - used
        found, seconds = await _compare(runtime, storm)
        return report(storm, found, seconds, used)


async def _compare(runtime: Runtime, storm: Storm) -> tuple[tuple[str, ...], float]:
    """Where confirmed records and the database differ, and how long that took to become nothing.

    What went to a journal is confirmed, and reaches the database a while later.
    """
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    while True:
        # The question itself takes seconds where there are 30,000 answers.
        elapsed_seconds = loop.time() - began_at
        stored = await stored_sessions(runtime.database, storm.run)
        found = differences(storm.tally.sessions, without_unconfirmed(storm, stored))
        if not found or elapsed_seconds > _DELIVERED_WITHIN_SECONDS:
            return found, elapsed_seconds
        await asyncio.sleep(1)


def without_unconfirmed(storm: Storm, stored: dict[str, SessionFigures]) -> dict[str, SessionFigures]:
    """What was reported and not confirmed may be stored or not; so only what was confirmed is compared."""
    unconfirmed = {person.acct_session_id for person in storm.people} - storm.tally.sessions.keys()
    return {name: figures for name, figures in stored.items() if name not in unconfirmed}


def servers(settings: RadiusSettings) -> tuple[tuple[str, int], tuple[str, int]]:
    """Where the two ports are reached from this machine. Raises SimulationError for IPv6, which loopback has one of."""
    address = ipaddress.ip_address(settings.host)
    if address.is_unspecified:
        address = ipaddress.IPv4Address("127.0.0.1")
    if address.version != 4:
        raise SimulationError(f"radius.host is {address}; the storm needs an IPv4 address for each access point")
    return (str(address), settings.authentication_port), (str(address), settings.accounting_port)


def raise_socket_limit(wanted: int) -> None:
    """Let this process open so many sockets. Raises SimulationError where the system does not let it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise SimulationError(f"the storm needs {wanted} sockets, and this process may open {hard} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@asynccontextmanager
async def _simulated(runtime: Runtime, plan: Plan, *, keep: bool, tell: Callable[[str], None]) -> AsyncIterator[City]:
    """The simulated council's rows while the block runs; those of an earlier storm go first."""
    await rows.remove(runtime.database)
    tell(f"Writing {plan.access_points:,} access points and {plan.devices:,} residents …")
    lifetime_seconds = plan.within_seconds + runtime.settings.portal.one_time_password_lifetime_seconds
    try:
        yield await rows.build(runtime.database, runtime.keyring, plan, timedelta(seconds=lifetime_seconds))
    finally:
        if not keep:
            tell("Taking them away again …")
            await rows.remove(runtime.database)


async def _until_known(plan: Plan, secret: bytes, ports: tuple[tuple[str, int], ...]) -> None:
    """Return when the server knows the access points. Raises ServiceUnreachableError."""
    for server in ports:
        probe = RadiusClient(address_of(plan, plan.access_points - 1), server, secret, _PROBE)
        try:
            await probe.open()
            await probe.request(Code.STATUS_SERVER, lambda _: ())
        except OSError as error:
            raise ServiceUnreachableError(f"RADIUS cannot be asked from {probe.source}: {error.strerror}") from None
        finally:
            probe.close()
    await asyncio.sleep(_ALL_WORKERS_SECONDS)
