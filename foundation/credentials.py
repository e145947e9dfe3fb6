"""Lasting credentials: how a user name and password are made, sealed and stored, for the portal and the command line.

A leaked database reveals no password: what is stored is sealed by the key beside it. The NT hash (MD4 of the password
in UTF-16, MS-NLMP section 3.3.1) serves PAP, MS-CHAPv2 and all tunnelled methods; CHAP alone needs the password
itself, so that is kept only where asked for.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from Cryptodome.Hash import MD4
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from xkcdpass.xkcd_password import generate_wordlist, locate_wordfile

from foundation.privacy import Keyring
from foundation.schema import credentials

# 6,134 words of the list are used: 12.6 bits each.
_PASSWORD_WORDS: Final = 4
_NAME_WORDS: Final = 2
_NAME_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, repr=False)
class NewCredential:
    """What its owner is told once; the password cannot be read again where only the NT hash is kept."""

    id: int
    user_name: str
    password: str


def nt_hash(password: str | bytes) -> bytes:
    """The 16 octets that MS-CHAP is computed from. Raises UnicodeDecodeError for octets that are not UTF-8."""
    text = password if isinstance(password, str) else password.decode()
    return MD4.new(text.encode("utf-16-le")).digest()  # noqa: S303  what MS-CHAP prescribes


def generate_password() -> str:
    """Four common English words: about 50 bits, and possible to read out over a counter."""
    return "-".join(secrets.choice(_words()) for _ in range(_PASSWORD_WORDS))


def generate_user_name() -> str:
    """Two words and four digits: a name that says nothing of its owner."""
    words = "-".join(secrets.choice(_words()) for _ in range(_NAME_WORDS))
    return f"{words}-{secrets.randbelow(10**_NAME_DIGITS):0{_NAME_DIGITS}}"


async def add_credential(
    connection: AsyncConnection,
    keyring: Keyring,
    *,
    council_id: int,
    resident_id: int | None,
    now: datetime,
    user_name: str | None = None,
    password: str | None = None,
    keep_password: bool = False,
    expires_at: datetime | None = None,
) -> NewCredential:
    """Store a credential; without a name or password one is made. ``keep_password`` makes CHAP possible.

    Raises IntegrityError when the council has that user name already.
    """
    name = user_name or generate_user_name()
    secret = password or generate_password()
    statement = insert(credentials).values(
        council_id=council_id,
        resident_id=resident_id,
        user_name=name,
        nt_hash_encrypted=keyring.encrypt("nt hash", nt_hash(secret)),
        password_encrypted=keyring.encrypt("credential", secret.encode()) if keep_password else None,
        created_at=now,
        expires_at=expires_at,
    )
    credential_id = (await connection.execute(statement.returning(credentials.c.id))).scalar_one()
    return NewCredential(credential_id, name, secret)


@cache
def _words() -> tuple[str, ...]:
    """Words of the EFF's list that are short and plain enough to be spelled out."""
    words: list[str] = generate_wordlist(locate_wordfile("eff-long"), min_length=4, max_length=8, valid_chars="[a-z]")
    return tuple(words)
