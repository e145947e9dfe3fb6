"""The user names that a resident has for the secure network, and the pages that show a new password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, or_, select

from foundation.database import Statements
from foundation.schema import accounting_sessions, credential_pages, credentials, residents

_LOCK: Final = select(residents.c.id).where(residents.c.id == bindparam("resident_id")).with_for_update()
# Sessions forget the name a while after their end, so this says no more than that it was used lately.
_LAST_USED = (
    select(func.max(accounting_sessions.c.updated_at))
    .where(
        accounting_sessions.c.resident_id == credentials.c.resident_id,
        or_(
            accounting_sessions.c.user_name == credentials.c.user_name,
            accounting_sessions.c.user_name.like(credentials.c.user_name + "@%"),
        ),
    )
    .scalar_subquery()
)
_ALIVE: Final = (
    select(credentials.c.id, credentials.c.user_name, credentials.c.created_at, _LAST_USED)
    .where(
        credentials.c.resident_id == bindparam("resident_id"),
        credentials.c.revoked_at.is_(None),
        or_(credentials.c.expires_at.is_(None), credentials.c.expires_at > bindparam("now")),
    )
    .order_by(credentials.c.created_at.desc(), credentials.c.id.desc())
)
_COUNT_MADE: Final = select(func.count()).where(
    credentials.c.resident_id == bindparam("resident_id"), credentials.c.created_at > bindparam("since")
)
_PAGE: Final = (
    select(
        credential_pages.c.council_id,
        credentials.c.user_name,
        credential_pages.c.details_encrypted,
        credential_pages.c.expires_at,
    )
    .join(credentials, credentials.c.id == credential_pages.c.credential_id)
    .where(
        credential_pages.c.path_pseudonym == bindparam("path_pseudonym"),
        credential_pages.c.expires_at > bindparam("now"),
    )
)


@dataclass(frozen=True, slots=True)
class AliveCredential:
    """A user name that lets its resident in; ``last_used_at`` is None where nothing is known of that any more."""

    id: int
    user_name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewPage:
    """What is written of a page: its address only as a keyed hash, what it shows only sealed."""

    council_id: int
    credential_id: int
    path_pseudonym: bytes = field(repr=False)
    details_encrypted: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a new credential, sealed."""

    council_id: int
    user_name: str
    details_encrypted: bytes = field(repr=False)
    expires_at: datetime


async def lock_resident(connection: Statements, resident_id: int) -> None:
    """Until the transaction ends nobody else counts or makes this resident's credentials."""
    await connection.execute(_LOCK, {"resident_id": resident_id})


async def list_alive(connection: Statements, resident_id: int, now: datetime) -> list[AliveCredential]:
    """The resident's credentials that are neither revoked nor expired, the newest first."""
    found = await connection.execute(_ALIVE, {"resident_id": resident_id, "now": now})
    return [AliveCredential(*row) for row in found]


async def count_made(connection: Statements, resident_id: int, since: datetime) -> int:
    """How many credentials the resident got since a moment, revoked ones too."""
    found = await connection.execute(_COUNT_MADE, {"resident_id": resident_id, "since": since})
    return int(found.scalar_one())


async def revoke(connection: Statements, resident_id: int, credential_id: int, now: datetime) -> bool:
    """End one of the resident's credentials, and the page that shows it; False where it is no live one of theirs."""
    changed = await connection.execute(
        credentials.update()
        .where(
            credentials.c.id == credential_id,
            credentials.c.resident_id == resident_id,
            credentials.c.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )
    if changed.rowcount == 0:
        return False
    await connection.execute(delete(credential_pages).where(credential_pages.c.credential_id == credential_id))
    return True


async def find_page(connection: Statements, path_pseudonym: bytes, now: datetime) -> Page | None:
    """The page at an address, while it lasts."""
    row = (await connection.execute(_PAGE, {"path_pseudonym": path_pseudonym, "now": now})).one_or_none()
    return None if row is None else Page(*row)


async def insert_page(connection: Statements, page: NewPage, now: datetime) -> None:
    """Store a page. Those whose time is over go at once, whoever they were for."""
    await connection.execute(delete(credential_pages).where(credential_pages.c.expires_at <= now))
    await connection.execute(
        credential_pages.insert().values(
            council_id=page.council_id,
            credential_id=page.credential_id,
            path_pseudonym=page.path_pseudonym,
            details_encrypted=page.details_encrypted,
            expires_at=page.expires_at,
        )
    )
