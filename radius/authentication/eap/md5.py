"""EAP-MD5-Challenge (RFC 3748 section 5.4): CHAP within EAP.

It derives no keys and does not prove the server to the device, so it is off by default; it has its place inside a
tunnel and on wired networks. It needs the password itself, not only its NT hash.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from radius.authentication.credential import CredentialVerifier, Verified
from radius.authentication.eap.method import Failed, Round, Succeeded
from radius.authentication.password import ChapProof
from radius.errors import EapMalformedError

EAP_MD5: Final = 4

_METHOD: Final = "md5"
_DIGEST_OCTETS: Final = 16


class EapMd5:
    """One run with the device that gave ``identity``."""

    eap_type = EAP_MD5

    def __init__(self, identity: str, council_id: int, verifier: CredentialVerifier) -> None:
        self._identity = identity
        self._council_id = council_id
        self._verifier = verifier
        self._challenge = secrets.token_bytes(_DIGEST_OCTETS)

    def begin(self) -> bytes:
        """Value-Size and challenge (RFC 1994 section 4.1)."""
        return bytes((len(self._challenge),)) + self._challenge

    async def respond(self, type_data: bytes, now: datetime, identifier: int) -> Round:
        """Decided at once. A name behind the digest is ignored: the identity counts."""
        if len(type_data) <= _DIGEST_OCTETS or type_data[0] != _DIGEST_OCTETS:
            raise EapMalformedError("an EAP-MD5 response begins with the size 16 and as many octets")
        proof = ChapProof(bytes((identifier,)), type_data[1 : 1 + _DIGEST_OCTETS], self._challenge)
        verified = await self._verifier.verify(self._council_id, self._identity, proof, now)
        return Succeeded(_METHOD, verified.credential) if isinstance(verified, Verified) else Failed(_METHOD, verified)
