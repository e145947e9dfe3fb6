"""RADIUS requests that did not come over the network: written by hand, or captured earlier."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path
from typing import Any, Final

from citywifi.errors import CommandError
from radius import attributes
from radius.packet import Attribute, Code, encode_request, hide_password, new_authenticator

# RFC 2865 section 3, RFC 2866 section 3, and the ports that were used before them.
_PORTS: Final = frozenset({1812, 1813, 1645, 1646})
_REQUEST_CODES: Final = frozenset({Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER})
_CHAP_IDENTIFIER: Final = b"\x01"


@dataclass(frozen=True, slots=True, repr=False)
class Captured:
    """One datagram of a capture."""

    octets: bytes
    source: str
    at: datetime


def build_request(pairs: Sequence[tuple[str, Any]], secret: bytes, *, accounting: bool = False) -> bytes:
    """A request as equipment with that secret would send it; ``pairs`` are names and values.

    As with radclient, User-Password and CHAP-Password are given in clear. Raises LocalFaultError.
    """
    if accounting:
        return encode_request(Code.ACCOUNTING_REQUEST, 0, attributes.encode_all(pairs), secret).octets
    authenticator = new_authenticator()
    encoded = [attribute for name, value in pairs for attribute in _encode(name, value, secret, authenticator)]
    return encode_request(Code.ACCESS_REQUEST, 0, encoded, secret, authenticator=authenticator).octets


def read_capture(file: Path, octets: bytes) -> list[Captured]:
    """The RADIUS requests of a capture in pcap or pcapng, in order. Raises CommandError."""
    # Scapy takes a second to import.
    from scapy.error import Scapy_Exception
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.utils import rdpcap

    try:
        frames = rdpcap(io.BytesIO(octets))
    except (Scapy_Exception, EOFError, ValueError) as error:
        raise CommandError(f"{file} is not a capture that can be read: {error}") from None
    found = []
    for frame in frames:
        if UDP not in frame or frame[UDP].dport not in _PORTS:
            continue
        payload = bytes(frame[UDP].payload)
        if payload[:1] and payload[0] in _REQUEST_CODES:
            source = frame[IP].src if IP in frame else frame[IPv6].src
            found.append(Captured(payload, source, datetime.fromtimestamp(float(frame.time), UTC)))
    return found


def _encode(name: str, value: Any, secret: bytes, authenticator: bytes) -> tuple[Attribute, ...]:
    if name == "User-Password":
        return ((_number("User-Password"), hide_password(_octets(value), secret, authenticator)),)
    if name == "CHAP-Password":
        digest = md5(_CHAP_IDENTIFIER + _octets(value) + authenticator, usedforsecurity=False).digest()
        return ((_number("CHAP-Password"), _CHAP_IDENTIFIER + digest),)
    return attributes.encode_all([(name, value)])


def _number(name: str) -> int:
    return attributes.definition_of(name).number


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
