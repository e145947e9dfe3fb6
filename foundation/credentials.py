"""Lasting credentials: how a user name and password are made, sealed and stored, for the portal and the command line.

A leaked database reveals no password: what is stored is sealed by the key beside it. The NT hash (MD4 of the password
in UTF-16, MS-NLMP section 3.3.1) serves PAP, MS-CHAPv2 and all tunnelled methods; CHAP alone needs the password
itself, so that is kept only where asked for.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from Cryptodome.Hash.MD4 import MD4Hash
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from xkcdpass.xkcd_password import generate_wordlist, locate_wordfile

from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.privacy import Keyring
from foundation.schema import credentials, residents

# 6,134 words of the list are used: 12.6 bits each.
_PASSWORD_WORDS: Final = 4
_NAME_WORDS: Final = 2
_NAME_DIGITS: Final = 4
# RFC 2865 sections 5.1 and 5.2: what User-Name and User-Password can carry.
_LONGEST_NAME_OCTETS: Final = 253
_LONGEST_PASSWORD_OCTETS: Final = 128
_NT_HASH: Final = re.compile(r"[0-9a-fA-F]{32}")
# RADIUS takes such a name for a one-time token of the portal, and never asks for a credential.
_TOKEN_NAME: Final = re.compile(r"t[a-z2-7]{26}")
_LONGEST_GROUP: Final = 64
# The log notes a resident's activity once an hour; so the first use is noted, however soon it comes.
_NOT_YET_SEEN: Final = timedelta(hours=1)


class CredentialError(Exception):
    """A user name, password or group cannot be used; the message says why, and never shows a password."""


@dataclass(frozen=True, slots=True, repr=False)
class NewCredential:
    """What its owner is told once; the password cannot be read again where only the NT hash is kept."""

    id: int
    user_name: str
    password: str


@dataclass(frozen=True, slots=True, repr=False)
class WantedCredential:
    """One of many to be added. Without a password one is made, unless its NT hash is known from another system."""

    user_name: str
    password: str | None = None
    nt_hash: bytes | None = None
    group_name: str = ""
    expires_at: datetime | None = None


def nt_hash(password: str | bytes) -> bytes:
    """The 16 octets that MS-CHAP is computed from. Raises UnicodeDecodeError for octets that are not UTF-8."""
    text = password if isinstance(password, str) else password.decode()
    # MD4.new would make two objects of them, and each takes longer than the digest.
    return MD4Hash(text.encode("utf-16-le")).digest()


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
        created_at=now,
        expires_at=expires_at,
        **_sealed(keyring, secret, nt_hash(secret), keep_password),
    )
    credential_id = (await connection.execute(statement.returning(credentials.c.id))).scalar_one()
    return NewCredential(credential_id, name, secret)


async def add_credentials(
    connection: AsyncConnection,
    keyring: Keyring,
    wanted: Sequence[WantedCredential],
    *,
    council_id: int,
    now: datetime,
    keep_password: bool,
) -> list[NewCredential]:
    """Store credentials in the order given, each of a resident of its own, so that limits per resident work.

    ``password`` of what is returned is empty where only the NT hash was known. Raises IntegrityError when the council
    has one of the user names already.
    """
    if not wanted:
        return []
    people = [
        {
            "council_id": council_id,
            "contact_kind": "none",
            "group_name": one.group_name,
            "registered_at": now,
            "last_seen_at": now - _NOT_YET_SEEN,
        }
        for one in wanted
    ]
    added = insert(residents).returning(residents.c.id, sort_by_parameter_order=True)
    resident_ids = (await connection.execute(added, people)).scalars().all()
    passwords = [one.password or ("" if one.nt_hash else generate_password()) for one in wanted]
    rows = [
        {
            "council_id": council_id,
            "resident_id": resident_id,
            "user_name": one.user_name,
            "created_at": now,
            "expires_at": one.expires_at,
            **_sealed(keyring, password, one.nt_hash or nt_hash(password), keep_password and bool(password)),
        }
        for one, password, resident_id in zip(wanted, passwords, resident_ids, strict=True)
    ]
    stored = insert(credentials).returning(credentials.c.id, sort_by_parameter_order=True)
    credential_ids = (await connection.execute(stored, rows)).scalars().all()
    return [
        NewCredential(credential_id, one.user_name, password)
        for one, password, credential_id in zip(wanted, passwords, credential_ids, strict=True)
    ]


def checked_user_name(text: str) -> str:
    """A user name without spaces around it. Raises CredentialError for one that nobody could log in with."""
    name = text.strip()
    if not name or len(name.encode()) > _LONGEST_NAME_OCTETS:
        raise CredentialError(f"a user name has 1 to {_LONGEST_NAME_OCTETS} octets")
    if not name.isprintable():
        raise CredentialError("a user name has only letters, digits, signs and spaces")
    if "\\" in name:
        raise CredentialError("a user name has no backslash: what stands before one is taken for a Windows domain")
    if _TOKEN_NAME.fullmatch(name) or _is_mac_address(name):
        raise CredentialError("RADIUS would take this name for a device or for one of the portal's own; choose another")
    return name


def checked_password(text: str) -> str:
    """A password that User-Password can carry. Raises CredentialError."""
    if not 0 < len(text.encode()) <= _LONGEST_PASSWORD_OCTETS:
        raise CredentialError(f"a password has 1 to {_LONGEST_PASSWORD_OCTETS} octets")
    if not text.isprintable():
        raise CredentialError("a password has only letters, digits, signs and spaces")
    return text


def checked_nt_hash(text: str) -> bytes:
    """An NT hash as other systems write it: 32 hexadecimal digits. Raises CredentialError."""
    if not _NT_HASH.fullmatch(text.strip()):
        raise CredentialError("an NT hash has 32 hexadecimal digits")
    return bytes.fromhex(text.strip())


def checked_group(text: str) -> str:
    """A group's name as policies have it. Raises CredentialError."""
    name = text.strip()
    if len(name) > _LONGEST_GROUP or not name.isprintable():
        raise CredentialError(f"a group's name has at most {_LONGEST_GROUP} letters, digits and signs")
    return name


def _sealed(keyring: Keyring, password: str, known_nt_hash: bytes, keep_password: bool) -> dict[str, Any]:
    return {
        "nt_hash_encrypted": keyring.encrypt("nt hash", known_nt_hash),
        "password_encrypted": keyring.encrypt("credential", password.encode()) if keep_password else None,
    }


def _is_mac_address(text: str) -> bool:
    try:
        MacAddress.parse(text)
    except NotAMacAddressError:
        return False
    return True


@cache
def _words() -> tuple[str, ...]:
    """Words of the EFF's list that are short and plain enough to be spelled out."""
    words: list[str] = generate_wordlist(locate_wordfile("eff-long"), min_length=4, max_length=8, valid_chars="[a-z]")
    return tuple(words)
