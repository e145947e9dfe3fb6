"""Residents, their devices and the terms that they accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, bindparam, false, func, select

from foundation.database import Database, Statements
from foundation.schema import devices, residents, terms_acceptances, terms_versions

_VERSIONS = terms_versions.c
_CURRENT_TERMS: Final = select(_VERSIONS.id, _VERSIONS.version, _VERSIONS.language, _VERSIONS.text).where(
    _VERSIONS.council_id == bindparam("council_id"),
    _VERSIONS.version
    == select(func.max(_VERSIONS.version)).where(_VERSIONS.council_id == bindparam("council_id")).scalar_subquery(),
)
_ACCEPTED_VERSION = (
    select(func.max(_VERSIONS.version))
    .join(terms_acceptances, terms_acceptances.c.terms_version_id == _VERSIONS.id)
    .where(terms_acceptances.c.resident_id == devices.c.resident_id)
    .scalar_subquery()
)
# The newest version that is more than a better wording of the one before.
_NEEDED_VERSION = (
    select(func.max(_VERSIONS.version))
    .where(_VERSIONS.council_id == devices.c.council_id, _VERSIONS.is_material)
    .scalar_subquery()
)
_DEVICE: Final = (
    select(
        devices.c.id,
        devices.c.resident_id,
        devices.c.remembered_until,
        devices.c.access_until,
        devices.c.way_in,
        residents.c.contact_kind,
        residents.c.group_name,
        func.coalesce(_ACCEPTED_VERSION >= _NEEDED_VERSION, false()),
    )
    .join(residents, residents.c.id == devices.c.resident_id)
    .where(devices.c.council_id == bindparam("council_id"), devices.c.mac_pseudonym == bindparam("mac_pseudonym"))
)
_TOUCH: Final = residents.update().where(residents.c.id == bindparam("resident_id"))
_ACCEPT: Final = terms_acceptances.insert()


@dataclass(frozen=True, slots=True)
class Terms:
    """One language of one version of a council's terms."""

    id: int
    version: int
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class OfferedTerms:
    """As `Terms`, where the text itself is not shown."""

    id: int


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device that came before, and its resident."""

    device_id: int
    resident_id: int
    remembered_until: datetime | None
    # When its right to be on has an end, and by which way it came last; None before ways could be chosen.
    access_until: datetime | None
    way_in: str | None
    contact_kind: str
    group_name: str
    # Its resident accepted, in whichever language, the newest material version of the terms or a later one.
    has_accepted: bool


@dataclass(frozen=True, slots=True)
class NewResident:
    """What is written of a resident: a contact or none."""

    council_id: int
    language: str
    venue_id: int | None
    contact_kind: str = "none"
    group_name: str = ""
    contact_encrypted: bytes | None = field(default=None, repr=False)
    contact_pseudonym: bytes | None = field(default=None, repr=False)


def offered_terms(council_id: ColumnElement[int], language: ColumnElement[str]) -> ColumnElement[int | None]:
    """In a statement about others: which text a council offers, as ``registration.choose_terms`` chooses."""
    texts = terms_versions.alias().c
    newest = select(func.max(texts.version)).where(texts.council_id == council_id).scalar_subquery()
    of_newest = select(_VERSIONS.id).where(_VERSIONS.council_id == council_id, _VERSIONS.version == newest)
    wishes = (of_newest.where(_VERSIONS.language == language), of_newest.where(_VERSIONS.language == "en"), of_newest)
    return func.coalesce(*(wish.order_by(_VERSIONS.id).limit(1).scalar_subquery() for wish in wishes))


async def current_terms(connection: Statements, council_id: int) -> list[Terms]:
    """All languages of the newest version; empty where the council has none."""
    return [Terms(*row) for row in await connection.execute(_CURRENT_TERMS, {"council_id": council_id})]


async def find_device(connection: Statements, council_id: int, mac_pseudonym: bytes) -> KnownDevice | None:
    """The device, if it came before."""
    found = await connection.execute(_DEVICE, {"council_id": council_id, "mac_pseudonym": mac_pseudonym})
    row = found.one_or_none()
    return None if row is None else KnownDevice(*row)


async def find_by_contact(connection: Statements, council_id: int, contact_pseudonym: bytes) -> int | None:
    """The resident with this contact."""
    statement = select(residents.c.id).where(
        residents.c.council_id == council_id, residents.c.contact_pseudonym == contact_pseudonym
    )
    found = (await connection.execute(statement)).scalar_one_or_none()
    return None if found is None else int(found)


async def insert_resident(connection: Statements, database: Database, resident: NewResident, now: datetime) -> int:
    """Add a resident; one who registered with the same contact at this moment is returned instead."""
    statement = (
        database.insert(residents)
        .values(
            council_id=resident.council_id,
            contact_kind=resident.contact_kind,
            contact_encrypted=resident.contact_encrypted,
            contact_pseudonym=resident.contact_pseudonym,
            group_name=resident.group_name,
            language=resident.language,
            registered_venue_id=resident.venue_id,
            registered_at=now,
            last_seen_at=now,
        )
        .on_conflict_do_update(index_elements=["council_id", "contact_pseudonym"], set_={"last_seen_at": now})
        .returning(residents.c.id)
    )
    return int((await connection.execute(statement)).scalar_one())


async def add_contact(connection: Statements, resident_id: int, resident: NewResident) -> None:
    """A resident without contact gave one."""
    await connection.execute(
        residents.update()
        .where(residents.c.id == resident_id)
        .values(
            contact_kind=resident.contact_kind,
            contact_encrypted=resident.contact_encrypted,
            contact_pseudonym=resident.contact_pseudonym,
        )
    )


async def touch_resident(connection: Statements, resident_id: int, language: str, now: datetime) -> None:
    """The resident is here, and reads this language."""
    await connection.execute(_TOUCH, {"resident_id": resident_id, "language": language, "last_seen_at": now})


async def put_device(
    connection: Statements,
    database: Database,
    *,
    council_id: int,
    resident_id: int,
    mac_pseudonym: bytes,
    randomised: bool,
    remembered_until: datetime | None,
    access_until: datetime | None,
    way_in: str,
    now: datetime,
) -> int:
    """Add the device, or give the one that is there to this resident."""
    changing = {
        "resident_id": resident_id,
        "remembered_until": remembered_until,
        "access_until": access_until,
        "way_in": way_in,
        "last_seen_at": now,
    }
    statement = (
        database.insert(devices)
        .values(council_id=council_id, mac_pseudonym=mac_pseudonym, randomised=randomised, created_at=now, **changing)
        .on_conflict_do_update(index_elements=["council_id", "mac_pseudonym"], set_=changing)
        .returning(devices.c.id)
    )
    return int((await connection.execute(statement)).scalar_one())


async def forget_device(connection: Statements, device_id: int) -> None:
    """From now on the device comes to the portal first."""
    await connection.execute(devices.update().where(devices.c.id == device_id).values(remembered_until=None))


async def accept_terms(
    connection: Statements,
    *,
    council_id: int,
    resident_id: int,
    terms_id: int,
    venue_id: int | None,
    now: datetime,
) -> None:
    """Record that the resident accepted this text."""
    values = {
        "council_id": council_id,
        "resident_id": resident_id,
        "terms_version_id": terms_id,
        "venue_id": venue_id,
        "accepted_at": now,
    }
    await connection.execute(_ACCEPT, values)
