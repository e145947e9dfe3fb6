"""Equipment that RADIUS decides for is made to ask about a device anew (RFC 5176), when what may be has changed.

The device's right is committed before the equipment is asked, because its Access-Request comes at once. A yes to
CoA-Request is no proof yet: equipment may have a kept answer (hostapd, for 30 seconds) or forget to ask. So what
RADIUS was asked is looked at, and the device is put off by Disconnect-Request where nothing came; then it joins anew.
The proof is the new accounting session, as for all equipment that sends accounting.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

import structlog

from captive_portal import metrics
from captive_portal.errands.errands import Errand
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import Capabilities, Failure, Operation, Reauthentication
from captive_portal.journey import Event, Journey, State, advance
from captive_portal.release import find_proof
from captive_portal.storage import admissions, journeys
from foundation.mac_address import MacAddress
from foundation.runtime import Runtime
from radius.dynamic_authorization import (
    DeviceAtEquipment,
    Outcome,
    Result,
    ask_again,
    disconnect_device,
    disconnect_session,
)

logger = structlog.get_logger(__name__)

_LOOK_AGAIN_SECONDS: Final = 0.2
_AFTER_REFUSAL_SECONDS: Final = 1.0
# RFC 5176 section 3.5: the equipment knows no such session. Who is not there needs not be put off.
_SESSION_NOT_FOUND: Final = 503
_DONE: Final = frozenset({Result.CHANGED, Result.DISCONNECTED})
_ANSWERED: Final = _DONE | {Result.REFUSED}
_NO_SESSION: Final = Outcome(Result.NO_SUCH_SESSION, "accounting tells of no session")
_NOT_KNOWN: Final = frozenset({Result.NO_SUCH_SESSION, Result.ALREADY_ENDED, Result.NOT_NAMEABLE})
_NO_ANSWER: Final = frozenset({Result.NO_ANSWER, Result.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Reauthenticator:
    """The carrier of Reauthentication."""

    # For an Access-Request after each time that the equipment said yes: to be asked, to ask, and once its own memory of
    # the last answer is over (hostapd's RADIUS_ACL_TIMEOUT).
    waits_seconds: tuple[float, ...] = (5.0, 30.0, 5.0)
    # Until every RADIUS process knows of a change of the directory (foundation.changes).
    told_after_seconds: float = 0.5

    async def carry(self, runtime: Runtime, errand: Errand) -> None:
        """Do it, and store what came of it."""
        if cast(Reauthentication, errand.action).operation is Operation.GRANT:
            await self._grant(runtime, errand)
        else:
            await self._revoke(runtime, errand)

    async def _grant(self, runtime: Runtime, errand: Errand) -> None:
        if _capabilities(errand).asks_by_itself:
            return
        device, since = _device(errand), datetime.now(UTC)
        outcome = await ask_again(runtime.database, runtime.keyring, device)
        for wait_seconds in self.waits_seconds:
            if outcome.result not in _ANSWERED:
                break
            # One that refuses may just have lost the device, which comes back by itself.
            is_done = outcome.result is not Result.REFUSED
            patience_seconds = wait_seconds if is_done else min(wait_seconds, _AFTER_REFUSAL_SECONDS)
            if await _is_let_on(runtime, errand, device, since, patience_seconds):
                return
            # From here on by the way that leaves the equipment no choice.
            outcome = await disconnect_device(runtime.database, runtime.keyring, device)
        _tell(errand, outcome)
        # Who is not there any more is let on on coming back; the page waits, and then says what to do.
        if outcome.result not in _DONE and outcome.error_cause != _SESSION_NOT_FOUND:
            failure = Failure.TIMEOUT if outcome.result in _NO_ANSWER else Failure.OTHER
            await _store(runtime, errand.journey, Event.REFUSED, (State.WAITING,), failure)

    async def _revoke(self, runtime: Runtime, errand: Errand) -> None:
        device_id = errand.journey.details.device_id
        if device_id is None:
            return
        capabilities = _capabilities(errand)
        is_by_address = capabilities.needs_address_only
        async with runtime.database.short_write() as connection:
            session_id = await admissions.open_session_id(connection, errand.gateway.nas_id, device_id)
            if is_by_address:
                await admissions.put_off(connection, device_id)
        if capabilities.asks_by_itself:
            if await _is_off(runtime, errand.gateway.nas_id, device_id, self.waits_seconds[0]):
                await _store(runtime, errand.journey, Event.ENDED, (State.WAITING, State.ONLINE))
            return
        if is_by_address:
            # It would be let on again at once by who does not know yet.
            await asyncio.sleep(self.told_after_seconds)
        outcome = _NO_SESSION
        if session_id is not None:
            outcome = await disconnect_session(runtime.database, runtime.keyring, session_id)
        if outcome.result in _NOT_KNOWN:
            outcome = await disconnect_device(runtime.database, runtime.keyring, _device(errand))
        if outcome.result in _DONE or outcome.error_cause == _SESSION_NOT_FOUND:
            await _store(runtime, errand.journey, Event.ENDED, (State.WAITING, State.ONLINE))
        else:
            _tell(errand, outcome)


def _capabilities(errand: Errand) -> Capabilities:
    return DRIVERS[errand.journey.details.driver].capabilities


def _device(errand: Errand) -> DeviceAtEquipment:
    assert isinstance(errand.action, Reauthentication)
    handed = errand.action.hand_over
    return DeviceAtEquipment(errand.gateway.nas_id, MacAddress.parse(handed["mac"]), handed.get("session"))


async def _is_let_on(
    runtime: Runtime, errand: Errand, device: DeviceAtEquipment, since: datetime, wait_seconds: float
) -> bool:
    """Whether RADIUS let the device on since then, by its log or its accounting."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    council_id = errand.gateway.council_id
    while True:
        async with runtime.database.short_read() as connection:
            if await find_proof(connection, errand.journey) is not None or await admissions.was_let_on(
                connection, runtime.keyring, council_id, device.nas_id, device.device, since
            ):
                return True
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _is_off(runtime: Runtime, nas_id: int, device_id: int, wait_seconds: float) -> bool:
    """Whether the gateway came and told that the device is off, within so long."""
    for _ in range(max(1, round(wait_seconds / _LOOK_AGAIN_SECONDS))):
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        async with runtime.database.short_read() as connection:
            if await admissions.open_session_id(connection, nas_id, device_id) is None:
                return True
    return False


async def _store(
    runtime: Runtime, journey: Journey, event: Event, in_states: tuple[State, ...], failure: Failure | None = None
) -> None:
    """The journey goes on where it is still in one of these states."""
    now, keyring = datetime.now(UTC), runtime.keyring
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    async with runtime.database.short_write() as connection:
        visit = await journeys.load_visit(
            connection, keyring, journey.details.path_id, portal_url, now=now, for_update=True
        )
        if visit is None or visit.journey.state not in in_states:
            return
        after = advance(visit.journey, event, failure=failure)
        await journeys.save(connection, keyring, after, now)
    metrics.journeys.labels(after.state).inc()


def _tell(errand: Errand, outcome: Outcome) -> None:
    """What went wrong, for an engineer."""
    logger.warning(
        "equipment did not ask about a device anew",
        nas_id=errand.gateway.nas_id,
        result=outcome.result.value,
        explanation=outcome.explanation,
        error_cause=outcome.error_cause,
    )
