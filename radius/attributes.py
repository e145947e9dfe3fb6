"""RADIUS attributes by name and type: ``encode("Session-Timeout", 3600)``, ``get_text(request, "User-Name")``.

Names, numbers and types come from the files in ``dictionaries``, which pyrad reads once, at import; nothing else
reads dictionaries. A vendor's attribute is wrapped in Vendor-Specific (RFC 2865 section 5.26) and found in it again.

Python values by dictionary type: ``string`` is str, ``octets`` bytes, ``integer`` (and ``integer64``, ``short``,
``byte``, ``signed``) int, ``ipaddr`` and ``ipv6addr`` the ipaddress module's addresses, ``ipv6prefix`` its
IPv6Network, ``date`` an aware datetime in UTC, ``ifid`` and ``ether`` bytes.

Readers return the first of several attributes of one name, or None; equipment does send doubles. They raise
MalformedAttributeError for a value that does not fit its type, whose ``reason`` is that of the discard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from pyrad.dictionary import Dictionary

from radius.attribute_values import VALUE_TYPES, Value, ValueType
from radius.errors import MalformedAttributeError, PacketDiscarded, UnencodableError, UnknownAttributeError
from radius.packet import Attribute, Packet
from radius.parser import Parser

VENDOR_SPECIFIC = 26
_VENDOR_ID_OCTETS = 4
_LONGEST_VALUE_OCTETS = 253
_LONGEST_VENDOR_VALUE_OCTETS = _LONGEST_VALUE_OCTETS - _VENDOR_ID_OCTETS - 2


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """One attribute of the dictionaries: ``vendor`` is 0 for the RFCs' own, else the enterprise number."""

    name: str
    number: int
    vendor: int
    type_name: str
    value_type: ValueType
    vendor_id: bytes
    numbers_by_name: Mapping[str, int]
    names_by_number: Mapping[int, str]


def encode(name: str, value: Value) -> Attribute:
    """One attribute as it goes into a packet.

    A number may be given by its name, as in ``encode("Acct-Status-Type", "Stop")``.

    Raises UnknownAttributeError for a name that no dictionary has, UnencodableError for a value that does not fit.
    """
    definition = definition_of(name)
    if isinstance(value, str) and definition.numbers_by_name:
        value = named_value(name, value)
    try:
        octets = definition.value_type.encode(value)
    except (ValueError, TypeError):
        # The cause is left out, because its message may show the value, which may be personal data.
        raise UnencodableError(f"{name} must be {definition.value_type.expected}") from None
    longest = _LONGEST_VENDOR_VALUE_OCTETS if definition.vendor else _LONGEST_VALUE_OCTETS
    if len(octets) > longest:
        raise UnencodableError(f"{name} has {len(octets)} octets; shorten it to {longest}")
    if definition.vendor:
        return VENDOR_SPECIFIC, definition.vendor_id + bytes((definition.number, len(octets) + 2)) + octets
    return definition.number, octets


