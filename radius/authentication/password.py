"""Proof that somebody knows a password: PAP and CHAP (RFC 2865 sections 5.2, 5.3 and 5.40, RFC 1994).

MS-CHAPv2 is in ``radius.authentication.mschap``; what a request offers of all of them is read here.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import md5

from radius.attributes import VENDOR_SPECIFIC, definition_of
from radius.authentication.mschap_attributes import read_proof
from radius.authentication.stored_password import Proof, StoredPassword
from radius.errors import MalformedAttributeError
from radius.packet import Packet, reveal_password

_CHAP_PASSWORD_OCTETS = 17
_USER_PASSWORD = definition_of("User-Password").number
_CHAP_PASSWORD = definition_of("CHAP-Password").number
_CHAP_CHALLENGE = definition_of("CHAP-Challenge").number


class PapProof:
    """The password itself, octets and not text."""

    # A frozen dataclass takes several times as long to be made, and nearly every login makes one.
    __slots__ = ("password",)
    method = "pap"

    def __init__(self, password: bytes) -> None:
        self.password = password

    def proves(self, stored: StoredPassword) -> bool:
        """Whether this is the password; a wrong one takes as long whatever was kept, and however near it was."""
        if stored.password is not None and hmac.compare_digest(self.password, stored.password):
            return True
        has_same_hash = hmac.compare_digest(StoredPassword.of(self.password).nt_hash, stored.nt_hash)
        return has_same_hash and stored.password is None


@dataclass(frozen=True, slots=True, repr=False)
class ChapProof:
    """MD5 over identifier, password and challenge."""

    identifier: bytes
    response: bytes
    challenge: bytes
    method = "chap"

    def proves(self, stored: StoredPassword) -> bool:
        """Whether the password was known to who made the response; never where only its hash was kept."""
        known = stored.password if stored.password is not None else b""
        expected = md5(self.identifier + known + self.challenge, usedforsecurity=False).digest()
        return hmac.compare_digest(self.response, expected) and stored.password is not None


def read_proofs(packet: Packet, secret: bytes) -> list[Proof]:
    """What an Access-Request offers: none, one, or several, which RFC 2865 section 4.1 forbids.

    Raises MalformedAttributeError.
    """
    proofs: list[Proof] = []
    first = packet.first
    hidden = first.get(_USER_PASSWORD)
    if hidden is not None:
        proofs.append(PapProof(reveal_password(hidden, secret, packet.authenticator)))
    response = first.get(_CHAP_PASSWORD)
    if response is not None:
        if len(response) != _CHAP_PASSWORD_OCTETS:
            raise MalformedAttributeError("CHAP-Password", "17 octets")
        # Without CHAP-Challenge the Request Authenticator is the challenge.
        challenge = first.get(_CHAP_CHALLENGE) or packet.authenticator
        proofs.append(ChapProof(response[:1], response[1:], challenge))
    if VENDOR_SPECIFIC in first and (mschapv2 := read_proof(packet)) is not None:
        proofs.append(mschapv2)
    return proofs
