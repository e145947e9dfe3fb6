"""RADIUS attributes by name and type: ``encode("Session-Timeout", 3600)``, ``get_text(request, "User-Name")``.

Names, numbers and types come from the files in ``dictionaries``, which pyrad reads once, at import; nothing else
reads dictionaries. Where a value lies in a packet (``radius.attribute_layout``) nobody else has to know: a vendor's
attribute is wrapped in Vendor-Specific and found in it again, one inside another is too.

Python values by dictionary type: ``string`` is str, ``octets`` bytes, ``integer`` (and ``integer64``, ``short``,
``byte``, ``signed``) int, ``ipaddr`` and ``ipv6addr`` the ipaddress module's addresses, ``ipv6prefix`` its
IPv6Network, ``date`` an aware datetime in UTC, ``ifid``, ``ether`` and ``tlv`` bytes.

Readers return the first of several attributes of one name, or None; equipment does send doubles. They raise
MalformedAttributeError for a value that does not fit its type, whose ``reason`` is that of the discard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

from pyrad.dictionary import Dictionary

from radius.attribute_layout import (
    VENDOR_ID_OCTETS,
    VENDOR_SPECIFIC,
    AttributeDefinition,
    find_values,
    place,
    tagged,
    untagged,
)
from radius.attribute_values import VALUE_TYPES, Value, decode_text
from radius.authenticators import hide_salted, reveal_salted
from radius.errors import MalformedAttributeError, UnencodableError, UnknownAttributeError
from radius.packet import LONGEST_VALUE_OCTETS, Attribute, Packet

__all__ = [
    "DEFINITIONS",
    "VENDOR_SPECIFIC",
    "AttributeDefinition",
    "decode_value",
    "definition_of",
    "encode",
    "encode_all",
    "encode_joined",
    "encode_salted",
    "get",
    "get_address",
    "get_all",
    "get_all_octets",
    "get_date",
    "get_integer",
    "get_joined",
    "get_octets",
    "get_salted",
    "get_tagged",
    "get_text",
    "named_value",
    "value_name",
]

_ENCRYPTED_BY_SALT: Final = 2
_INTEGER_OCTETS: Final = 4


def encode(name: str, value: Value, *, tag: int = 0) -> Attribute:
    """One attribute as it goes into a packet.

    A number may be given by its name, as in ``encode("Acct-Status-Type", "Stop")``. ``tag`` groups the attributes of
    one tunnel (RFC 2868).

    Raises UnknownAttributeError for a name that no dictionary has, UnencodableError for a value that does not fit.
    """
    number = _UNTAGGED_NUMBERS.get(name)
    octets = _octets_of(definition_of(name), value)
    if number is not None and not tag and len(octets) <= LONGEST_VALUE_OCTETS:
        return number, octets
    placed = _place(name, octets, tag)
    if len(placed) > 1:
        raise UnencodableError(f"{name} takes {len(placed)} pieces; encode it with encode_all")
    return placed[0]


def encode_all(values: Mapping[str, Value] | Iterable[tuple[str, Value]]) -> tuple[Attribute, ...]:
    """Several attributes in the order given; pairs may repeat a name. Raises what ``encode`` raises."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return tuple([attribute for name, value in pairs for attribute in _encode(name, value)])


def encode_joined(name: str, octets: bytes) -> tuple[Attribute, ...]:
    """Octets of any length as attributes of one name that follow each other: EAP-Message (RFC 3579 section 3.1)."""
    number = definition_of(name).number
    if len(octets) <= LONGEST_VALUE_OCTETS:
        return ((number, octets),)
    starts = range(0, len(octets), LONGEST_VALUE_OCTETS)
    return tuple([(number, octets[start : start + LONGEST_VALUE_OCTETS]) for start in starts])


def encode_salted(name: str, value: bytes, secret: bytes, authenticator: bytes, *, tag: int = 0) -> Attribute:
    """A hidden attribute of a reply: Tunnel-Password, MS-MPPE-Send-Key. ``authenticator`` is the request's."""
    return encode(name, hide_salted(value, secret, authenticator), tag=tag)


def get_salted(packet: Packet, name: str, secret: bytes, authenticator: bytes) -> bytes | None:
    """What the first attribute of that name hides. Raises MalformedAttributeError."""
    value = get(packet, name)
    return None if value is None else reveal_salted(_as_octets(name, value), secret, authenticator, name)


