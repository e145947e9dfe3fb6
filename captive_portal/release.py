"""Sending the device on: to its gateway with a one-time password, and finding the proof that it is online."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from captive_portal import capport, metrics, one_time_tokens
from captive_portal.gateway_sessions.limits import limits_for
from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import (
    AccessLimits,
    Action,
    BrowserRedirect,
    Failure,
    Pass,
    Reauthentication,
    ServerCall,
)
from captive_portal.gateways.gateway import Gateway
from captive_portal.journey import Event, Journey, State, advance, is_patient, needs_new_hand_over
from captive_portal.storage import admissions, captivity, passes
from captive_portal.storage.journeys import Visit, lifetime
from captive_portal.way_back import return_page
from foundation.database import Statements
from foundation.runtime import Runtime

# A call that goes on in another process of the portal is not begun a second time before.
_LET_CALLS_GO_ON: Final = timedelta(seconds=6)


async def send_to_gateway(
    connection: Statements, runtime: Runtime, journey: Journey, gateway: Gateway, now: datetime
) -> tuple[Journey, Action]:
    """Release a registered journey, or fetch a fresh hand-over first where the old one is of no use."""
    driver = DRIVERS[journey.details.driver]
    is_stale = needs_new_hand_over(journey, driver.capabilities.hand_over_lifetime_seconds, now)
    journey = advance(journey, Event.MAY_RELEASE)
    if is_stale:
        metrics.releases.labels(driver.name, "renew").inc()
        action = driver.renew(journey.details.hand_over, gateway)
        return replace(journey, details=replace(journey.details, renewing=True)), action
    limits = await _limits(connection, runtime, journey, now)
    if limits is None:
        failed = advance(journey, Event.REFUSED, failure=Failure.REJECTED)
        return failed, BrowserRedirect(failed.current_path())
    user_name = await one_time_tokens.token_for(connection, journey, runtime.settings.portal, now)
    released = advance(
        journey,
        Event.SENT_TO_GATEWAY,
        user_name=user_name,
        released_at=now,
        session_until=journey.details.access_until,
        waiting_since=now,
        already_online=False,
        renewing=False,
        let_on_by_staff=False,
        failure=None,
    )
    metrics.releases.labels(driver.name, "log-on").inc()
    action = driver.release(_pass(runtime, released, user_name, limits), gateway)
    if isinstance(action, Reauthentication):
        await _let_on(connection, runtime, released, limits, now)
    return released, action


async def call_again(
    connection: Statements, runtime: Runtime, journey: Journey, gateway: Gateway, now: datetime
) -> ServerCall | None:
    """The call that a journey waits for, if it has waited so long that whoever was at it may have died."""
    since, user_name = journey.details.waiting_since, journey.details.user_name
    if journey.state is not State.WAITING or user_name is None or since is None or not is_patient(journey, now):
        return None
    if not journey.is_registered or now - since < _LET_CALLS_GO_ON:
        return None
    limits = await _limits(connection, runtime, journey, now)
    if limits is None:
        return None
    action = DRIVERS[journey.details.driver].release(_pass(runtime, journey, user_name, limits), gateway)
    return action if isinstance(action, ServerCall) else None


async def keep_on(connection: Statements, runtime: Runtime, journey: Journey, now: datetime) -> AccessLimits | None:
    """What a device that is on may have from now on, after its right to be on has changed; None where it may not."""
    limits = await limits_for(connection, runtime, journey, now)
    if not isinstance(limits, AccessLimits):
        return None
    if DRIVERS[journey.details.driver].capabilities.needs_address_only:
        await _let_on(connection, runtime, journey, limits, now)
    return limits


def _pass(runtime: Runtime, journey: Journey, user_name: str, limits: AccessLimits) -> Pass:
    public_url = runtime.settings.portal.public_url.rstrip("/")
    return Pass(
        user_name=user_name,
        password=runtime.keyring.one_time_password(user_name),
        hand_over=journey.details.hand_over,
        return_url=f"{public_url}{journey.path(return_page(runtime.keyring, journey, user_name))}",
        limits=limits,
    )


async def _limits(connection: Statements, runtime: Runtime, journey: Journey, now: datetime) -> AccessLimits | None:
    """What the gateway is to be told, where RADIUS does not tell it; None where the device may not go on now."""
    capabilities = DRIVERS[journey.details.driver].capabilities
    if capabilities.sends_accounting and not capabilities.needs_address_only:
        return AccessLimits()
    found = await limits_for(connection, runtime, journey, now)
    return found if isinstance(found, AccessLimits) else None


async def _let_on(
    connection: Statements, runtime: Runtime, journey: Journey, limits: AccessLimits, now: datetime
) -> None:
    """RADIUS will be asked about the device: it may go on for a session, or as long as it is to be remembered."""
    assert journey.details.device_id is not None
    until = now + timedelta(seconds=limits.seconds or runtime.settings.radius.session_timeout_seconds)
    if journey.details.remember:
        until = max(until, now + timedelta(days=runtime.settings.portal.remembered_device_days))
    await admissions.let_on(connection, journey.details.device_id, until)


async def find_proof(connection: Statements, journey: Journey) -> passes.Session | None:
    """The accounting session that shows whether the device is, or was, online since its release."""
    details = journey.details
    if details.device_id is None:
        return None
    since = None if details.already_online else details.released_at
    # Where RADIUS decides on the device's address, no one-time name tells which of its sessions it is.
    by_address = DRIVERS[details.driver].capabilities.needs_address_only
    return await passes.find_session(
        connection,
        nas_id=journey.nas_id,
        device_id=details.device_id,
        user_name=details.user_name,
        since=since,
        heard_since=since if by_address else None,
    )


def judge(journey: Journey, session: passes.Session | None, runtime: Runtime, now: datetime) -> Journey:
    """What the proof, or its absence, does to a journey that waits or is online."""
    if session is None:
        return journey
    if session.stopped_at is not None:
        return advance(journey, Event.ENDED)
    if journey.state is not State.WAITING:
        return journey
    settings = runtime.settings
    seconds = settings.radius.session_timeout_seconds + settings.portal.journey_lifetime_seconds
    # The status page must live as long as the session can.
    return replace(advance(journey, Event.PROVEN), expires_at=lifetime(seconds, now))


async def standing_of(
    connection: Statements, runtime: Runtime, visit: Visit, now: datetime
) -> capport.OpenSession | None:
    """The session that the journey's device is on by, with what is left of it.

    It ends at the latest when its release said, whatever was verified since, unless the equipment was told otherwise.
    """
    journey = visit.journey
    session = await captivity.open_session(connection, runtime, visit.gateway, journey.mac_pseudonym, now)
    if session is None:
        return None
    ends = [moment for moment in (session.access_until, journey.details.session_until) if moment is not None]
    return replace(session, access_until=min(ends, default=None))
