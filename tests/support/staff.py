"""Staff as tests have them: an account, and the app that shows its codes."""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.staff import Role, add_account

PASSWORD = "a long enough password"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody of the staff."""

    user_name: str
    # The key in the authenticator app.
    key: bytes = field(repr=False)

    def code(self, now: datetime | None = None) -> str:
        """What the app shows, now or then."""
        moment = now or datetime.now(UTC)
        return TOTP(self.key, 6, SHA1(), 30).generate(int(moment.timestamp())).decode()

    def log_in(self, password: str = PASSWORD) -> dict[str, str]:
        """The fields of the form."""
        return {"user_name": self.user_name, "password": password, "code": self.code()}


async def add_staff(
    database: Database, keyring: Keyring, user_name: str, councils: Collection[int], *roles: Role
) -> Account:
    """A new account with these roles for each of the councils."""
    async with database.write() as connection:
        uri = await add_account(connection, keyring, user_name, PASSWORD, councils, roles, datetime.now(UTC))
    return Account(user_name, key_in(uri))


def key_in(uri: str) -> bytes:
    """What the authenticator app reads in an ``otpauth://`` address."""
    return base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])
