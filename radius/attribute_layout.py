"""Where the value of an attribute lies in a packet, and how it is put there.

Four layouts: a plain attribute (RFC 2865 section 5), one inside Vendor-Specific (section 5.26), one inside an extended
attribute (RFC 6929 sections 2.1 to 2.4) and one inside another attribute (TLV, RFC 6929 section 2.3 and vendors').
Tags (RFC 2868 section 3) are a matter of the value: see ``tagged`` and ``untagged``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from radius.attribute_values import ValueType
from radius.errors import MalformedAttributeError, PacketDiscarded, UnencodableError
from radius.packet import LONGEST_VALUE_OCTETS, Attribute
from radius.parser import Parser

VENDOR_SPECIFIC: Final = 26
VENDOR_ID_OCTETS: Final = 4
_HEAD_OCTETS: Final = 2
_LONGEST_TAG: Final = 0x1F
_EXTENDED: Final = range(241, 247)
_LONG_EXTENDED: Final = range(245, 247)
_MORE: Final = 0x80


@dataclass(frozen=True, slots=True)
class AttributeDefinition:
    """One attribute of the dictionaries: ``vendor`` is 0 for the RFCs' own, else the enterprise number.

    ``parent`` is what a value lies in that has no place of its own in the packet. ``is_salted`` says that it travels
    as ``radius.authenticators.hide_salted`` makes it.
    """

    name: str
    number: int
    vendor: int
    type_name: str
    value_type: ValueType
    vendor_id: bytes
    numbers_by_name: Mapping[str, int]
    names_by_number: Mapping[int, str]
    has_tag: bool = False
    is_salted: bool = False
    parent: AttributeDefinition | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ExtendedAttribute:
    """What an extended attribute says, put together from its pieces.

    ``vendor`` and ``vendor_type`` are those of an Extended-Vendor-Specific (RFC 6929 section 2.4), else 0.
    """

    number: int
    extended_type: int
    value: bytes
    vendor: int = 0
    vendor_type: int = 0


def find_values(attributes: Iterable[Attribute], definition: AttributeDefinition) -> list[bytes]:
    """The octets of every such attribute, in order. Raises MalformedAttributeError for a container that is broken."""
    parent = definition.parent
    if parent is not None:
        if _is_extended(parent):
            found = read_extended(attributes, parent.number, definition.name)
            return [each.value for each in found if each.extended_type == definition.number]
        containers = find_values(attributes, parent)
        return [value for octets in containers for value in _inside(octets, definition)]
    if definition.vendor:
        prefix = definition.vendor_id
        vendors = [value for number, value in attributes if number == VENDOR_SPECIFIC and value.startswith(prefix)]
        return [value for octets in vendors for value in _inside(octets[VENDOR_ID_OCTETS:], definition)]
    return [value for number, value in attributes if number == definition.number]


def place(definition: AttributeDefinition, octets: bytes) -> tuple[Attribute, ...]:
    """The attributes that carry a value: one, or more where the RFC allows for pieces. Raises UnencodableError."""
    parent = definition.parent
    if parent is None:
        return (_place_alone(definition, octets),)
    if _is_extended(parent):
        return extended(ExtendedAttribute(parent.number, definition.number, octets))
    return place(parent, _head(definition, octets) + octets)


def tagged(definition: AttributeDefinition, octets: bytes, tag: int) -> bytes:
    """A value with its tag (RFC 2868 section 3), 0 for none. Raises UnencodableError."""
    if not 0 <= tag <= _LONGEST_TAG:
        raise UnencodableError(f"a tag is from 0 to {_LONGEST_TAG}, not {tag}")
    if not definition.has_tag:
        if tag:
            raise UnencodableError(f"{definition.name} has no tag; leave it out")
        return octets
    if definition.type_name == "integer":
        if octets[0]:
            raise UnencodableError(f"{definition.name} must be below 2^24, because its first octet is the tag")
        return bytes((tag,)) + octets[1:]
    # Text may go without; equipment that knows no tags would take it for a letter.
    if tag or definition.is_salted or octets[0] <= _LONGEST_TAG:
        return bytes((tag,)) + octets
    return octets


def untagged(definition: AttributeDefinition, octets: bytes) -> tuple[int, bytes]:
    """Tag and value. Raises ValueError."""
    if not definition.has_tag:
        return 0, octets
    if not octets:
        raise ValueError("no octets")
    tag = octets[0]
    if definition.type_name == "integer":
        if tag > _LONGEST_TAG:
            raise ValueError("no tag")
        return tag, b"\0" + octets[1:]
    if definition.is_salted:
        return (tag if tag <= _LONGEST_TAG else 0), octets[1:]
    return (tag, octets[1:]) if tag <= _LONGEST_TAG else (0, octets)


def read_extended(attributes: Iterable[Attribute], number: int, name: str) -> list[ExtendedAttribute]:
    """Every extended attribute of a type from 241 to 246; the pieces of a long one are put together.

    ``name`` is what is looked for, for the error. Raises MalformedAttributeError for what RFC 6929 forbids.
    """
    found: list[ExtendedAttribute] = []
    collected: bytes | None = None
    started = 0
    for each, octets in attributes:
        if each != number:
            if collected is not None:
                raise _broken(name)
            continue
        extended_type, has_more, value = _take_apart(number, octets, name)
        if collected is not None and extended_type != started:
            raise _broken(name)
        collected, started = (collected or b"") + value, extended_type
        if not has_more:
            found.append(_with_vendor(number, extended_type, collected, name))
            collected = None
    if collected is not None:
        raise _broken(name)
    return found


def extended(attribute: ExtendedAttribute) -> tuple[Attribute, ...]:
    """An extended attribute as it travels; 245 and 246 in as many pieces as it takes. Raises UnencodableError."""
    number, value = attribute.number, attribute.value
    if attribute.vendor:
        value = attribute.vendor.to_bytes(VENDOR_ID_OCTETS, "big") + bytes((attribute.vendor_type,)) + value
    head = bytes((attribute.extended_type,))
    if number not in _LONG_EXTENDED:
        if len(value) >= LONGEST_VALUE_OCTETS:
            raise UnencodableError(f"an extended attribute of {len(value)} octets does not fit into type {number}")
        return ((number, head + value),)
    room = LONGEST_VALUE_OCTETS - _HEAD_OCTETS
    pieces = [value[start : start + room] for start in range(0, len(value), room)]
    last = len(pieces) - 1
    return tuple((number, head + bytes((_MORE * (at < last),)) + piece) for at, piece in enumerate(pieces))


def _take_apart(number: int, octets: bytes, name: str) -> tuple[int, bool, bytes]:
    """Extended type, whether more follows, value."""
    is_long = number in _LONG_EXTENDED
    if len(octets) < (3 if is_long else 2):
        raise _broken(name)
    if not is_long:
        return octets[0], False, octets[1:]
    has_more = bool(octets[1] & _MORE)
    if has_more and len(octets) != LONGEST_VALUE_OCTETS:
        raise _broken(name)
    return octets[0], has_more, octets[_HEAD_OCTETS:]


def _with_vendor(number: int, extended_type: int, value: bytes, name: str) -> ExtendedAttribute:
    if extended_type != VENDOR_SPECIFIC:
        return ExtendedAttribute(number, extended_type, value)
    vendor = int.from_bytes(value[:VENDOR_ID_OCTETS], "big")
    if len(value) < VENDOR_ID_OCTETS + 2 or not vendor:
        raise _broken(name)
    return ExtendedAttribute(
        number, extended_type, value[VENDOR_ID_OCTETS + 1 :], vendor, vendor_type=value[VENDOR_ID_OCTETS]
    )


def _is_extended(definition: AttributeDefinition) -> bool:
    return not definition.vendor and definition.number in _EXTENDED


def _inside(octets: bytes, definition: AttributeDefinition) -> list[bytes]:
    """The values of that number among the attributes that ``octets`` are."""
    try:
        found = Parser(octets).attributes()
    except PacketDiscarded as error:
        container = definition.parent.name if definition.parent else "Vendor-Specific"
        raise MalformedAttributeError(definition.name, f"type, length and value in {container}") from error
    return [value for number, value in found if number == definition.number]


def _place_alone(definition: AttributeDefinition, octets: bytes) -> Attribute:
    longest = LONGEST_VALUE_OCTETS
    if definition.vendor:
        longest -= VENDOR_ID_OCTETS + _HEAD_OCTETS
    if len(octets) > longest:
        raise UnencodableError(f"{definition.name} has {len(octets)} octets; shorten it to {longest}")
    if definition.vendor:
        return VENDOR_SPECIFIC, definition.vendor_id + _head(definition, octets) + octets
    return definition.number, octets


def _head(definition: AttributeDefinition, octets: bytes) -> bytes:
    if len(octets) > LONGEST_VALUE_OCTETS:
        raise UnencodableError(f"{definition.name} has {len(octets)} octets; shorten it to {LONGEST_VALUE_OCTETS}")
    return bytes((definition.number, len(octets) + _HEAD_OCTETS))


def _broken(name: str) -> MalformedAttributeError:
    return MalformedAttributeError(name, "within extended attributes that RFC 6929 allows")
