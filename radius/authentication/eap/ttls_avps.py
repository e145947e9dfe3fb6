"""The attributes inside TTLS's tunnel: Diameter AVPs (RFC 5281 section 10.1, RFC 6733 section 4.1), read strictly."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from radius.errors import EapMalformedError

USER_NAME: Final = (0, 1)
USER_PASSWORD: Final = (0, 2)
CHAP_PASSWORD: Final = (0, 3)
CHAP_CHALLENGE: Final = (0, 60)
EAP_MESSAGE: Final = (0, 79)
MS_CHAP_CHALLENGE: Final = (311, 11)
MS_CHAP2_RESPONSE: Final = (311, 25)
MS_CHAP2_SUCCESS: Final = (311, 26)

Code = tuple[int, int]
"""Vendor (0 for RADIUS's own attributes) and number."""

_KNOWN: Final = frozenset(
    {
        USER_NAME,
        USER_PASSWORD,
        CHAP_PASSWORD,
        CHAP_CHALLENGE,
        EAP_MESSAGE,
        MS_CHAP_CHALLENGE,
        MS_CHAP2_RESPONSE,
    }
)
_HEADER: Final = struct.Struct("!II")
_VENDOR: Final = struct.Struct("!I")
_HAS_VENDOR: Final = 0x80
_MANDATORY: Final = 0x40
_MOST_AVPS: Final = 64
_ALIGNMENT: Final = 4


@dataclass(frozen=True, slots=True, repr=False)
class Avps:
    """What a device sent: each attribute once, except EAP-Message, whose pieces are joined."""

    values: dict[Code, bytes]

    def get(self, code: Code) -> bytes | None:
        """An attribute's value, or None."""
        return self.values.get(code)


def read(octets: bytes) -> Avps:
    """The attributes that mean something here; others are ignored unless they are mandatory.

    Raises EapMalformedError.
    """
    values: dict[Code, bytes] = {}
    count = 0
    while octets:
        code, is_mandatory, value, octets = _first(octets)
        count += 1
        if count > _MOST_AVPS:
            raise EapMalformedError(f"more than {_MOST_AVPS} attributes inside the tunnel")
        if code in values and code != EAP_MESSAGE:
            raise EapMalformedError(f"attribute {code[1]} of vendor {code[0]} comes twice inside the tunnel")
        if code in _KNOWN:
            values[code] = values.get(code, b"") + value
        elif is_mandatory:
            raise EapMalformedError(f"the device insists on attribute {code[1]} of vendor {code[0]}, unknown here")
    return Avps(values)


def encode(code: Code, value: bytes) -> bytes:
    """One mandatory attribute, padded."""
    vendor, number = code
    flags = _MANDATORY | (_HAS_VENDOR if vendor else 0)
    body = (_VENDOR.pack(vendor) if vendor else b"") + value
    return _HEADER.pack(number, flags << 24 | _HEADER.size + len(body)) + body + bytes(-len(body) % _ALIGNMENT)


def _first(octets: bytes) -> tuple[Code, bool, bytes, bytes]:
    """Code, whether it is mandatory, value, and what follows."""
    if len(octets) < _HEADER.size:
        raise EapMalformedError("an attribute inside the tunnel is cut off")
    number, flags_and_length = _HEADER.unpack_from(octets)
    flags, length = flags_and_length >> 24, flags_and_length & 0xFFFFFF
    start = _HEADER.size + (_VENDOR.size if flags & _HAS_VENDOR else 0)
    padded = length + -length % _ALIGNMENT
    if length < start or padded > len(octets):
        raise EapMalformedError("the length of an attribute inside the tunnel is wrong")
    vendor = _VENDOR.unpack_from(octets, _HEADER.size)[0] if flags & _HAS_VENDOR else 0
    return (vendor, number), bool(flags & _MANDATORY), octets[start:length], octets[padded:]
