"""The bounds-checked reader of received octets: nothing else takes them apart.

A read past the end cannot be written with it, so that no length a remote end claims is believed.
"""

from __future__ import annotations

from radius.errors import DiscardReason, PacketDiscarded


class Parser:
    """Reads octets from front to end."""

    __slots__ = ("_octets", "_position")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._position = 0

    def take(self, length: int) -> bytes:
        """The next ``length`` octets. Raises PacketDiscarded when there are fewer."""
        end = self._position + length
        if length < 0 or end > len(self._octets):
            raise PacketDiscarded(DiscardReason.ATTRIBUTE_TRUNCATED)
        taken = self._octets[self._position : end]
        self._position = end
        return taken

    def attributes(self) -> tuple[tuple[int, bytes], ...]:
        """All that is left, as ``read_attributes`` has it. Raises PacketDiscarded."""
        found = read_attributes(self._octets, self._position)
        self._position = len(self._octets)
        return tuple(found)


def read_attributes(octets: bytes, position: int) -> list[tuple[int, bytes]]:
    """What lies from ``position`` to the end, as attributes of one octet type, one octet length and value.

    This is the format of attributes (RFC 2865 section 5) and of most vendors' attributes (section 5.26); the length
    counts its own octet and that of the type. Type 0 is reserved. Raises PacketDiscarded.
    """
    # One loop without calls: every octet that arrives passes here.
    found: list[tuple[int, bytes]] = []
    end = len(octets)
    while position < end:
        value_at = position + 2
        if value_at > end:
            raise PacketDiscarded(DiscardReason.ATTRIBUTE_TRUNCATED)
        attribute_type = octets[position]
        length = octets[position + 1]
        position += length
        if length < 2 or position > end or not attribute_type:
            raise PacketDiscarded(_what_is_wrong(length, position > end))
        found.append((attribute_type, octets[value_at:position]))
    return found


def _what_is_wrong(length: int, is_truncated: bool) -> DiscardReason:
    if length < 2:
        return DiscardReason.ATTRIBUTE_LENGTH_TOO_SMALL
    return DiscardReason.ATTRIBUTE_TRUNCATED if is_truncated else DiscardReason.ATTRIBUTE_TYPE_ZERO
