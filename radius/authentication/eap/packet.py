"""EAP packets (RFC 3748 section 4), and how RADIUS carries them in EAP-Message (RFC 3579 section 3.1).

No sockets, no state. A length that differs from the octets that came is malformed: RADIUS carries packets whole and
without the padding that RFC 3748 allows a link to have.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from radius import attributes
from radius.errors import EapMalformedError
from radius.packet import Attribute, Packet

_EAP_MESSAGE: Final = "EAP-Message"
_HEADER: Final = struct.Struct("!BBH")
_HEADER_AND_TYPE: Final = struct.Struct("!BBHB")
_HEADER_OCTETS: Final = 4
_EXPANDED: Final = struct.Struct("!3sI")
_IETF: Final = bytes(3)


class Code(IntEnum):
    """What a packet is."""

    REQUEST = 1
    RESPONSE = 2
    SUCCESS = 3
    FAILURE = 4


_CODES: Final = {int(code): code for code in Code}
_WITHOUT_TYPE: Final = frozenset({Code.SUCCESS, Code.FAILURE})


class Type(IntEnum):
    """The types that are no methods (RFC 3748 section 5)."""

    IDENTITY = 1
    NOTIFICATION = 2
    NAK = 3
    EXPANDED = 254


# A member of an enumeration takes as long to look up as a small function to run, and each round asks for some.
_NAK: Final = Type.NAK
_EXPANDED_TYPE: Final = Type.EXPANDED


@dataclass(frozen=True, slots=True, repr=False)
class EapPacket:
    """A well-formed packet. ``eap_type`` is 0 and ``type_data`` empty in Success and Failure."""

    code: Code
    identifier: int
    eap_type: int = 0
    type_data: bytes = b""

    def encode(self) -> bytes:
        """The packet's octets."""
        if self.code in _WITHOUT_TYPE:
            return _HEADER.pack(self.code, self.identifier, _HEADER_OCTETS)
        length = _HEADER_OCTETS + 1 + len(self.type_data)
        return _HEADER_AND_TYPE.pack(self.code, self.identifier, length, self.eap_type) + self.type_data


def decode(octets: bytes) -> EapPacket:
    """Read a packet. Raises EapMalformedError."""
    if len(octets) < _HEADER_OCTETS:
        raise EapMalformedError(f"an EAP packet has at least {_HEADER_OCTETS} octets, not {len(octets)}")
    number, identifier, length = _HEADER.unpack_from(octets)
    if length != len(octets):
        raise EapMalformedError(f"an EAP packet says that it has {length} octets, and {len(octets)} came")
    code = _CODES.get(number)
    if code is None:
        raise EapMalformedError(f"EAP knows no code {number}")
    if code in _WITHOUT_TYPE:
        if length != _HEADER_OCTETS:
            raise EapMalformedError("EAP-Success and EAP-Failure carry nothing")
        return EapPacket(code, identifier)
    if length == _HEADER_OCTETS:
        raise EapMalformedError("an EAP request or response has a type")
    return EapPacket(code, identifier, octets[_HEADER_OCTETS], octets[_HEADER_OCTETS + 1 :])


def join(packet: Packet) -> bytes:
    """The EAP packet that a RADIUS packet's EAP-Message attributes make together; empty for EAP-Start.

    Raises MalformedAttributeError where other attributes lie in between.
    """
    return attributes.get_joined(packet, _EAP_MESSAGE) or b""


def split(octets: bytes) -> tuple[Attribute, ...]:
    """An EAP packet as EAP-Message attributes, all but the last one full."""
    return attributes.encode_joined(_EAP_MESSAGE, octets)


def wanted_types(response: EapPacket) -> frozenset[int] | None:
    """The methods that a device asks for instead of the one proposed; None when the packet is no NAK.

    An expanded NAK (RFC 3748 section 5.3.2) lists expanded types; of those only the IETF's have a meaning here.
    Raises EapMalformedError.
    """
    if response.eap_type == _NAK:
        if not response.type_data:
            raise EapMalformedError("a NAK names at least one type")
        # 0 stands for no alternative.
        return frozenset(response.type_data) - {0}
    if response.eap_type != _EXPANDED_TYPE:
        return None
    vendor, number, alternatives = _expanded(response.type_data)
    if (vendor, number) != (_IETF, Type.NAK):
        return None
    wanted = set()
    while alternatives:
        if alternatives[0] != Type.EXPANDED:
            raise EapMalformedError("an expanded NAK lists expanded types")
        vendor, number, _ = _expanded(alternatives[1 : 1 + _EXPANDED.size])
        alternatives = alternatives[1 + _EXPANDED.size :]
        if vendor == _IETF:
            wanted.add(number)
    return frozenset(wanted) - {0}


def _expanded(octets: bytes) -> tuple[bytes, int, bytes]:
    """Vendor, vendor's type and what follows."""
    if len(octets) < _EXPANDED.size:
        raise EapMalformedError("an expanded type has 8 octets (RFC 3748 section 5.7)")
    vendor, number = _EXPANDED.unpack_from(octets)
    return vendor, number, octets[_EXPANDED.size :]
