"""Keys of the open API: programs of a council, what they may do, and how often. Of a key only a keyed hash is kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, bindparam, select, update

from captive_portal.errors import PortalError
from foundation.database import Database, Statements
from foundation.privacy import Keyring
from foundation.schema import api_keys, councils

# So that who finds one in a file or a log knows what it is.
_PREFIX: Final = "cwk_"
_OCTETS: Final = 24
_FORM: Final = re.compile(r"cwk_[A-Za-z0-9_-]{32}")
LONGEST_NAME: Final = 64
MOST_A_MINUTE: Final = 6000
# The council is not known yet when a key is looked up.
_NO_COUNCIL: Final = 0
_USE_NOTED_EVERY: Final = timedelta(hours=1)

_keys = api_keys.c
_BY_KEY: Final = select(api_keys).where(_keys.key_pseudonym == bindparam("pseudonym"))
_NOTE_USE: Final = update(api_keys).where(_keys.id == bindparam("key_id")).values(used_at=bindparam("now"))
_OF_COUNCILS: Final = (
    select(api_keys, councils.c.name.label("council_name"))
    .join(councils, councils.c.id == _keys.council_id)
    .where(_keys.council_id.in_(bindparam("councils", expanding=True)))
    .order_by(councils.c.name, _keys.name)
)
_REVOKE: Final = (
    update(api_keys)
    .where(_keys.id == bindparam("key_id"), _keys.council_id == bindparam("council"), _keys.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)


class Scope(StrEnum):
    """What a key may do."""

    READ_WAITING = "waiting:read"
    LET_ON = "devices:let-on"
    READ_SESSIONS = "sessions:read"
    END_SESSIONS = "sessions:end"


# As those who hand out keys read it.
SCOPES: Final = {
    Scope.READ_WAITING: "See who waits for help: numbers and venues",
    Scope.LET_ON: "Let a device on by its number",
    Scope.READ_SESSIONS: "See the open sessions, without whose they are",
    Scope.END_SESSIONS: "End a session",
}


class KeyNotMadeError(PortalError):
    """A key cannot be as it was asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a council's program."""

    id: int
    council_id: int
    name: str
    scopes: frozenset[Scope]
    requests_per_minute: int
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything still."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is asked for."""

    council_id: int
    name: str
    scopes: Collection[Scope]
    requests_per_minute: int
    expires_at: datetime | None


async def add(connection: Statements, database: Database, keyring: Keyring, new: NewKey, now: datetime) -> str:
    """A new key: the text that its program sends, which is kept nowhere. Raises KeyNotMadeError."""
    name = new.name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise KeyNotMadeError(f"a key's name has 1 to {LONGEST_NAME} printable characters")
    if not new.scopes:
        raise KeyNotMadeError("a key needs at least one scope")
    if not 1 <= new.requests_per_minute <= MOST_A_MINUTE:
        raise KeyNotMadeError(f"a key may ask 1 to {MOST_A_MINUTE} times a minute")
    text = _PREFIX + secrets.token_urlsafe(_OCTETS)
    values = {
        "council_id": new.council_id,
        "name": name,
        "key_pseudonym": _pseudonym(keyring, text),
        "scopes": ",".join(sorted(new.scopes)),
        "requests_per_minute": new.requests_per_minute,
        "created_at": now,
        "expires_at": new.expires_at,
    }
    added = database.insert(api_keys).values(values).on_conflict_do_nothing().returning(_keys.id)
    if (await connection.execute(added)).scalar_one_or_none() is None:
        raise KeyNotMadeError(f"there is or was a key named {name!r} already; choose another name")
    return text


async def find(connection: Statements, keyring: Keyring, text: str) -> Key | None:
    """The key that a program sent, good or not; None where there is none such."""
    if not _FORM.fullmatch(text):
        return None
    row = (await connection.execute(_BY_KEY, {"pseudonym": _pseudonym(keyring, text)})).one_or_none()
    return None if row is None else _from_row(row)


async def of_councils(connection: Statements, council_ids: Iterable[int]) -> list[tuple[str, Key]]:
    """The keys of councils with the councils' names, revoked ones too."""
    rows = await connection.execute(_OF_COUNCILS, {"councils": list(council_ids)})
    return [(row.council_name, _from_row(row)) for row in rows]


async def revoke(connection: Statements, council_id: int, key_id: int, now: datetime) -> bool:
    """Let a key open nothing any more; False where there is no such key of the council's, or it is revoked already."""
    done = await connection.execute(_REVOKE, {"key_id": key_id, "council": council_id, "now": now})
    return bool(done.rowcount)


async def note_use(database: Database, key: Key, now: datetime) -> None:
    """That it is in use, to the hour."""
    if key.used_at is None or now - key.used_at >= _USE_NOTED_EVERY:
        async with database.short_write() as connection:
            await connection.execute(_NOTE_USE, {"key_id": key.id, "now": now})


def _pseudonym(keyring: Keyring, text: str) -> bytes:
    return keyring.pseudonym("api key", _NO_COUNCIL, text.encode())


def _from_row(row: Row[*tuple[Any, ...]]) -> Key:
    return Key(
        id=row.id,
        council_id=row.council_id,
        name=row.name,
        # One of a newer release is left out.
        scopes=frozenset(Scope(name) for name in row.scopes.split(",") if name in list(Scope)),
        requests_per_minute=row.requests_per_minute,
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