def encode_all(values: Mapping[str, Value] | Iterable[tuple[str, Value]]) -> tuple[Attribute, ...]:
    """Several attributes in the order given; pairs may repeat a name. Raises what ``encode`` raises."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return tuple([encode(name, value) for name, value in pairs])


def get_all_octets(packet: Packet, name: str) -> list[bytes]:
    """The values of every attribute of that name as they came, whatever their type, in their order."""
    definition = definition_of(name)
    if definition.vendor:
        return _vendor_values(packet, definition)
    number = definition.number
    return [octets for attribute_type, octets in packet.attributes if attribute_type == number]


def get_all(packet: Packet, name: str) -> list[Value]:
    """The typed values of every attribute of that name, in their order."""
    definition = definition_of(name)
    return [_decode(definition, octets) for octets in get_all_octets(packet, name)]


def get(packet: Packet, name: str) -> Value | None:
    """The typed value of the first attribute of that name."""
    definition = definition_of(name)
    octets = _first_octets(packet, definition)
    return None if octets is None else _decode(definition, octets)


def get_octets(packet: Packet, name: str) -> bytes | None:
    """The first attribute of that name as it came, whatever its type: passwords, challenges, Class."""
    return _first_octets(packet, definition_of(name))


def get_text(packet: Packet, name: str, *, lenient: bool = False) -> str | None:
    """The first attribute of that name as text.

    ``lenient`` puts U+FFFD for octets that are not UTF-8 and for NUL, instead of raising: for network and place names
    that are shown, never for what a person or a device is known by.
    """
    if lenient:
        octets = get_octets(packet, name)
        return None if octets is None else octets.decode(errors="replace").replace("\0", "\ufffd")
    value = get(packet, name)
    if value is None or isinstance(value, str):
        return value
    raise _wrong_type(name, "text")


def get_integer(packet: Packet, name: str) -> int | None:
    """The first attribute of that name as a number."""
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
    try:
        return definition_of(name).numbers_by_name[value_name]
    except KeyError:
        raise UnknownAttributeError(f"{name} has no value {value_name!r}; see radius/dictionaries") from None


def value_name(name: str, number: int) -> str | None:
    """The name of a number: ``"Stop"`` for ``("Acct-Status-Type", 2)``; None where the dictionaries name none."""
    return definition_of(name).names_by_number.get(number)


def definition_of(name: str) -> AttributeDefinition:
    """What the dictionaries say of an attribute. Raises UnknownAttributeError."""
    try:
        return DEFINITIONS[name]
    except KeyError:
        raise UnknownAttributeError(f"no attribute is named {name!r}; see radius/dictionaries") from None


def _first_octets(packet: Packet, definition: AttributeDefinition) -> bytes | None:
    if definition.vendor:
        values = _vendor_values(packet, definition)
        return values[0] if values else None
    number = definition.number
    for attribute_type, octets in packet.attributes:
        if attribute_type == number:
            return octets
    return None


def _vendor_values(packet: Packet, definition: AttributeDefinition) -> list[bytes]:
    """What the vendor's own attributes of that number hold, in every Vendor-Specific of the packet."""
    found: list[bytes] = []
    for attribute_type, octets in packet.attributes:
        if attribute_type != VENDOR_SPECIFIC or not octets.startswith(definition.vendor_id):
            continue
        parser = Parser(octets)
        parser.take(_VENDOR_ID_OCTETS)
        try:
            inside = parser.attributes()
        except PacketDiscarded as error:
            raise MalformedAttributeError(definition.name, "type, length and value in Vendor-Specific") from error
        found += [value for vendor_type, value in inside if vendor_type == definition.number]
    return found


def _decode(definition: AttributeDefinition, octets: bytes) -> Value:
    try:
        return definition.value_type.decode(octets)
    except ValueError:
        # As in encode: the cause may show the value.
        raise MalformedAttributeError(definition.name, definition.value_type.expected) from None


def _wrong_type(name: str, asked_for: str) -> UnknownAttributeError:
    return UnknownAttributeError(f"{name} is {definition_of(name).type_name}; it cannot be read as {asked_for}")


def _load(index: Path) -> dict[str, AttributeDefinition]:
    dictionary = Dictionary(str(index))
    definitions: dict[str, AttributeDefinition] = {}
    for name, attribute in dictionary.attributes.items():
        vendor = dictionary.vendors.GetForward(attribute.vendor)
        numbers = {key: int.from_bytes(octets, "big") for key, octets in attribute.values.forward.items()}
        definitions[name] = AttributeDefinition(
            name=name,
            number=attribute.code,
            vendor=vendor,
            type_name=attribute.type,
            value_type=VALUE_TYPES[attribute.type],
            vendor_id=vendor.to_bytes(_VENDOR_ID_OCTETS, "big"),
            numbers_by_name=numbers,
            names_by_number={number: key for key, number in numbers.items()},
        )
    return definitions


DEFINITIONS: Mapping[str, AttributeDefinition] = _load(Path(__file__).parent / "dictionaries" / "dictionary")
"""Every attribute of the dictionaries by its name."""
