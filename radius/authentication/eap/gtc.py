"""EAP-GTC, Generic Token Card (RFC 3748 section 5.6), as it is used inside tunnels: one question for the password.

The password travels in clear, so this must never be offered outside a tunnel. It works with whatever form of the
password is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from radius.authentication.credential import CredentialVerifier, Verified
from radius.authentication.eap.method import Failed, Round, Succeeded
from radius.authentication.password import PapProof

EAP_GTC: Final = 6

_METHOD: Final = "gtc"
_QUESTION: Final = b"Password: "


class EapGtc:
    """One run with the device that gave ``identity``."""

    eap_type = EAP_GTC

    def __init__(self, identity: str, council_id: int, verifier: CredentialVerifier) -> None:
        self._identity = identity
        self._council_id = council_id
        self._verifier = verifier

    def begin(self) -> bytes:
        """The question, which some devices show."""
        return _QUESTION

    async def respond(self, type_data: bytes, now: datetime, identifier: int) -> Round:
        """Decided at once: the response is the password, in octets."""
        verified = await self._verifier.verify(self._council_id, self._identity, PapProof(type_data), now)
        return Succeeded(_METHOD, verified.credential) if isinstance(verified, Verified) else Failed(_METHOD, verified)
