"""The way back from a gateway that sends the browser to us when it has let the device on, with something to tell.

Such a gateway gets an address that ends in a mark of this one release, so that nothing but the browser that was sent
away can come back by it, and a page that is opened again tells nothing twice. What it tells is kept with the journey's
hand-over. Where no accounting comes, the return is all that the portal learns; then it counts as a session of source
``browser``, which is a statement of the resident's own browser and no proof (docs/gateways/meraki-click-through.md).
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import datetime

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.base import Redirect, Refusal, RefusalReason, ReturningDriver
from captive_portal.journey import PAGES, Journey, State
from captive_portal.storage import sessions
from captive_portal.storage.journeys import Visit
from captive_portal.storage.sessions import Source
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime


def return_page(keyring: Keyring, journey: Journey, user_name: str) -> str:
    """The page of the journey where a gateway sends the browser back to, after the release under this one-time name."""
    if isinstance(DRIVERS[journey.details.driver], ReturningDriver):
        return f"back/{_mark(keyring, journey, user_name)}"
    return PAGES[State.WAITING]


async def take_return(
    connection: Statements, runtime: Runtime, visit: Visit, mark: str, raw_query: str, now: datetime
) -> Journey | Refusal:
    """The journey with what the way back told, and the session that it stands for begun where it is the only sign."""
    journey = visit.journey
    driver, details = DRIVERS[journey.details.driver], journey.details
    is_expected = journey.state in (State.WAITING, State.ONLINE) and details.user_name is not None
    if not is_expected or not isinstance(driver, ReturningDriver):
        return journey
    if not hmac.compare_digest(mark, _mark(runtime.keyring, journey, details.user_name or "")):
        return Refusal(RefusalReason.WRONG_SEAL)
    redirect = Redirect.read(raw_query)
    news = redirect if isinstance(redirect, Refusal) else driver.returned(redirect, visit.gateway)
    if isinstance(news, Refusal):
        return news
    if journey.state is State.WAITING and not driver.capabilities.sends_accounting:
        await sessions.begin(connection, runtime.keyring, sessions.owner_of(journey, Source.BROWSER), now)
    return replace(journey, details=replace(details, hand_over={**details.hand_over, **news}))


def _mark(keyring: Keyring, journey: Journey, user_name: str) -> str:
    return keyring.pseudonym("way back", journey.council_id, user_name.encode()).hex()
