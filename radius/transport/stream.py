"""RADIUS packets one after another in a stream (RFC 6613 section 2.1): each tells its own length."""

from __future__ import annotations

import asyncio
from typing import Final

from radius.errors import DiscardReason, PacketDiscarded
from radius.packet import LONGEST_PACKET_OCTETS, SHORTEST_PACKET_OCTETS

# Code, identifier and length: what must be read to know how much follows.
_HEAD_OCTETS: Final = 4
# A packet that has begun must come to its end within this.
_REST_SECONDS: Final = 10.0


async def read_packet(reader: asyncio.StreamReader, idle_seconds: float) -> bytes:
    """The next packet's octets: as many as its length field says, not yet looked at otherwise.

    Raises TimeoutError when nothing comes, IncompleteReadError at the stream's end, PacketDiscarded for a length that
    no packet has: what follows in the stream has no meaning then.
    """
    async with asyncio.timeout(idle_seconds):
        head = await reader.readexactly(_HEAD_OCTETS)
    length = int.from_bytes(head[2:])
    if length < SHORTEST_PACKET_OCTETS:
        raise PacketDiscarded(DiscardReason.LENGTH_FIELD_TOO_SMALL)
    if length > LONGEST_PACKET_OCTETS:
        raise PacketDiscarded(DiscardReason.TOO_LONG)
    async with asyncio.timeout(_REST_SECONDS):
        return head + await reader.readexactly(length - _HEAD_OCTETS)
