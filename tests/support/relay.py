"""A wire between a real RADIUS client and the server, on which every octet can be seen, and which can repeat."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_LONGEST_PACKET = 4096
_PATIENCE_SECONDS = 5


@dataclass
class Relay:
    """``requests`` as the client sent them, ``replies`` as the server did."""

    address: tuple[str, int]
    requests: list[bytes] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def relay(server: tuple[str, int], copies: int = 1) -> AsyncIterator[Relay]:
    """Carries each request ``copies`` times, one after the other, and the last of their replies back.

    Towards the server every request comes from one port, whichever the client used.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards_client,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards_server,
    ):
        towards_client.setblocking(False)
        towards_server.setblocking(False)
        towards_client.bind(("127.0.0.1", 0))
        towards_server.connect(server)
        opened = Relay(towards_client.getsockname())
        carrying = asyncio.create_task(_carry(opened, towards_client, towards_server, copies))
        try:
            yield opened
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)


async def _carry(relay: Relay, towards_client: socket.socket, towards_server: socket.socket, copies: int) -> None:
    loop = asyncio.get_running_loop()
    while True:
        request, client = await loop.sock_recvfrom(towards_client, _LONGEST_PACKET)
        relay.requests.append(request)
        for _ in range(copies):
            await loop.sock_sendall(towards_server, request)
            async with asyncio.timeout(_PATIENCE_SECONDS):
                relay.replies.append(await loop.sock_recv(towards_server, _LONGEST_PACKET))
        await loop.sock_sendto(towards_client, relay.replies[-1], client)
