"""Who the resident is: with a contact or without, and their device.

Nothing here can tell a stranger whether an email address is known: the same steps lead to the same pages.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from captive_portal.errors import PortalError
from captive_portal.journey import Event, Journey, advance
from captive_portal.storage import residents as storage
from foundation.database import Statements
from foundation.runtime import Runtime


class NotConsentedError(PortalError):
    """A journey came to registration without accepted terms: a fault of our own."""


def choose_terms(texts: list[storage.Terms], language: str) -> storage.Terms | None:
    """The text to show: in the resident's language, else in English, else in any."""
    by_language = {text.language: text for text in texts}
    return by_language.get(language) or by_language.get("en") or next(iter(texts), None)


async def known_device(connection: Statements, journey: Journey, texts: list[storage.Terms]) -> tuple[Journey, bool]:
    """The journey with what is known of its device, and whether it may be released without registering.

    It may if its resident has accepted the current version of the terms.
    """
    device = await storage.find_device(connection, journey.council_id, journey.mac_pseudonym)
    if device is None:
        return replace(journey, resident_id=None, details=replace(journey.details, device_id=None)), False
    details = replace(journey.details, device_id=device.device_id)
    known = replace(journey, resident_id=device.resident_id, details=details)
    return known, bool(texts) and device.accepted_version == texts[0].version


async def register(
    connection: Statements, runtime: Runtime, journey: Journey, contact: str | None, now: datetime
) -> Journey:
    """Find or make the resident, give them the device, and record that they accepted the terms.

    ``contact`` is an email address that was proved by its code, or None for click-through, where a device that came
    before keeps its resident. Raises NotConsentedError.
    """
    terms_id = journey.details.terms_id
    if terms_id is None:
        raise NotConsentedError("no terms were accepted on this journey")
    device = await storage.find_device(connection, journey.council_id, journey.mac_pseudonym)
    resident_id = await _find_or_add_resident(connection, runtime, journey, contact, device, now)
    await storage.touch_resident(connection, resident_id, journey.language, now)
    remembered = now + timedelta(days=runtime.settings.portal.remembered_device_days)
    device_id = await storage.put_device(
        connection,
        runtime.database,
        council_id=journey.council_id,
        resident_id=resident_id,
        mac_pseudonym=journey.mac_pseudonym,
        randomised=journey.details.randomised,
        remembered_until=remembered if journey.details.remember else None,
        now=now,
    )
    await storage.accept_terms(
        connection,
        council_id=journey.council_id,
        resident_id=resident_id,
        terms_id=terms_id,
        venue_id=journey.venue_id,
        now=now,
    )
    registered = replace(journey, resident_id=resident_id)
    # The contact has done its duty on this journey; it stays with the resident, encrypted, and nowhere else.
    return advance(registered, Event.REGISTERED, device_id=device_id, contact=None)


async def _find_or_add_resident(
    connection: Statements,
    runtime: Runtime,
    journey: Journey,
    contact: str | None,
    device: storage.KnownDevice | None,
    now: datetime,
) -> int:
    if contact is None:
        if device is not None:
            return device.resident_id
        anonymous = storage.NewResident(journey.council_id, journey.language, journey.venue_id)
        return await storage.insert_resident(connection, runtime.database, anonymous, now)
    keyring = runtime.keyring
    resident = storage.NewResident(
        council_id=journey.council_id,
        language=journey.language,
        venue_id=journey.venue_id,
        contact_encrypted=keyring.encrypt("contact", contact.encode()),
        contact_pseudonym=keyring.contact_pseudonym(journey.council_id, contact),
    )
    assert resident.contact_pseudonym is not None
    found = await storage.find_by_contact(connection, journey.council_id, resident.contact_pseudonym)
    if found is not None:
        return found
    if device is not None and device.contact_kind == "none":
        # Who came without a contact before and gives one now is the same resident.
        await storage.add_contact(connection, device.resident_id, resident)
        return device.resident_id
    return await storage.insert_resident(connection, runtime.database, resident, now)
