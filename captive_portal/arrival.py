"""A gateway's redirect becomes a journey: a new one, or the one that the device is already on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from captive_portal import metrics, registration
from captive_portal.gateways.base import Arrival, Clue, GatewayDriver, NamingDriver, Redirect, Refusal, RefusalReason
from captive_portal.gateways.gateway import Gateway
from captive_portal.journey import Details, Journey, State, meet
from captive_portal.languages import choose_language
from captive_portal.storage import equipment, journeys, passes
from captive_portal.storage.journeys import lifetime
from foundation.database import Statements
from foundation.runtime import Runtime

PATH_ID_OCTETS: Final = 18


@dataclass(frozen=True, slots=True)
class CheckedArrival:
    """A redirect that was believed."""

    arrival: Arrival
    gateway: Gateway
    clue: Clue


async def check(
    connection: Statements, runtime: Runtime, driver: GatewayDriver, raw_query: str, arrival_key: str | None = None
) -> CheckedArrival | Refusal:
    """Find the gateway that a redirect says it comes from, and check the redirect against it."""
    redirect = Redirect.read(raw_query, arrival_key)
    if isinstance(redirect, Refusal):
        return redirect
    clue = driver.identify(redirect)
    if isinstance(clue, Refusal):
        return clue
    portal_url = runtime.settings.portal.public_url.rstrip("/")
    found = await equipment.find_gateways(connection, runtime.keyring, driver.name, clue, portal_url, arrival_key)
    parsed = [(gateway, driver.parse(redirect, gateway)) for gateway in found]
    # Two councils may call their gateways alike; the seal and the address tell which one it is.
    fitting = [CheckedArrival(arrival, gateway, clue) for gateway, arrival in parsed if isinstance(arrival, Arrival)]
    if len(fitting) > 1 and clue.access_point is not None:
        numbers = await equipment.gateways_of_access_point(connection, driver.name, clue.access_point)
        fitting = [each for each in fitting if each.gateway.nas_id in numbers] or fitting
    if len(fitting) == 1:
        return fitting[0]
    refusals = [arrival for _, arrival in parsed if isinstance(arrival, Refusal)]
    # Where nothing tells, nobody is sent to the wrong one's terms.
    return Refusal(RefusalReason.UNKNOWN_GATEWAY) if fitting or not refusals else refusals[-1]


async def find_named(
    connection: Statements, runtime: Runtime, driver: GatewayDriver, raw_query: str, now: datetime
) -> Journey | None:
    """The journey of a browser that comes back from its gateway with the one-time name of a release."""
    redirect = Redirect.read(raw_query)
    if isinstance(redirect, Refusal) or not isinstance(driver, NamingDriver):
        return None
    user_name = driver.named(redirect)
    place = await passes.token_place(connection, user_name) if user_name else None
    if place is None:
        return None
    nas_id, device = place
    return await journeys.load_open(connection, runtime.keyring, nas_id, device, now=now)


@dataclass(frozen=True, slots=True)
class Meeting:
    """The device's journey before (None where it begins) and after an arrival."""

    before: Journey | None
    after: Journey

    @property
    def changes_nothing(self) -> bool:
        """A probe, a reload or the gateway's word: nothing has to be written."""
        return self.before == self.after


async def meet_device(
    connection: Statements,
    runtime: Runtime,
    checked: CheckedArrival,
    driver: GatewayDriver,
    accept_language: str,
    now: datetime,
) -> Meeting:
    """What an arrival does to its device's journey, which may begin with it; nothing is stored."""
    gateway, arrival = checked.gateway, checked.arrival
    before = await _open_journey(connection, runtime, checked, now)
    journey = before or Journey(
        id=0,
        council_id=gateway.council_id,
        nas_id=gateway.nas_id,
        venue_id=await equipment.venue_of(connection, gateway, checked.clue),
        mac_pseudonym=_device_pseudonym(runtime, checked),
        resident_id=None,
        state=State.CHOOSE,
        language=choose_language(arrival.language, accept_language=accept_language),
        details=Details(
            path_id=secrets.token_urlsafe(PATH_ID_OCTETS),
            driver=driver.name,
            randomised=isinstance(arrival.device, str) or arrival.device.is_locally_administered,
            address=None if isinstance(arrival.device, str) else str(arrival.device),
        ),
        expires_at=now,
    )
    return await _meet(connection, runtime, arrival, before, journey, now)


async def meet_again(
    connection: Statements, runtime: Runtime, checked: CheckedArrival, now: datetime
) -> Meeting | None:
    """As ``meet_device`` for a device whose journey is under way; None where it is yet to begin."""
    before = await _open_journey(connection, runtime, checked, now)
    return None if before is None else await _meet(connection, runtime, checked.arrival, before, before, now)


def _device_pseudonym(runtime: Runtime, checked: CheckedArrival) -> bytes:
    council_id, device = checked.gateway.council_id, checked.arrival.device
    if isinstance(device, str):
        return runtime.keyring.pseudonym("device of a visit", council_id, device.encode())
    return runtime.keyring.device_pseudonym(council_id, device)


async def _open_journey(
    connection: Statements, runtime: Runtime, checked: CheckedArrival, now: datetime
) -> Journey | None:
    device = _device_pseudonym(runtime, checked)
    return await journeys.load_open(connection, runtime.keyring, checked.gateway.nas_id, device, now=now)


async def _meet(
    connection: Statements, runtime: Runtime, arrival: Arrival, before: Journey | None, journey: Journey, now: datetime
) -> Meeting:
    journey, may_release = await registration.known_device(connection, journey, now)
    journey = meet(journey, arrival, may_release=may_release, now=now)
    lifetime_seconds = runtime.settings.portal.journey_lifetime_seconds
    # Not at every arrival, so that one that changes nothing else needs no writing.
    if journey.expires_at < lifetime(lifetime_seconds // 2, now):
        journey = replace(journey, expires_at=lifetime(lifetime_seconds, now))
    return Meeting(before, journey)


async def store(connection: Statements, runtime: Runtime, meeting: Meeting, now: datetime) -> Journey:
    """Keep the journey that an arrival began or changed, and return it with its number."""
    journey = meeting.after
    if meeting.before is None or meeting.before.state is not journey.state:
        metrics.journeys.labels(journey.state).inc()
    if meeting.before is None:
        return replace(journey, id=await journeys.insert(connection, runtime.keyring, journey, now))
    await journeys.save(connection, runtime.keyring, journey, now)
    return journey
