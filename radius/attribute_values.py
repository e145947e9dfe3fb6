"""How the values of RADIUS attributes travel: for every dictionary type a pair of functions, one the other's inverse.

Data types are those of RFC 8044 under the names that dictionary files use. A decoding function raises ValueError for
octets that do not fit, an encoding one ValueError or TypeError for a value that does not; ``radius.attributes`` turns
them into errors that name the attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network

Value = str | bytes | int | IPv4Address | IPv6Address | IPv6Network | datetime

_IPV6_OCTETS = 16


@dataclass(frozen=True, slots=True)
class ValueType:
    """A dictionary type; ``expected`` says in words what its values must be."""

    expected: str
    decode: Callable[[bytes], Value]
    encode: Callable[[Value], bytes]


def decode_text(octets: bytes) -> str:
    """UTF-8 text. NUL is refused: no name or identifier has one, and PostgreSQL cannot store it."""
    # A number is found several times as fast as the octets b"\0".
    if 0 in octets:
        raise ValueError("text contains NUL")
    return octets.decode()


def _encode_text(value: Value) -> bytes:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("not text")
    return value.encode()


def _encode_octets(value: Value) -> bytes:
    if not isinstance(value, bytes) or not value:
        raise ValueError("no octets")
    return value


def _exactly(length: int, octets: bytes) -> bytes:
    if len(octets) != length:
        raise ValueError(f"{len(octets)} octets")
    return octets


def _fixed_octets(length: int) -> ValueType:
    return ValueType(
        f"{length} octets",
        lambda octets: _exactly(length, octets),
        lambda value: _exactly(length, _encode_octets(value)),
    )


def _number(length: int, *, signed: bool = False) -> ValueType:
    bits = 8 * length
    smallest, largest = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)

    def encode(value: Value) -> bytes:
        if not isinstance(value, int):
            raise TypeError("not a number")
        if not smallest <= value <= largest:
            raise ValueError("out of range")
        return value.to_bytes(length, "big", signed=signed)

    return ValueType(
        f"{'a signed' if signed else 'an unsigned'} number of {bits} bits",
        lambda octets: int.from_bytes(_exactly(length, octets), "big", signed=signed),
        encode,
    )


def _encode_ipv4(value: Value) -> bytes:
    if not isinstance(value, str | IPv4Address):
        raise TypeError("not an address")
    return IPv4Address(value).packed


def _encode_ipv6(value: Value) -> bytes:
    if not isinstance(value, str | IPv6Address):
        raise TypeError("not an address")
    return IPv6Address(value).packed


def _decode_prefix(octets: bytes) -> IPv6Network:
    """RFC 3162 section 2.3: a reserved octet, the prefix's length, and as many octets of it as were sent."""
    if not 2 <= len(octets) <= 2 + _IPV6_OCTETS:
        raise ValueError(f"{len(octets)} octets")
    prefix_length, address = octets[1], octets[2:].ljust(_IPV6_OCTETS, b"\0")
    return IPv6Network((address, prefix_length))


def _encode_prefix(value: Value) -> bytes:
    if not isinstance(value, str | IPv6Network):
        raise TypeError("not a prefix")
    network = IPv6Network(value)
    return bytes((0, network.prefixlen)) + network.network_address.packed


def _decode_date(octets: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(_exactly(4, octets), "big"), UTC)


def _encode_date(value: Value) -> bytes:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError("not an aware datetime")
    try:
        return int(value.timestamp()).to_bytes(4, "big")
    except OverflowError as error:
        raise ValueError(str(error)) from error


VALUE_TYPES: dict[str, ValueType] = {
    "string": ValueType("UTF-8 text of at least one character and without NUL", decode_text, _encode_text),
    "octets": ValueType("at least one octet", lambda octets: octets, _encode_octets),
    "integer": _number(4),
    "integer64": _number(8),
    "short": _number(2),
    "byte": _number(1),
    "signed": _number(4, signed=True),
    "ipaddr": ValueType("an IPv4 address", IPv4Address, _encode_ipv4),
    "ipv6addr": ValueType("an IPv6 address", IPv6Address, _encode_ipv6),
    "ipv6prefix": ValueType("an IPv6 prefix", _decode_prefix, _encode_prefix),
    "date": ValueType("a time between 1970 and 2106 with its time zone", _decode_date, _encode_date),
    "ifid": _fixed_octets(8),
    "ether": _fixed_octets(6),
    # Its own octets; what lies in it has names of its own.
    "tlv": ValueType("at least one octet", lambda octets: octets, _encode_octets),
}
"""Every dictionary type that we know, by its name in the files."""
