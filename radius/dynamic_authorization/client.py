"""Asking a network access server over UDP: one packet, sent again until it is answered (RFC 5080 section 2.2.1)."""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import Final

from radius.errors import PacketDiscarded
from radius.packet import (
    LONGEST_PACKET_OCTETS,
    Attribute,
    Code,
    Packet,
    decode,
    encode_request,
    verify_reply,
)

# An engineer waits for it, so not for long.
WAITS_SECONDS: Final = (1.0, 1.5, 2.5)


def new_request(code: Code, values: tuple[Attribute, ...], secret: bytes) -> Packet:
    """A request with an identifier of chance: each has a socket of its own. Raises UnencodableError."""
    return encode_request(code, secrets.randbelow(256), values, secret)


async def exchange(
    request: Packet,
    secret: bytes,
    target: tuple[str, int],
    source_host: str | None = None,
    waits_seconds: tuple[float, ...] = WAITS_SECONDS,
) -> Packet | None:
    """The verified reply, or None where none came within all waits. Raises OSError when nothing can be sent."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(*target, type=socket.SOCK_DGRAM)
    family, _, _, _, address = found[0]
    with socket.socket(family, socket.SOCK_DGRAM) as connected:
        connected.setblocking(False)
        if source_host:
            connected.bind((source_host, 0))
        connected.connect(address)
        for wait_seconds in waits_seconds:
            try:
                await loop.sock_sendall(connected, request.octets)
                async with asyncio.timeout(wait_seconds):
                    return await _verified_reply(connected, request, secret)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                # Nothing listens just now; equipment that restarts may in a moment.
                await asyncio.sleep(wait_seconds)
    return None


async def _verified_reply(connected: socket.socket, request: Packet, secret: bytes) -> Packet:
    """Wait for it; anything else that arrives, forged or late, is passed over."""
    loop = asyncio.get_running_loop()
    while True:
        datagram = await loop.sock_recv(connected, LONGEST_PACKET_OCTETS + 1)
        try:
            reply = decode(datagram)
            verify_reply(reply, request, secret)
        except PacketDiscarded:
            continue
        return reply
