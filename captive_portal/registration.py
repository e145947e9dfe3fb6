"""Who the resident is: with a contact or without, and their device.

Nothing here can tell a stranger whether an email address is known: the same steps lead to the same pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from captive_portal.errors import PortalError
from captive_portal.journey import Event, Journey, advance
from captive_portal.storage import equipment
from captive_portal.storage import residents as storage
from captive_portal.ways_in.ways import Way
from foundation.database import Statements
from foundation.runtime import Runtime

_CONTACT_KINDS: Final = {
    Way.CLICK: "none",
    Way.GRACE: "none",
    Way.EMAIL: "email",
    Way.SMS: "sms",
    Way.CODE: "code",
    Way.SPONSOR: "sponsor",
    Way.STAFF: "none",
}
_WITHOUT_CONTACT: Final = ("none", "code")
# For how long nothing that concerns a contact asks for another code.
PROVED_FOR: Final = timedelta(minutes=15)


class NotConsentedError(PortalError):
    """A journey came to registration without accepted terms: a fault of our own."""


def choose_terms(texts: list[storage.Terms], language: str) -> storage.Terms | None:
    """The text to show: in the resident's language, else in English, else in any."""
    by_language = {text.language: text for text in texts}
    return by_language.get(language) or by_language.get("en") or next(iter(texts), None)


async def known_device(connection: Statements, journey: Journey, now: datetime) -> tuple[Journey, bool]:
    """The journey with what is known of its device, and whether it may be released without registering.

    It may if its resident has accepted the terms since they last changed materially, it came by a way that is offered
    here, and its right to be on has not ended.
    """
    device = await storage.find_device(connection, journey.council_id, journey.mac_pseudonym)
    if device is None:
        details = replace(journey.details, device_id=None, access_until=None, terms_changed=False)
        return replace(journey, resident_id=None, details=details), False
    details = replace(
        journey.details,
        device_id=device.device_id,
        access_until=device.access_until,
        terms_changed=not device.has_accepted,
    )
    known = replace(journey, resident_id=device.resident_id, details=details)
    if not device.has_accepted or not known.may_be_on(now):
        return known, False
    offered = await equipment.ways_at(connection, journey.council_id, journey.venue_id)
    return known, _way_of(device) in (*offered, Way.GRACE)


def _way_of(device: storage.KnownDevice) -> str:
    # Devices of a time in which there were two ways only.
    return device.way_in or (Way.CLICK if device.contact_kind == "none" else Way.EMAIL)


@dataclass(frozen=True, slots=True)
class Entry:
    """By which way somebody comes in.

    ``contact`` is an email address or a telephone number that was proved by its code; None by every other way, where a
    device that came before keeps its resident. ``access_until`` is where the right to be on ends, if it does.
    """

    way: Way
    contact: str | None = field(default=None, repr=False)
    access_until: datetime | None = None
    group_name: str = ""


async def register(
    connection: Statements, runtime: Runtime, journey: Journey, entry: Entry, event: Event, now: datetime
) -> Journey:
    """Find or make the resident, give them the device, and record that they accepted the terms.

    Then ``event`` happens to the journey. Raises NotConsentedError.
    """
    terms_id = journey.details.terms_id
    if terms_id is None:
        raise NotConsentedError("no terms were accepted on this journey")
    device = await storage.find_device(connection, journey.council_id, journey.mac_pseudonym)
    resident_id = await _find_or_add_resident(connection, runtime, journey, entry, device, now)
    await storage.touch_resident(connection, resident_id, journey.language, now)
    device_id = await storage.put_device(
        connection,
        runtime.database,
        council_id=journey.council_id,
        resident_id=resident_id,
        mac_pseudonym=journey.mac_pseudonym,
        randomised=journey.details.randomised,
        remembered_until=_remembered_until(runtime, journey, entry, now),
        access_until=entry.access_until,
        way_in=entry.way,
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
    # A contact has then done its duty on this journey; it stays with the resident, encrypted, and nowhere else.
    contact = journey.details.contact if entry.way is Way.GRACE else None
    return advance(
        registered,
        event,
        device_id=device_id,
        contact=contact,
        access_until=entry.access_until,
        terms_changed=False,
        contact_proved_until=None if entry.contact is None else now + PROVED_FOR,
    )


def _remembered_until(runtime: Runtime, journey: Journey, entry: Entry, now: datetime) -> datetime | None:
    """Until when RADIUS lets the device on without the portal: never longer than its right to be on."""
    if not journey.details.remember or entry.way is Way.GRACE:
        return None
    remembered = now + timedelta(days=runtime.settings.portal.remembered_device_days)
    return remembered if entry.access_until is None else min(remembered, entry.access_until)


async def _find_or_add_resident(
    connection: Statements,
    runtime: Runtime,
    journey: Journey,
    entry: Entry,
    device: storage.KnownDevice | None,
    now: datetime,
) -> int:
    resident = storage.NewResident(
        council_id=journey.council_id,
        language=journey.language,
        venue_id=journey.venue_id,
        contact_kind=_CONTACT_KINDS[entry.way],
        group_name=entry.group_name,
    )
    contact = entry.contact
    if contact is None:
        if device is not None and _keeps_resident(device, entry):
            return device.resident_id
        return await storage.insert_resident(connection, runtime.database, resident, now)
    keyring = runtime.keyring
    resident = replace(
        resident,
        contact_encrypted=keyring.encrypt("contact", contact.encode()),
        contact_pseudonym=keyring.contact_pseudonym(journey.council_id, contact),
    )
    assert resident.contact_pseudonym is not None
    found = await storage.find_by_contact(connection, journey.council_id, resident.contact_pseudonym)
    if found is not None:
        return found
    if device is not None and device.contact_kind in _WITHOUT_CONTACT:
        # Who came without a contact before and gives one now is the same resident.
        await storage.add_contact(connection, device.resident_id, resident)
        return device.resident_id
    return await storage.insert_resident(connection, runtime.database, resident, now)


def _keeps_resident(device: storage.KnownDevice, entry: Entry) -> bool:
    """Whoever is in a sponsor's group is somebody of their own: its policy must not follow them, nor theirs it."""
    if Way.SPONSOR in (entry.way, device.contact_kind):
        return device.contact_kind == entry.way and device.group_name == entry.group_name
    return True
