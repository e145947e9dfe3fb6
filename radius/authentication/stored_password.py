"""What we keep of a password, in clear for the moment in which it is compared."""

from __future__ import annotations

import secrets
from typing import Protocol

from foundation.credentials import nt_hash


class StoredPassword:
    """The NT hash of 16 octets, the password, or both; without the password CHAP cannot be checked.

    The hash of a password that is known is made when it is asked for: most methods never do.
    """

    __slots__ = ("_nt_hash", "password")

    def __init__(self, nt_hash: bytes | None = None, password: bytes | None = None) -> None:
        self._nt_hash = nt_hash
        self.password = password

    @property
    def nt_hash(self) -> bytes:
        """16 octets; a password that is not UTF-8 has a hash that nothing matches."""
        if self._nt_hash is None:
            try:
                self._nt_hash = nt_hash(self.password or b"")
            except UnicodeDecodeError:
                self._nt_hash = secrets.token_bytes(16)
        return self._nt_hash

    @classmethod
    def of(cls, password: bytes) -> StoredPassword:
        """A password that is known."""
        return cls(password=password)


class Proof(Protocol):
    """What a device offers to show that it knows a password: one class per method."""

    @property
    def method(self) -> str:
        """As in the log: pap, chap, mschapv2 …"""

    def proves(self, stored: StoredPassword) -> bool:
        """Whether this password was known to who made the proof; takes as long when it was not."""
