"""Lasting credentials: is this proof one of knowing a resident's password?

Every path asks the directory once and compares one password, whether the name is known or not, so that the time of a
reject tells nothing. What a device is told does not tell either; only the log knows the reason.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import NamedTuple

from foundation.privacy import Keyring
from radius.authentication.outcome import RejectReason
from radius.authentication.password import ChapProof
from radius.authentication.stored_password import Proof, StoredPassword
from radius.directory import Credential, Directory


class Verified(NamedTuple):
    """Whose credential it is. ``stored`` is what keys of MS-CHAPv2 are derived from; it goes no further than that."""

    credential: Credential
    stored: StoredPassword


class CredentialVerifier:
    """Compares proofs with stored passwords; keeps no state."""

    def __init__(self, directory: Directory, keyring: Keyring) -> None:
        self._directory = directory
        self._keyring = keyring
        # Opened and compared for names that nobody has, and where one form of the password is not kept.
        self._nobodys_hash = keyring.encrypt("nt hash", secrets.token_bytes(16))
        self._nobodys_password = keyring.encrypt("credential", secrets.token_hex(16).encode())

    async def verify(self, council_id: int, user_name: str, proof: Proof, now: datetime) -> Verified | RejectReason:
        """The credential that the proof belongs to, or why not. Raises what Directory raises."""
        credential = await self._directory.credential(council_id, _without_domain(user_name))
        stored = self._open(credential)
        is_right = proof.proves(stored)
        if credential is None:
            return RejectReason.UNKNOWN_USER
        if isinstance(proof, ChapProof) and stored.password is None:
            return RejectReason.CHAP_NEEDS_PASSWORD
        if not is_right:
            return RejectReason.WRONG_PASSWORD
        return refusal(credential, now) or Verified(credential, stored)

    async def find(self, council_id: int, user_name: str, now: datetime) -> Credential | RejectReason:
        """The credential of somebody who has shown by other means who it is: by certificate, or a login before."""
        credential = await self._directory.credential(council_id, _without_domain(user_name))
        if credential is None:
            return RejectReason.UNKNOWN_USER
        return refusal(credential, now) or credential

    def _open(self, credential: Credential | None) -> StoredPassword:
        """What is kept of the password: its hash, beside it perhaps itself; in the oldest rows only itself.

        Two seals are opened whatever is kept, so that time does not tell it.
        """
        kept_hash = credential.nt_hash_encrypted if credential else None
        kept_password = credential.password_encrypted if credential else None
        nt_hash = self._keyring.decrypt("nt hash", kept_hash or self._nobodys_hash)
        password = self._keyring.decrypt("credential", kept_password or self._nobodys_password)
        if kept_password and not kept_hash:
            return StoredPassword.of(password)
        return StoredPassword(nt_hash, password if kept_password else None)


def refusal(credential: Credential, now: datetime) -> RejectReason | None:
    """Why a credential lets nobody in any more."""
    if credential.revoked_at is not None:
        return RejectReason.CREDENTIAL_REVOKED
    if credential.expires_at is not None and credential.expires_at <= now:
        return RejectReason.CREDENTIAL_EXPIRED
    return None


def readable_name(user_name: bytes) -> str:
    """A user name from inside a tunnel, fit for a look-up whatever its octets are.

    What is not UTF-8, and NUL, becomes U+FFFD: nobody's name has it, so that nobody is found.
    """
    return user_name.decode(errors="replace").replace("\0", "\ufffd")


def _without_domain(user_name: str) -> str:
    """Windows puts a domain, or the computer's own name, before a user name; nobody's name here has a backslash."""
    return user_name.rpartition("\\")[2]
