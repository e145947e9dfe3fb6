"""Marketing in the database: offers by version and language, and who agreed to which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, insert, or_, select, update

from captive_portal.information_rights.marketing import (
    ActiveConsent,
    Changes,
    Channel,
    Controller,
    Offer,
    Recipient,
    Sender,
    stop_token,
)
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import marketing_consents, marketing_offers, residents

_OFFERS, _CONSENTS = marketing_offers.c, marketing_consents.c
_OPEN: Final = (
    select(marketing_offers)
    .where(
        _OFFERS.council_id == bindparam("council_id"),
        _OFFERS.channel == bindparam("channel"),
        _OFFERS.closed_at.is_(None),
        or_(_OFFERS.venue_id.is_(None), _OFFERS.venue_id == bindparam("venue_id")),
    )
    .order_by(_OFFERS.version, _OFFERS.language)
)
_ACTIVE: Final = (
    select(_CONSENTS.id.label("consent_id"), marketing_offers)
    .join(marketing_offers, _OFFERS.id == _CONSENTS.offer_id)
    .where(_CONSENTS.resident_id == bindparam("resident_id"), _CONSENTS.withdrawn_at.is_(None))
    .order_by(_CONSENTS.id)
)
_CONTACT_KIND: Final = select(residents.c.contact_kind).where(residents.c.id == bindparam("resident_id"))


@dataclass(frozen=True, slots=True)
class ListedOffer:
    """A version of an offer, in all of its languages, and how many said yes to it."""

    version: int
    sender: Sender
    languages: tuple[str, ...]
    published_at: datetime
    closed_at: datetime | None
    consents: int


async def channel_of(connection: Statements, resident_id: int | None) -> Channel | None:
    """By what a resident can be written to at all."""
    row = (await connection.execute(_CONTACT_KIND, {"resident_id": resident_id})).one_or_none()
    return next((channel for channel in Channel if row is not None and channel == row.contact_kind), None)


async def open_offers(connection: Statements, council_id: int, venue_id: int | None, channel: Channel) -> list[Offer]:
    """What a resident is asked at a venue, in all languages."""
    asked = {"council_id": council_id, "venue_id": venue_id, "channel": channel.value}
    return [_offer(row) for row in await connection.execute(_OPEN, asked)]


async def is_asked(connection: Statements, council_id: int) -> bool:
    """Whether anybody asks residents of a council at all."""
    found = select(_OFFERS.id).where(_OFFERS.council_id == council_id, _OFFERS.closed_at.is_(None)).limit(1)
    return (await connection.execute(found)).first() is not None


async def active_consents(connection: Statements, resident_id: int) -> list[ActiveConsent]:
    """What a resident said yes to and did not take back, by whichever channel."""
    rows = await connection.execute(_ACTIVE, {"resident_id": resident_id})
    return [ActiveConsent(row.consent_id, _offer(row)) for row in rows]


async def apply(
    connection: Statements, council_id: int, resident_id: int, venue_id: int | None, changes: Changes, now: datetime
) -> None:
    """Write down what a resident chose."""
    owner = {"council_id": council_id, "resident_id": resident_id, "venue_id": venue_id, "given_at": now}
    for offer in changes.given:
        await connection.execute(insert(marketing_consents).values(**owner, offer_id=offer.id))
    await _withdraw(connection, changes.withdrawn, now)


async def stop(connection: Statements, consent_id: int, now: datetime) -> None:
    """Take back a yes by the address in a message, and all others of the same resident to the same sender."""
    row = (await connection.execute(select(marketing_consents).where(_CONSENTS.id == consent_id))).one_or_none()
    if row is None:
        return
    active = await active_consents(connection, row.resident_id)
    stopped = next((one.offer.sender for one in active if one.id == consent_id), None)
    await _withdraw(connection, [one.id for one in active if one.offer.sender == stopped], now)


async def stop_other_channels(connection: Statements, resident_id: int, kind: str, now: datetime) -> None:
    """A resident's contact is of another kind now: what came to the old one was not agreed to for the new one."""
    active = await active_consents(connection, resident_id)
    await _withdraw(connection, [one.id for one in active if one.offer.sender.channel != kind], now)


async def _withdraw(connection: Statements, numbers: Collection[int], now: datetime) -> None:
    chosen = update(marketing_consents).where(_CONSENTS.id.in_(numbers), _CONSENTS.withdrawn_at.is_(None))
    await connection.execute(chosen.values(withdrawn_at=now))


