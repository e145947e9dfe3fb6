"""What a code on paper, or a sponsor's code, is good for: whom it lets on, and until when.

One field takes both, because a resident need not know which of them they were given.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from captive_portal.journey import Event, Journey
from captive_portal.registration import Entry, register
from captive_portal.storage import vouchers as storage
from captive_portal.ways_in.voucher_codes import Code
from captive_portal.ways_in.ways import Way
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.settings import PortalSettings

_WRONG_CODE: Final = "code"
_LIMITS_COUNT: Final = timedelta(hours=1)


class CodeRefusal(StrEnum):
    """Why a code lets nobody on."""

    UNKNOWN = "unknown"
    # It was ours, and its time is over or it was taken back.
    OVER = "over"
    # It let on as many devices as it may.
    USED_UP = "used-up"
    ELSEWHERE = "elsewhere"
    # Too many wrong ones were typed on this device, at this venue, in this council.
    LIMITED_BY_DEVICE = "limited-by-device"
    LIMITED_BY_VENUE = "limited-by-venue"
    LIMITED_BY_COUNCIL = "limited-by-council"


def code_pseudonym(keyring: Keyring, council_id: int, code: Code) -> bytes:
    """What is kept of a code. Whoever tries codes cannot choose it, so looking it up takes no telling time."""
    return keyring.pseudonym("voucher", council_id, code.canonical)


def limit_met(recent: storage.RecentAttempts, settings: PortalSettings) -> CodeRefusal | None:
    """Which limit one more wrong code would break."""
    if recent.by_device >= settings.wrong_codes_per_device_per_hour:
        return CodeRefusal.LIMITED_BY_DEVICE
    if recent.by_venue >= settings.wrong_codes_per_venue_per_hour:
        return CodeRefusal.LIMITED_BY_VENUE
    if recent.by_council >= settings.wrong_codes_per_council_per_hour:
        return CodeRefusal.LIMITED_BY_COUNCIL
    return None


async def redeem(
    connection: Statements, runtime: Runtime, journey: Journey, code: Code, ways: tuple[Way, ...], now: datetime
) -> Journey | CodeRefusal:
    """Register the device by a code, or say why not. ``ways`` are those that the venue offers.

    Only what is no longer a secret is told apart: whoever has a code that is over, used up or of another venue once
    had it from us.
    """
    attempt = storage.Attempt(
        _WRONG_CODE, journey.council_id, journey.nas_id, journey.venue_id, journey.mac_pseudonym, now
    )
    limited = limit_met(await storage.count_attempts(connection, attempt, now - _LIMITS_COUNT), runtime.settings.portal)
    if limited is not None:
        return limited
    pseudonym = code_pseudonym(runtime.keyring, journey.council_id, code)
    # Both are always asked for, so that the time taken does not tell which of them a code nearly was.
    voucher = await storage.find_voucher(connection, journey.council_id, pseudonym)
    sponsor = await storage.find_sponsor(connection, journey.council_id, pseudonym)
    outcome: Journey | CodeRefusal = CodeRefusal.UNKNOWN
    if voucher is not None and Way.CODE in ways:
        outcome = await _by_voucher(connection, runtime, journey, voucher, now)
    elif sponsor is not None and Way.SPONSOR in ways:
        outcome = await _by_sponsor(connection, runtime, journey, sponsor, now)
    if isinstance(outcome, CodeRefusal):
        await storage.insert_attempt(connection, attempt)
    return outcome


async def _by_voucher(
    connection: Statements, runtime: Runtime, journey: Journey, voucher: storage.Voucher, now: datetime
) -> Journey | CodeRefusal:
    uses = await storage.uses_of(connection, voucher.id)
    admitted = admit(voucher, uses, journey, now)
    if isinstance(admitted, CodeRefusal):
        return admitted
    if all(use.mac_pseudonym != journey.mac_pseudonym for use in uses):
        await storage.add_use(connection, journey.council_id, voucher.id, journey.mac_pseudonym, admitted, now)
    entry = Entry(Way.CODE, access_until=admitted)
    return await register(connection, runtime, journey, entry, Event.REGISTERED, now)


def admit(voucher: storage.Voucher, uses: list[storage.Use], journey: Journey, now: datetime) -> datetime | CodeRefusal:
    """Until when a code lets a device on, or why not. A device that had it before has what is left of that."""
    refusal = _refusal(voucher, journey, now)
    if refusal is not None:
        return refusal
    for use in uses:
        if use.mac_pseudonym == journey.mac_pseudonym:
            return use.access_until if now < use.access_until else CodeRefusal.USED_UP
    if len(uses) >= voucher.devices_per_code:
        return CodeRefusal.USED_UP
    if voucher.access_seconds is None:
        return voucher.expires_at
    return min(voucher.expires_at, now + timedelta(seconds=voucher.access_seconds))


def _refusal(issued: storage.Voucher | storage.Sponsor, journey: Journey, now: datetime) -> CodeRefusal | None:
    if issued.revoked_at is not None or issued.expires_at <= now:
        return CodeRefusal.OVER
    if issued.venue_id is not None and issued.venue_id != journey.venue_id:
        return CodeRefusal.ELSEWHERE
    return None


async def _by_sponsor(
    connection: Statements, runtime: Runtime, journey: Journey, sponsor: storage.Sponsor, now: datetime
) -> Journey | CodeRefusal:
    refusal = _refusal(sponsor, journey, now)
    if refusal is not None:
        return refusal
    number, is_member = await storage.members_of(connection, sponsor.id, journey.mac_pseudonym)
    if not is_member and number >= sponsor.most_devices:
        return CodeRefusal.USED_UP
    entry = Entry(Way.SPONSOR, access_until=sponsor.expires_at, group_name=sponsor.group_name)
    registered = await register(connection, runtime, journey, entry, Event.REGISTERED, now)
    assert registered.details.device_id is not None
    await storage.join_sponsor(connection, journey.council_id, sponsor.id, registered.details.device_id, now)
    return registered
