"""Who comes: residents and their devices, all of them derived from a seed, so that a day can be played again.

Nobody here exists. The shares below are assumptions, chosen so that every path of the portal is taken every day:
most visitors are regulars of their library, most just accept the terms, about a third register by email, and most
devices make their addresses up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from random import Random

from foundation.mac_address import MacAddress

NEWCOMER_SHARE = 0.12
EMAIL_SHARE = 0.35
REMEMBERED_SHARE_OF_EMAIL = 0.7
REMEMBERED_SHARE_OF_CLICK_THROUGH = 0.3
WELSH_SHARE = 0.03
# Of all devices: those with a made-up address for each network, and those that change it about fortnightly as well.
RANDOMISED_SHARE = 0.65
ROTATING_SHARE = 0.3
ROTATION_DAYS = 14
# Regulars of a library for each session that it has in a month: a regular comes about four times.
REGULARS_PER_MONTHLY_SESSION = 0.22

# IANA's own block, of which 00-00-5E-40 to 8F are assigned to nothing (RFC 9542): no device was made with these.
_IANA_PREFIX = b"\x00\x00\x5e"
_FIRST_LIBRARY_OCTET = 0x40
_LIBRARY_OCTETS = 0x50
_NEWCOMER_BIT = 0x8000


@dataclass(frozen=True, slots=True)
class Visitor:
    """A resident with a device, as they are on one day."""

    device: MacAddress
    # None: clicks through instead of registering.
    email: str | None
    wants_to_be_remembered: bool
    language: str


def regular(seed: int, library: int, number: int, day: date) -> Visitor:
    """Regular ``number`` of a library (its position in the city), with the address that the device has that day."""
    return _visitor(seed, library, number % _NEWCOMER_BIT, day)


def newcomer(seed: int, library: int, number: int, day: date) -> Visitor:
    """Somebody who was never there before; ``number`` counts the day's newcomers of the library."""
    return _visitor(seed, library, _NEWCOMER_BIT | (day.toordinal() * 512 + number) % _NEWCOMER_BIT, day)


def regulars_of(monthly_sessions: int) -> int:
    """How many regulars a library has."""
    return max(1, min(_NEWCOMER_BIT, round(monthly_sessions * REGULARS_PER_MONTHLY_SESSION)))


def _visitor(seed: int, library: int, number: int, day: date) -> Visitor:
    traits = Random(f"citywifi/{seed}/visitor/{library}/{number}")  # noqa: S311  repeatable, not secret
    registers_by_email = traits.random() < EMAIL_SHARE
    remembered_share = REMEMBERED_SHARE_OF_EMAIL if registers_by_email else REMEMBERED_SHARE_OF_CLICK_THROUGH
    wants_to_be_remembered = traits.random() < remembered_share
    language = "cy" if traits.random() < WELSH_SHARE else "en"
    randomised = traits.random() < RANDOMISED_SHARE
    rotates = randomised and traits.random() < ROTATING_SHARE
    epoch = (day.toordinal() + traits.randrange(ROTATION_DAYS)) // ROTATION_DAYS if rotates else 0
    device = _made_up_address(seed, library, number, epoch) if randomised else _own_address(library, number)
    email = f"reader-{library}-{number}@example.org" if registers_by_email else None
    return Visitor(device, email, wants_to_be_remembered, language)


def _own_address(library: int, number: int) -> MacAddress:
    last = bytes((_FIRST_LIBRARY_OCTET + library % _LIBRARY_OCTETS, number >> 8, number & 0xFF))
    return MacAddress(_IANA_PREFIX + last)


def _made_up_address(seed: int, library: int, number: int, epoch: int) -> MacAddress:
    octets = sha256(f"{seed}/{library}/{number}/{epoch}".encode()).digest()[:6]
    # Locally administered, and not a group's address (IEEE 802c).
    return MacAddress(bytes((octets[0] & 0xFC | 0x02,)) + octets[1:])