async def publish_offer(
    connection: Statements, council_id: int, sender: Sender, texts: Mapping[str, str], now: datetime
) -> int:
    """Ask from now on in these words, by language, and no more in those before; gives the version."""
    newest = select(func.coalesce(func.max(_OFFERS.version), 0)).where(_OFFERS.council_id == council_id)
    version = int((await connection.execute(newest)).scalar_one()) + 1
    same = (
        _OFFERS.council_id == council_id,
        _OFFERS.controller == sender.controller.value,
        _OFFERS.controller_name == sender.name,
        _OFFERS.venue_id == sender.venue_id if sender.venue_id is not None else _OFFERS.venue_id.is_(None),
        _OFFERS.channel == sender.channel.value,
    )
    await connection.execute(update(marketing_offers).where(*same, _OFFERS.closed_at.is_(None)).values(closed_at=now))
    common = {
        "council_id": council_id,
        "version": version,
        "controller": sender.controller.value,
        "controller_name": sender.name,
        "venue_id": sender.venue_id,
        "channel": sender.channel.value,
        "published_at": now,
    }
    rows = [{**common, "language": language, "text": text} for language, text in texts.items()]
    await connection.execute(insert(marketing_offers), rows)
    return version


async def close_offer(connection: Statements, council_id: int, version: int, now: datetime) -> bool:
    """Ask nobody any more; False where nobody is asked."""
    chosen = update(marketing_offers).where(
        _OFFERS.council_id == council_id, _OFFERS.version == version, _OFFERS.closed_at.is_(None)
    )
    return (await connection.execute(chosen.values(closed_at=now))).rowcount > 0


async def list_offers(connection: Statements, council_id: int) -> list[ListedOffer]:
    """All versions, the newest first."""
    active = select(func.count()).where(_CONSENTS.offer_id == _OFFERS.id, _CONSENTS.withdrawn_at.is_(None))
    question = select(marketing_offers, active.scalar_subquery().label("consents"))
    question = question.where(_OFFERS.council_id == council_id).order_by(_OFFERS.version.desc(), _OFFERS.language)
    found: dict[int, ListedOffer] = {}
    for row in await connection.execute(question):
        before = found.get(row.version)
        found[row.version] = ListedOffer(
            row.version,
            _sender(row),
            (*(before.languages if before else ()), row.language),
            row.published_at,
            row.closed_at,
            (before.consents if before else 0) + row.consents,
        )
    return list(found.values())


async def find_sender(connection: Statements, council_id: int, version: int) -> Sender | None:
    """Whose offer a version is."""
    question = select(marketing_offers).where(_OFFERS.council_id == council_id, _OFFERS.version == version)
    row = (await connection.execute(question.limit(1))).one_or_none()
    return None if row is None else _sender(row)


async def recipients(connection: Statements, runtime: Runtime, council_id: int, sender: Sender) -> list[Recipient]:
    """Whom a sender may write to now, whichever words they agreed to; each person once."""
    question = (
        select(
            _CONSENTS.id.label("consent_id"),
            _CONSENTS.given_at,
            marketing_offers,
            residents.c.contact_encrypted,
            residents.c.language.label("reads"),
            residents.c.id.label("resident_id"),
        )
        .join(marketing_offers, _OFFERS.id == _CONSENTS.offer_id)
        .join(residents, residents.c.id == _CONSENTS.resident_id)
        .where(
            _CONSENTS.council_id == council_id,
            _CONSENTS.withdrawn_at.is_(None),
            residents.c.contact_kind == sender.channel.value,
        )
        .order_by(_CONSENTS.id)
    )
    found = {row.resident_id: row for row in await connection.execute(question) if _sender(row) == sender}
    return [_recipient(runtime.keyring, row) for row in found.values()]


def _recipient(keyring: Keyring, row: Row[Any]) -> Recipient:
    return Recipient(
        contact=keyring.decrypt("contact", row.contact_encrypted).decode(),
        language=row.reads,
        text=row.text,
        given_at=row.given_at,
        stop_token=stop_token(keyring, row.consent_id),
    )


def _offer(row: Row[Any]) -> Offer:
    return Offer(row.id, _sender(row), row.language, row.text)


def _sender(row: Row[Any]) -> Sender:
    return Sender(Controller(row.controller), row.controller_name, row.venue_id, Channel(row.channel))
