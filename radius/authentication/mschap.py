"""MS-CHAPv2: proof of knowing a password whose NT hash is all that the server keeps, and the keys that come of it.

RFC 2759 (the responses), RFC 3079 section 3 (the keys of 128 bits) and RFC 2548 section 2.3 (how RADIUS carries them).
MS-CHAPv1 (RFC 2433) is not offered: its challenge is the server's alone and it does not show that the server knows the
password. MD4, SHA-1 and DES are what the RFCs prescribe. They are weak, so MS-CHAPv2 belongs inside a tunnel; the
plain form is for equipment that can do no better.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha1
from typing import Final

from Cryptodome.Cipher import DES
from Cryptodome.Hash.MD4 import MD4Hash

from radius.authentication.stored_password import StoredPassword

CHALLENGE_OCTETS: Final = 16
NT_RESPONSE_OCTETS: Final = 24
RESPONSE_OCTETS: Final = 49
"""Peer challenge, 8 reserved octets, NT-Response, flags (RFC 2759 section 4)."""
ATTRIBUTE_OCTETS: Final = 50
"""MS-CHAP2-Response: identifier, flags, peer challenge, 8 reserved octets, NT-Response (RFC 2548 section 2.3.2)."""

_KEY_OCTETS: Final = 16
_RESERVED_OCTETS: Final = 8
# The constants of RFC 2759 section 8.7 and RFC 3079 section 3.4, which join the texts to what is hashed.
_SERVER_SIGNS: Final = b"Magic server to client signing constant"
_MORE_ITERATIONS: Final = b"Pad to make it do more than one iteration"
_MASTER_KEY: Final = b"This is the MPPE Master Key"
_CLIENT_SENDS: Final = b"On the client side, this is the send key; on the server side, it is the receive key."
_SERVER_SENDS: Final = b"On the client side, this is the receive key; on the server side, it is the send key."
_PADDING_1: Final = bytes(40)
_PADDING_2: Final = b"\xf2" * 40

# ERROR_AUTHENTICATION_FAILURE, whatever was wrong; no other try with the same challenge.
_ERROR: Final = "E=691 R=0 C={challenge} V=3 M=Authentication failed"


@dataclass(frozen=True, slots=True, repr=False)
class MppeKeys:
    """Keys of 16 octets, seen from the server's side, which is also that of the NAS (RFC 2548 sections 2.4.2, 2.4.3).

    ``receive`` opens what the device sends, ``send`` seals what it gets.
    """

    receive: bytes
    send: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Mschapv2Proof:
    """A response to a challenge of 16 octets (RFC 2759 section 4).

    ``user_name`` is as the device wrote it, in octets; a Windows domain before it takes no part in the hash.
    """

    user_name: bytes
    authenticator_challenge: bytes
    peer_challenge: bytes
    nt_response: bytes
    identifier: int
    method = "mschapv2"

    def proves(self, stored: StoredPassword) -> bool:
        """Whether the password was known to who made the response."""
        challenge = challenge_hash(self.peer_challenge, self.authenticator_challenge, self.user_name)
        return hmac.compare_digest(self.nt_response, challenge_response(challenge, stored.nt_hash))

    def success(self, stored: StoredPassword) -> bytes:
        """``S=`` and 40 hexadecimal digits, by which the device sees that the server knows the password too.

        In MS-CHAP2-Success the identifier stands before it, as it does before the failure message in MS-CHAP-Error.
        """
        digest = authenticator_response(
            stored.nt_hash, self.nt_response, self.peer_challenge, self.authenticator_challenge, self.user_name
        )
        return b"S=" + digest.hex().upper().encode()

    def keys(self, stored: StoredPassword) -> MppeKeys:
        """The keys that both sides can derive after a success."""
        return mppe_keys(stored.nt_hash, self.nt_response)


def read_response(response: bytes, user_name: bytes, authenticator_challenge: bytes, identifier: int) -> Mschapv2Proof:
    """The proof in a response of 49 octets. Reserved octets and flags are ignored."""
    nt_response_at = CHALLENGE_OCTETS + _RESERVED_OCTETS
    return Mschapv2Proof(
        user_name,
        authenticator_challenge,
        peer_challenge=response[:CHALLENGE_OCTETS],
        nt_response=response[nt_response_at : nt_response_at + NT_RESPONSE_OCTETS],
        identifier=identifier,
    )


def read_attribute(value: bytes, user_name: bytes, authenticator_challenge: bytes) -> Mschapv2Proof:
    """The proof in the 50 octets of MS-CHAP2-Response, in RADIUS or in TTLS."""
    return read_response(value[2:] + value[1:2], user_name, authenticator_challenge, identifier=value[0])


def new_challenge() -> bytes:
    """An authenticator challenge."""
    return secrets.token_bytes(CHALLENGE_OCTETS)


def failure() -> bytes:
    """The failure message (RFC 2759 section 6). It is the same for every reason, so that it tells none.

    The challenge in it would be for another try, which is not offered; its field must be there all the same.
    """
    return _ERROR.format(challenge=new_challenge().hex().upper()).encode()


def challenge_hash(peer_challenge: bytes, authenticator_challenge: bytes, user_name: bytes) -> bytes:
    """The 8 octets that the response answers (RFC 2759 section 8.2)."""
    return _sha1(peer_challenge, authenticator_challenge, without_domain(user_name))[:8]


def challenge_response(challenge: bytes, nt_hash: bytes) -> bytes:
    """NT-Response, 24 octets: the challenge encrypted by each third of the hash (RFC 2759 section 8.5)."""
    padded = nt_hash.ljust(21, b"\0")
    return b"".join(_des(padded[start : start + 7], challenge) for start in (0, 7, 14))


def authenticator_response(
    nt_hash: bytes, nt_response: bytes, peer_challenge: bytes, authenticator_challenge: bytes, user_name: bytes
) -> bytes:
    """The 20 octets behind ``S=`` (RFC 2759 section 8.7)."""
    digest = _sha1(_md4(nt_hash), nt_response, _SERVER_SIGNS)
    return _sha1(digest, challenge_hash(peer_challenge, authenticator_challenge, user_name), _MORE_ITERATIONS)


def mppe_keys(nt_hash: bytes, nt_response: bytes) -> MppeKeys:
    """The master session keys of 128 bits (RFC 3079 section 3.4)."""
    master = _sha1(_md4(nt_hash), nt_response, _MASTER_KEY)[:_KEY_OCTETS]
    return MppeKeys(receive=_asymmetric_key(master, _CLIENT_SENDS), send=_asymmetric_key(master, _SERVER_SENDS))


def without_domain(user_name: bytes) -> bytes:
    """The user name behind a Windows domain: ``DOMAIN\\anna`` is ``anna`` (RFC 2759 section 4)."""
    return user_name.rpartition(b"\\")[2]


def _asymmetric_key(master: bytes, direction: bytes) -> bytes:
    return _sha1(master, _PADDING_1, direction, _PADDING_2)[:_KEY_OCTETS]


def _des(seven: bytes, block: bytes) -> bytes:
    """One block encrypted by a key of 56 bits, which DES wants spread over 8 octets (RFC 2759 section 8.6).

    The lowest bit of each octet is parity, which nobody looks at.
    """
    bits = int.from_bytes(seven, "big")
    key = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    return DES.new(key, DES.MODE_ECB).encrypt(block)  # noqa: S304  what MS-CHAP prescribes


def _md4(octets: bytes) -> bytes:
    return MD4Hash(octets).digest()


def _sha1(*parts: bytes) -> bytes:
    return sha1(b"".join(parts), usedforsecurity=False).digest()
