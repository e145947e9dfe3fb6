"""Marketing, apart from everything else (PECR regulation 22): who asks, what was said, and how it is taken back.

Getting online never depends on it and never comes with it: the question has a page of its own, which is only there for
somebody who is registered with a contact that they proved, with no box ticked. Each controller asks for itself.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from foundation.privacy import Keyring, PrivacyError

LONGEST_TEXT: Final = 500
LONGEST_NAME: Final = 200
_SEAL: Final = "no more news"
_NUMBER_OCTETS: Final = 8
# Of a sealed number, 37 octets: format, nonce, number and tag.
PATTERN: Final = "[A-Za-z0-9_-]{50}"
"""What a route takes for the token of an address that stops news."""


class Controller(StrEnum):
    """Who writes to those who say yes, and answers for it."""

    COUNCIL = "council"
    VENUE = "venue"
    OPERATOR = "operator"


class Channel(StrEnum):
    """By what they write; also what kind of contact that needs."""

    EMAIL = "email"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose news they are, and by what they come: what is agreed to, whatever the words."""

    controller: Controller
    name: str
    venue_id: int | None
    channel: Channel


@dataclass(frozen=True, slots=True)
class Offer:
    """A sender's question in one language."""

    id: int
    sender: Sender
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class ActiveConsent:
    """A yes that was not taken back."""

    id: int
    offer: Offer


@dataclass(frozen=True, slots=True)
class Choice:
    """One box of the page: its text, and whether the resident has said yes before."""

    offer: Offer
    consents: tuple[int, ...]

    @property
    def field(self) -> str:
        """The name of its box: what was read is what is agreed to."""
        return f"offer-{self.offer.id}"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a sent page changes."""

    given: tuple[Offer, ...]
    # Numbers of consents.
    withdrawn: tuple[int, ...]


def choices(offers: Iterable[Offer], active: Iterable[ActiveConsent], language: str) -> list[Choice]:
    """The boxes of the page, by sender: what is offered now, and what was agreed to before."""
    consents: dict[Sender, list[ActiveConsent]] = {}
    for consent in active:
        consents.setdefault(consent.offer.sender, []).append(consent)
    texts: dict[Sender, dict[str, Offer]] = {}
    for offer in offers:
        texts.setdefault(offer.sender, {})[offer.language] = offer
    open_now = [
        Choice(_in_language(by_language, language), tuple(one.id for one in consents.pop(sender, [])))
        for sender, by_language in texts.items()
    ]
    # Nobody is asked any more; who said yes can take it back.
    closed = [Choice(found[0].offer, tuple(one.id for one in found)) for found in consents.values()]
    return [*open_now, *closed]


def _in_language(by_language: Mapping[str, Offer], language: str) -> Offer:
    return by_language.get(language) or by_language.get("en") or next(iter(by_language.values()))


def changes(offers: Iterable[Offer], active: Iterable[ActiveConsent], ticked: Mapping[int, bool]) -> Changes:
    """What a sent page says: ``ticked`` has the numbers of the offers that were on it, and whether their box was.

    What the resident read is what they agree to, though the journey may be in another language by now.
    """
    open_now = {offer.id: offer for offer in offers}
    senders = {offer.id: offer.sender for offer in open_now.values()}
    consents: dict[Sender, list[int]] = {}
    for consent in active:
        senders[consent.offer.id] = consent.offer.sender
        consents.setdefault(consent.offer.sender, []).append(consent.id)
    given: dict[Sender, Offer] = {}
    withdrawn: list[int] = []
    for number, is_ticked in ticked.items():
        sender = senders.get(number)
        if sender is None:
            continue
        if not is_ticked:
            withdrawn += consents.get(sender, [])
        elif sender not in consents and number in open_now:
            given[sender] = open_now[number]
    return Changes(tuple(given.values()), tuple(withdrawn))


def stop_token(keyring: Keyring, consent_id: int) -> str:
    """What stands in the address that stops news: always the same, says nothing, and nobody can make it up."""
    number = consent_id.to_bytes(_NUMBER_OCTETS, "big")
    return base64.urlsafe_b64encode(keyring.encrypt_repeatably(_SEAL, number)).decode().rstrip("=")


def read_stop_token(keyring: Keyring, token: str) -> int | None:
    """The consent that an address stops; None for one that we did not make."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return int.from_bytes(keyring.decrypt(_SEAL, sealed), "big")
    except (binascii.Error, PrivacyError):
        return None


@dataclass(frozen=True, slots=True)
class Recipient:
    """One line of an export: somebody who said yes."""

    contact: str = field(repr=False)
    language: str
    text: str
    given_at: datetime
    stop_token: str = field(repr=False)
