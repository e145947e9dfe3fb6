"""Passwords of people who look after the installation: kept as argon2id hashes, checked off the event loop.

argon2 is slow and large on purpose, so only so many are checked at a time and only so many may wait: a flood of
guesses must not take the memory, or the processor, from those who are being served.
"""

from __future__ import annotations

import asyncio
from typing import Final

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

# 64 MiB and a fraction of a second for each check (RFC 9106, section 4).
PARAMETERS: Final[Parameters] = RFC_9106_LOW_MEMORY
_CHECKS_AT_ONCE: Final = 1
_CHECKS_WAITING: Final = 20


class TooManyChecksError(Exception):
    """As many passwords as may wait are waiting; ask again later."""


def hash_password(text: str) -> str:
    """The argon2id hash, with its parameters and salt, as text."""
    return PasswordHasher.from_parameters(PARAMETERS).hash(text)


class PasswordChecks:
    """One per process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(PARAMETERS)
        self._at_once = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._waiting = 0

    async def verify(self, password_hash: str, password: str | bytes) -> bool:
        """Whether it is the password. Raises TooManyChecksError."""
        if self._waiting >= _CHECKS_WAITING:
            raise TooManyChecksError
        self._waiting += 1
        try:
            async with self._at_once:
                return await asyncio.to_thread(self._verify, password_hash, password)
        finally:
            self._waiting -= 1

    def _verify(self, password_hash: str, password: str | bytes) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerificationError:
            return False