def get_joined(packet: Packet, name: str) -> bytes | None:
    """All attributes of that name as one: EAP-Message, which is cut into pieces (RFC 3579 section 3.1).

    Raises MalformedAttributeError where other attributes lie in between.
    """
    number = definition_of(name).number
    if number not in packet.first:
        return None
    at = [position for position, attribute in enumerate(packet.attributes) if attribute[0] == number]
    if at[-1] - at[0] >= len(at):
        raise MalformedAttributeError(name, "one after the other, with no other attribute in between")
    return b"".join([octets for _, octets in packet.attributes[at[0] : at[-1] + 1]])


def get_all_octets(packet: Packet, name: str) -> list[bytes]:
    """The values of every attribute of that name as they came, whatever their type, in their order."""
    return find_values(packet.attributes, definition_of(name))


def get_all(packet: Packet, name: str) -> list[Value]:
    """The typed values of every attribute of that name, in their order."""
    definition = definition_of(name)
    return [decode_value(definition, octets) for octets in get_all_octets(packet, name)]


def get_tagged(packet: Packet, name: str) -> list[tuple[int, Value]]:
    """Tag and typed value of every attribute of that name (RFC 2868 section 3); 0 is no tag."""
    definition = definition_of(name)
    return [_decode_tagged(definition, octets) for octets in get_all_octets(packet, name)]


def get(packet: Packet, name: str) -> Value | None:
    """The typed value of the first attribute of that name."""
    definition = definition_of(name)
    octets = _first_octets(packet, definition)
    return None if octets is None else decode_value(definition, octets)


def get_octets(packet: Packet, name: str) -> bytes | None:
    """The first attribute of that name as it came, whatever its type: passwords, challenges, Class."""
    number = _PLAIN_NUMBERS.get(name)
    return _first_octets(packet, definition_of(name)) if number is None else packet.first.get(number)


def get_text(packet: Packet, name: str, *, lenient: bool = False) -> str | None:
    """The first attribute of that name as text.

    ``lenient`` puts U+FFFD for octets that are not UTF-8 and for NUL, instead of raising: for network and place names
    that are shown, never for what a person or a device is known by.
    """
    if lenient:
        octets = get_octets(packet, name)
        return None if octets is None else octets.decode(errors="replace").replace("\0", "\ufffd")
    number = _TEXT_NUMBERS.get(name)
    if number is not None:
        octets = packet.first.get(number)
        return None if octets is None else _text(name, octets)
    value = get(packet, name)
    if value is None or isinstance(value, str):
        return value
    raise _wrong_type(name, "text")


def get_integer(packet: Packet, name: str) -> int | None:
    """The first attribute of that name as a number."""
    number = _INTEGER_NUMBERS.get(name)
    if number is not None:
        octets = packet.first.get(number)
        if octets is not None and len(octets) != _INTEGER_OCTETS:
            raise _malformed(definition_of(name))
        return None if octets is None else int.from_bytes(octets, "big")
    value = get(packet, name)
    if value is None or isinstance(value, int):
        return value
    raise _wrong_type(name, "a number")


def get_address(packet: Packet, name: str) -> IPv4Address | IPv6Address | None:
    """The first attribute of that name as an IP address."""
    value = get(packet, name)
    if value is None or isinstance(value, IPv4Address | IPv6Address):
        return value
    raise _wrong_type(name, "an address")


def get_date(packet: Packet, name: str) -> datetime | None:
    """The first attribute of that name as a time in UTC."""
    value = get(packet, name)
    if value is None or isinstance(value, datetime):
        return value
    raise _wrong_type(name, "a time")


def named_value(name: str, value_name: str) -> int:
    """The number of a named value: 2 for ``("Acct-Status-Type", "Stop")``. Raises UnknownAttributeError."""
    number = definition_of(name).numbers_by_name.get(value_name)
    if number is None:
        raise UnknownAttributeError(f"{name} has no value {value_name!r}; see radius/dictionaries")
    return number


def value_name(name: str, number: int) -> str | None:
    """The name of a number: ``"Stop"`` for ``("Acct-Status-Type", 2)``; None where the dictionaries name none."""
    return definition_of(name).names_by_number.get(number)


def definition_of(name: str) -> AttributeDefinition:
    """What the dictionaries say of an attribute. Raises UnknownAttributeError."""
    definition = DEFINITIONS.get(name)
    if definition is None:
        raise UnknownAttributeError(f"no attribute is named {name!r}; see radius/dictionaries")
    return definition


