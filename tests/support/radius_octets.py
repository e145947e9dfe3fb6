"""RADIUS packets made by hand, as the RFCs draw them, so that the codec is not tested by itself."""

from __future__ import annotations

import hashlib

from radius.packet import Attribute

SECRET = b"testing123"


def packet_octets(code: int, authenticator: bytes, attributes: list[Attribute], identifier: int = 7) -> bytes:
    """A packet as RFC 2865 section 3 draws it."""
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
    return bytes((code, identifier)) + (20 + len(body)).to_bytes(2, "big") + authenticator + body


def digest_of(octets: bytes, authenticator: bytes, secret: bytes = SECRET) -> bytes:
    """MD5 of the packet with the authenticator in its place, and the secret (RFC 2865 section 3)."""
    return hashlib.md5(octets[:4] + authenticator + octets[20:] + secret).digest()


def signed_octets(code: int, attributes: list[Attribute], secret: bytes = SECRET) -> bytes:
    """A request whose authenticator is its MD5: accounting (RFC 2866), dynamic authorisation (RFC 5176)."""
    octets = packet_octets(code, bytes(16), attributes)
    return octets[:4] + digest_of(octets, bytes(16), secret) + octets[20:]
