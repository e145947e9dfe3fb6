"""A gateway's redirect becomes a journey: a new one, or the one that the device is already on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal import metrics, registration
from captive_portal.gateways.base import (
    Arrival,
    Clue,
    Gateway,
    GatewayDriver,
    Redirect,
    Refusal,
    RefusalReason,
)
from captive_portal.journey import Details, Journey, State, meet
from captive_portal.languages import choose_language
from captive_portal.storage import equipment, journeys, residents
from captive_portal.storage.journeys import lifetime
from foundation.runtime import Runtime

PATH_ID_OCTETS: Final = 18


@dataclass(frozen=True, slots=True)
class CheckedArrival:
    """A redirect that was believed."""

    arrival: Arrival
    gateway: Gateway
    clue: Clue


async def check(
    connection: AsyncConnection, runtime: Runtime, driver: GatewayDriver, raw_query: str
) -> CheckedArrival | Refusal:
    """Find the gateway that a redirect says it comes from, and check the redirect against it."""
    redirect = Redirect.read(raw_query)
    if isinstance(redirect, Refusal):
        return redirect
    clue = driver.identify(redirect)
    if isinstance(clue, Refusal):
        return clue
    address = f"{runtime.settings.portal.public_url.rstrip('/')}/arrive/{driver.name}"
    found = await equipment.find_gateways(connection, runtime.keyring, driver.name, clue, address)
    refusal = Refusal(RefusalReason.UNKNOWN_GATEWAY)
    # Two councils may call their gateways alike; the seal and the address tell which one it is.
    for gateway in found:
        arrival = driver.parse(redirect, gateway)
        if isinstance(arrival, Arrival):
            return CheckedArrival(arrival, gateway, clue)
        refusal = arrival
    return refusal


async def begin_or_continue(
    connection: AsyncConnection,
    runtime: Runtime,
    checked: CheckedArrival,
    driver: GatewayDriver,
    accept_language: str,
    now: datetime,
) -> Journey:
    """The device's journey after this arrival, stored."""
    gateway, arrival = checked.gateway, checked.arrival
    mac_pseudonym = runtime.keyring.device_pseudonym(gateway.council_id, arrival.device)
    texts = await residents.current_terms(connection, gateway.council_id)
    journey = await journeys.load_open(connection, runtime.keyring, gateway.nas_id, mac_pseudonym, now=now)
    is_new = journey is None
    if journey is None:
        journey = Journey(
            id=0,
            council_id=gateway.council_id,
            nas_id=gateway.nas_id,
            venue_id=await equipment.venue_of(connection, gateway, checked.clue),
            mac_pseudonym=mac_pseudonym,
            resident_id=None,
            state=State.CHOOSE,
            language=choose_language(arrival.language, accept_language=accept_language),
            details=Details(
                path_id=secrets.token_urlsafe(PATH_ID_OCTETS),
                driver=driver.name,
                randomised=arrival.device.is_locally_administered,
            ),
            expires_at=now,
        )
    state_before = None if is_new else journey.state
    journey, may_release = await registration.known_device(connection, journey, texts)
    journey = meet(journey, arrival, may_release=may_release, now=now)
    if journey.state is not state_before:
        metrics.journeys.labels(journey.state).inc()
    least = lifetime(runtime.settings.portal.journey_lifetime_seconds, now)
    journey = replace(journey, expires_at=max(journey.expires_at, least))
    if is_new:
        return replace(journey, id=await journeys.insert(connection, runtime.keyring, journey, now))
    await journeys.save(connection, runtime.keyring, journey, now)
    return journey
