"""MS-CHAPv2 in RADIUS itself (RFC 2548 section 2.3): what asks, what accepts and what rejects.

CoovaChilli speaks it where its ``mschapv2`` is on, and so do PPP and VPN servers.
"""

from __future__ import annotations

from radius import attributes
from radius.authentication import mschap
from radius.authentication.mschap import Mschapv2Proof
from radius.authentication.stored_password import StoredPassword
from radius.errors import MalformedAttributeError
from radius.packet import Attribute, Packet

# Whoever encrypts by the keys below uses 128 bits (section 2.4.5: bit 4 of the types), and may also not encrypt.
_TYPES_128_BITS = 4


def read_proof(packet: Packet) -> Mschapv2Proof | None:
    """What MS-CHAP2-Response and MS-CHAP-Challenge offer, None without a response. Raises MalformedAttributeError."""
    response = attributes.get_octets(packet, "MS-CHAP2-Response")
    if response is None:
        return None
    if len(response) != mschap.ATTRIBUTE_OCTETS:
        raise MalformedAttributeError("MS-CHAP2-Response", f"{mschap.ATTRIBUTE_OCTETS} octets")
    challenge = attributes.get_octets(packet, "MS-CHAP-Challenge")
    if challenge is None or len(challenge) != mschap.CHALLENGE_OCTETS:
        raise MalformedAttributeError("MS-CHAP-Challenge", f"{mschap.CHALLENGE_OCTETS} octets")
    user_name = attributes.get_octets(packet, "User-Name") or b""
    return mschap.read_attribute(response, user_name, challenge)


def success_attributes(
    proof: Mschapv2Proof, stored: StoredPassword, secret: bytes, authenticator: bytes
) -> tuple[Attribute, ...]:
    """Our own proof for the device, and the keys for the equipment, hidden by the shared ``secret``.

    ``authenticator`` is the request's.
    """
    keys = proof.keys(stored)
    return (
        attributes.encode("MS-CHAP2-Success", bytes((proof.identifier,)) + proof.success(stored)),
        attributes.encode("MS-MPPE-Encryption-Policy", "Encryption-Allowed"),
        attributes.encode("MS-MPPE-Encryption-Types", _TYPES_128_BITS),
        attributes.encode_salted("MS-MPPE-Send-Key", keys.send, secret, authenticator),
        attributes.encode_salted("MS-MPPE-Recv-Key", keys.receive, secret, authenticator),
    )


def error_attributes(proof: Mschapv2Proof) -> tuple[Attribute, ...]:
    """The same error for every reason."""
    return (attributes.encode("MS-CHAP-Error", bytes((proof.identifier,)) + mschap.failure()),)
