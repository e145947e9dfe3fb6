"""What we keep of a password, in clear for the moment in which it is compared."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Protocol

from foundation.credentials import nt_hash


@dataclass(frozen=True, slots=True, repr=False)
class StoredPassword:
    """``nt_hash`` has 16 octets; ``password`` is None where only the hash was kept, so that CHAP cannot be checked."""

    nt_hash: bytes
    password: bytes | None = None

    @classmethod
    def of(cls, password: bytes) -> StoredPassword:
        """Both forms of a password that is known; one that is not UTF-8 has a hash that nothing matches."""
        try:
            return cls(nt_hash(password), password)
        except UnicodeDecodeError:
            return cls(secrets.token_bytes(16), password)


class Proof(Protocol):
    """What a device offers to show that it knows a password: one class per method."""

    @property
    def method(self) -> str:
        """As in the log: pap, chap, mschapv2 …"""

    def proves(self, stored: StoredPassword) -> bool:
        """Whether this password was known to who made the proof; takes as long when it was not."""