def decode_value(definition: AttributeDefinition, octets: bytes) -> Value:
    """The typed value, without its tag. Raises MalformedAttributeError."""
    return _decode_tagged(definition, octets)[1]


def _encode(name: str, value: Value) -> tuple[Attribute, ...]:
    number = _UNTAGGED_NUMBERS.get(name)
    octets = _octets_of(definition_of(name), value)
    if number is not None and len(octets) <= LONGEST_VALUE_OCTETS:
        return ((number, octets),)
    return _place(name, octets, 0)


def _octets_of(definition: AttributeDefinition, value: Value) -> bytes:
    if isinstance(value, str) and definition.numbers_by_name:
        value = named_value(definition.name, value)
    try:
        return definition.value_type.encode(value)
    except (ValueError, TypeError):
        # Our error is raised only when this one is over: the message of a cause may show the value, which may be
        # personal data. Compiled by mypyc, "from None" does not keep it out.
        pass
    raise UnencodableError(f"{definition.name} must be {definition.value_type.expected}")


def _place(name: str, octets: bytes, tag: int) -> tuple[Attribute, ...]:
    definition = definition_of(name)
    return place(definition, tagged(definition, octets, tag))


def _first_octets(packet: Packet, definition: AttributeDefinition) -> bytes | None:
    if definition.vendor and VENDOR_SPECIFIC not in packet.first and not definition.parent:
        return None
    if definition.vendor or definition.parent:
        values = find_values(packet.attributes, definition)
        return values[0] if values else None
    return packet.first.get(definition.number)


def _text(name: str, octets: bytes) -> str:
    try:
        return decode_text(octets)
    except ValueError:
        # As in _octets_of: the cause may show the value.
        pass
    raise _malformed(definition_of(name))


def _decode_tagged(definition: AttributeDefinition, octets: bytes) -> tuple[int, Value]:
    try:
        tag, octets = untagged(definition, octets)
        return tag, definition.value_type.decode(octets)
    except ValueError:
        # As in _octets_of.
        pass
    raise _malformed(definition)


def _malformed(definition: AttributeDefinition) -> MalformedAttributeError:
    return MalformedAttributeError(definition.name, definition.value_type.expected)


def _as_octets(name: str, value: Value) -> bytes:
    if isinstance(value, bytes):
        return value
    raise _wrong_type(name, "octets")


def _wrong_type(name: str, asked_for: str) -> UnknownAttributeError:
    return UnknownAttributeError(f"{name} is {definition_of(name).type_name}; it cannot be read as {asked_for}")


def _load(index: Path) -> dict[str, AttributeDefinition]:
    dictionary = Dictionary(str(index))
    definitions: dict[str, AttributeDefinition] = {}
    # What lies in another attribute is written after it.
    for name, attribute in dictionary.attributes.items():
        vendor = dictionary.vendors.GetForward(attribute.vendor)
        numbers = {key: int.from_bytes(octets, "big") for key, octets in attribute.values.forward.items()}
        definitions[name] = AttributeDefinition(
            name=name,
            number=attribute.code,
            vendor=vendor,
            type_name=attribute.type,
            value_type=VALUE_TYPES[attribute.type],
            vendor_id=vendor.to_bytes(VENDOR_ID_OCTETS, "big"),
            numbers_by_name=numbers,
            names_by_number={number: key for key, number in numbers.items()},
            has_tag=attribute.has_tag,
            is_salted=attribute.encrypt == _ENCRYPTED_BY_SALT,
            parent=definitions[attribute.parent.name] if attribute.parent else None,
        )
    return definitions


DEFINITIONS: Final[dict[str, AttributeDefinition]] = _load(Path(__file__).parent / "dictionaries" / "dictionary")
"""Every attribute of the dictionaries by its name."""

# What lies in a packet as itself, by name: most attributes do, and every request is asked for a dozen.
_PLAIN_NUMBERS: Final = {
    name: definition.number
    for name, definition in DEFINITIONS.items()
    if not definition.vendor and definition.parent is None
}
_UNTAGGED_NUMBERS: Final = {name: number for name, number in _PLAIN_NUMBERS.items() if not DEFINITIONS[name].has_tag}
_TEXT_NUMBERS: Final = {
    name: number for name, number in _UNTAGGED_NUMBERS.items() if DEFINITIONS[name].type_name == "string"
}
_INTEGER_NUMBERS: Final = {
    name: number for name, number in _UNTAGGED_NUMBERS.items() if DEFINITIONS[name].type_name == "integer"
}
