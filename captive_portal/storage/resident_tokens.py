"""Tokens by which a resident lets a program at their own data, for some hours. Only a keyed hash of one is kept."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, select, update

from captive_portal.journey import Journey
from foundation.database import Database, Statements
from foundation.privacy import Keyring
from foundation.schema import journeys, resident_tokens

_PREFIX: Final = "cwr_"
_OCTETS: Final = 24
_FORM: Final = re.compile(r"cwr_[A-Za-z0-9_-]{32}")
# The council is not known yet when a token is looked up.
_NO_COUNCIL: Final = 0
_USE_NOTED_EVERY: Final = timedelta(minutes=1)

_tokens = resident_tokens.c
# The device may have become another resident's meanwhile.
_BY_TOKEN: Final = (
    select(resident_tokens)
    .join(journeys, (journeys.c.id == _tokens.journey_id) & (journeys.c.resident_id == _tokens.resident_id))
    .where(_tokens.token_pseudonym == bindparam("pseudonym"), _tokens.expires_at > bindparam("now"))
)
_OF_RESIDENT: Final = (
    select(resident_tokens)
    .where(_tokens.resident_id == bindparam("resident_id"), _tokens.expires_at > bindparam("now"))
    .order_by(_tokens.created_at.desc())
)
_COUNT: Final = select(func.count()).where(
    _tokens.resident_id == bindparam("resident_id"), _tokens.expires_at > bindparam("now")
)
_WITHDRAW: Final = delete(resident_tokens).where(
    _tokens.id == bindparam("token_id"), _tokens.resident_id == bindparam("resident_id")
)
_NOTE_USE: Final = update(resident_tokens).where(_tokens.id == bindparam("token_id")).values(used_at=bindparam("now"))


@dataclass(frozen=True, slots=True)
class Token:
    """What a program of a resident's may use, and until when."""

    id: int
    resident_id: int
    journey_id: int
    may_delete: bool
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime


async def add(
    connection: Statements, keyring: Keyring, journey: Journey, *, may_delete: bool, expires_at: datetime, now: datetime
) -> str:
    """A new token of a journey's resident: the text that the program sends, which is kept nowhere."""
    text = _PREFIX + secrets.token_urlsafe(_OCTETS)
    values = {
        "council_id": journey.council_id,
        "resident_id": journey.resident_id,
        "journey_id": journey.id,
        "token_pseudonym": _pseudonym(keyring, text),
        "may_delete": may_delete,
        "created_at": now,
        "expires_at": expires_at,
    }
    await connection.execute(resident_tokens.insert(), values)
    return text


async def find(connection: Statements, keyring: Keyring, text: str, now: datetime) -> Token | None:
    """The token that a program sent; None where there is none such that is still good."""
    if not _FORM.fullmatch(text):
        return None
    asked = {"pseudonym": _pseudonym(keyring, text), "now": now}
    row = (await connection.execute(_BY_TOKEN, asked)).one_or_none()
    return None if row is None else _from_row(row)


async def of_resident(connection: Statements, resident_id: int | None, now: datetime) -> list[Token]:
    """A resident's tokens that are still good, the newest first."""
    asked = {"resident_id": resident_id, "now": now}
    return [_from_row(row) for row in await connection.execute(_OF_RESIDENT, asked)]


async def count(connection: Statements, resident_id: int | None, now: datetime) -> int:
    """How many tokens of a resident's are still good."""
    return int((await connection.execute(_COUNT, {"resident_id": resident_id, "now": now})).scalar_one())


async def withdraw(connection: Statements, resident_id: int | None, token_id: int) -> bool:
    """Let one of the resident's tokens open nothing any more; False where they have none such."""
    done = await connection.execute(_WITHDRAW, {"resident_id": resident_id, "token_id": token_id})
    return bool(done.rowcount)


async def note_use(database: Database, token: Token, now: datetime) -> None:
    """When it was used last, to the minute."""
    if token.used_at is None or now - token.used_at >= _USE_NOTED_EVERY:
        async with database.short_write() as connection:
            await connection.execute(_NOTE_USE, {"token_id": token.id, "now": now})


def _pseudonym(keyring: Keyring, text: str) -> bytes:
    return keyring.pseudonym("resident token", _NO_COUNCIL, text.encode())


def _from_row(row: Row[*tuple[Any, ...]]) -> Token:
    return Token(row.id, row.resident_id, row.journey_id, row.may_delete, row.created_at, row.used_at, row.expires_at)
