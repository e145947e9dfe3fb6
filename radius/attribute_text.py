"""Attributes as text, as radclient reads and prints them: ``Session-Timeout = 3600``, ``User-Name = "demo"``.

For people and their files; nothing that a network sends comes here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from radius.attribute_values import Value
from radius.attributes import DEFINITIONS, VENDOR_SPECIFIC, AttributeDefinition, decode_value, definition_of
from radius.errors import MalformedAttributeError, PacketDiscarded, RadiusError
from radius.packet import Attribute
from radius.parser import Parser

_PAIR = re.compile(
    r"""\s*([A-Za-z0-9_.\-]+)\s*(?::=|\+=|==|=)\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^,]*?)\s*(?:,|$)""",
)
_VENDOR_ID_OCTETS = 4
# Their values open doors; whoever asks for an explanation knows them already, and a screen may be seen by others.
_HIDDEN = frozenset({"User-Password", "CHAP-Password", "MS-CHAP2-Response"})


class AttributeTextError(RadiusError):
    """A line is no attribute; the message says which line, and what would be right."""


def parse_lines(lines: Iterable[str]) -> list[tuple[str, Value]]:
    """Names and values of a request in radclient's syntax: one or more a line, with commas between.

    Empty lines and comments (#) are passed over.

    Raises AttributeTextError, or UnknownAttributeError for a name that no dictionary has.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        position = 0
        while position < len(text) and not text.startswith("#"):
            matched = _PAIR.match(text, position)
            if matched is None:
                raise AttributeTextError(f'line {number} is not an attribute; write one as: User-Name = "demo"')
            name, value = matched.groups()
            found.append((name, parse_value(definition_of(name), value)))
            position = matched.end()
    return found


def parse_value(definition: AttributeDefinition, text: str) -> Value:
    """A value as its type's Python value. Raises AttributeTextError that says what the type wants."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        if definition.numbers_by_name:
            return definition.numbers_by_name.get(text) or int(text, 0)
        return _PARSERS.get(definition.type_name, str)(text)
    except ValueError:
        raise AttributeTextError(
            f"{definition.name} must be {definition.value_type.expected}; {text!r} is not"
        ) from None


def describe(attributes: Iterable[Attribute]) -> list[str]:
    """One line for each attribute, in order; what no dictionary knows is shown by number, passwords not at all."""
    lines: list[str] = []
    for number, octets in attributes:
        if number == VENDOR_SPECIFIC and len(octets) > _VENDOR_ID_OCTETS:
            lines += _describe_vendor(octets)
        else:
            lines.append(_describe(_NAMES.get((0, number)), f"Attr-{number}", octets))
    return lines


def _describe_vendor(octets: bytes) -> list[str]:
    vendor = int.from_bytes(octets[:_VENDOR_ID_OCTETS], "big")
    parser = Parser(octets)
    parser.take(_VENDOR_ID_OCTETS)
    try:
        inside = parser.attributes()
    except PacketDiscarded:
        return [f"Vendor-{vendor} = 0x{octets[_VENDOR_ID_OCTETS:].hex()}"]
    return [_describe(_NAMES.get((vendor, number)), f"Vendor-{vendor}-{number}", value) for number, value in inside]


def _describe(definition: AttributeDefinition | None, number_name: str, octets: bytes) -> str:
    if definition is None:
        return f"{number_name} = 0x{octets.hex()}"
    if definition.name in _HIDDEN or definition.is_salted:
        return f"{definition.name} = (hidden, {len(octets)} octets)"
    try:
        return f"{definition.name} = {_render(definition, decode_value(definition, octets))}"
    except MalformedAttributeError:
        return f"{definition.name} = 0x{octets.hex()} (malformed: it should be {definition.value_type.expected})"


def _render(definition: AttributeDefinition, value: Value) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int) and value in definition.names_by_number:
        return definition.names_by_number[value]
    return str(value)


def _octets(text: str) -> bytes:
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


def _date(text: str) -> datetime:
    if text.isdecimal():
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _integer(text: str) -> int:
    return int(text, 0)


_PARSERS: dict[str, Callable[[str], Value]] = {
    "octets": _octets,
    "ether": lambda text: bytes.fromhex(re.sub("[:.-]", "", text)),
    "ifid": lambda text: bytes.fromhex(text.replace(":", "")),
    "date": _date,
    **dict.fromkeys(("integer", "integer64", "short", "byte", "signed"), _integer),
}
_NAMES = {
    (definition.vendor, definition.number): definition
    for definition in DEFINITIONS.values()
    if definition.parent is None
}
