"""Proof of an email address by a six-digit code that the resident types.

Typed, not clicked: a link would open in another browser than the phone's sign-in sheet. Only a keyed hash of a code is
kept. How often codes are asked for is limited by contact, device and gateway, how often one is tried by code.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from captive_portal.journey import Journey
from captive_portal.storage import passes
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.settings import PortalSettings

DIGITS: Final = 6
# A second request within this time is the same press of the button.
_DOUBLE_CLICK: Final = timedelta(seconds=5)
_LIMITS_COUNT: Final = timedelta(hours=1)


class CodeCheck(StrEnum):
    """What a typed code was."""

    RIGHT = "right"
    WRONG = "wrong"
    # None of the codes sent may be tried any more: too late, or tried too often.
    NONE_LEFT = "none-left"


class CodeLimit(StrEnum):
    """Which limit a request for a code met."""

    CONTACT = "limited-by-contact"
    DEVICE = "limited-by-device"
    GATEWAY = "limited-by-gateway"
    VENUE = "limited-by-venue"
    COUNCIL = "limited-by-council"


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code on its way to the resident."""

    id: int
    digits: str = field(repr=False)


def new_digits() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def read_digits(text: str) -> str | None:
    """The six digits that somebody typed, with spaces or hyphens between and in any script; None if not six digits."""
    digits = []
    for character in text:
        if character.isspace() or unicodedata.category(character) in ("Pd", "Cf"):
            continue
        digit = unicodedata.digit(character, None)
        if digit is None:
            return None
        digits.append(str(digit))
    return "".join(digits) if len(digits) == DIGITS else None


def code_pseudonym(keyring: Keyring, journey: Journey, contact_pseudonym: bytes, digits: str) -> bytes:
    """What is kept of a code: worthless on another journey or for another contact."""
    value = f"{journey.id}:".encode() + contact_pseudonym + digits.encode()
    return keyring.pseudonym("code", journey.council_id, value)


def limit_met(recent: passes.RecentCodes, settings: PortalSettings) -> CodeLimit | None:
    """Which limit one more code would break."""
    if recent.by_contact >= settings.codes_per_contact_per_hour:
        return CodeLimit.CONTACT
    if recent.by_device >= settings.codes_per_device_per_hour:
        return CodeLimit.DEVICE
    if recent.by_gateway >= settings.codes_per_gateway_per_hour:
        return CodeLimit.GATEWAY
    if recent.by_venue >= settings.codes_per_venue_per_hour:
        return CodeLimit.VENUE
    if recent.by_council >= settings.codes_per_council_per_hour:
        return CodeLimit.COUNCIL
    return None


async def issue_code(
    connection: Statements, runtime: Runtime, journey: Journey, contact: str, now: datetime
) -> IssuedCode | CodeLimit | None:
    """Make and store a code for the contact, unless a limit is met; None if one went out a moment ago."""
    settings, keyring = runtime.settings.portal, runtime.keyring
    contact_pseudonym = keyring.contact_pseudonym(journey.council_id, contact)
    live = await passes.live_codes(connection, journey.id, contact_pseudonym, now)
    if any(now - code.created_at < _DOUBLE_CLICK for code in live):
        return None
    recent = await passes.count_recent_codes(
        connection,
        council_id=journey.council_id,
        contact_pseudonym=contact_pseudonym,
        mac_pseudonym=journey.mac_pseudonym,
        nas_id=journey.nas_id,
        venue_id=journey.venue_id,
        since=now - _LIMITS_COUNT,
    )
    limit = limit_met(recent, settings)
    if limit is not None:
        return limit
    digits = new_digits()
    code = passes.NewCode(
        council_id=journey.council_id,
        journey_id=journey.id,
        nas_id=journey.nas_id,
        contact_pseudonym=contact_pseudonym,
        mac_pseudonym=journey.mac_pseudonym,
        code_pseudonym=code_pseudonym(keyring, journey, contact_pseudonym, digits),
        attempts_left=settings.verification_attempts,
        created_at=now,
        expires_at=now + timedelta(seconds=settings.verification_code_lifetime_seconds),
    )
    return IssuedCode(await passes.insert_code(connection, code), digits)


async def check_code(
    connection: Statements, runtime: Runtime, journey: Journey, contact: str, digits: str, now: datetime
) -> CodeCheck:
    """Try a code. Each code sent to this contact on this journey is good until it is used, too old or worn out."""
    contact_pseudonym = runtime.keyring.contact_pseudonym(journey.council_id, contact)
    codes = await passes.live_codes(connection, journey.id, contact_pseudonym, now)
    if not codes:
        return CodeCheck.NONE_LEFT
    given = code_pseudonym(runtime.keyring, journey, contact_pseudonym, digits)
    # Every code is compared, so that the time taken says nothing.
    matches = [hmac.compare_digest(given, code.code_pseudonym) for code in codes]
    if any(matches):
        await passes.use_up_codes(connection, journey.id)
        return CodeCheck.RIGHT
    await passes.count_attempt(connection, codes)
    return CodeCheck.WRONG
