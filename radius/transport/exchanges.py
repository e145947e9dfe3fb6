"""Requests of ours over one connection, and the replies that come back in any order.

A reply is known by its identifier (RFC 6613 section 2.6.5: 256 requests at most wait on one connection). Nothing is
sent twice, because TCP does that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from radius.packet import Packet, verify_reply

BuildRequest = Callable[[int], Packet]
"""Makes a request with the identifier that it is given."""

_IDENTIFIERS: Final = 256
# A reply so much too late is still recognised as one, and so does not look like a forgery.
_LATE_SECONDS: Final = 30.0


class Exchange(Protocol):
    """Something that can be asked: another RADIUS server or a network access server."""

    async def ask(self, build: BuildRequest, secret: bytes, timeout_seconds: float) -> Packet | None:
        """The verified reply, or None where none came in time. Raises OSError when nothing can be sent."""


@dataclass(slots=True)
class _Waiting:
    request: Packet
    secret: bytes
    reply: asyncio.Future[Packet]
    abandoned_at: float | None = field(default=None)


class Exchanges:
    """What waits for replies on one connection; ``send`` hands octets to it."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send
        self._waiting: dict[int, _Waiting] = {}
        self._next_identifier = 0
        self._closed = False

    def __len__(self) -> int:
        return sum(waiting.abandoned_at is None for waiting in self._waiting.values())

    async def ask(self, build: BuildRequest, secret: bytes, timeout_seconds: float) -> Packet | None:
        """As ``Exchange.ask``. Raises ConnectionError, too, when the connection is lost while the reply is awaited."""
        if self._closed:
            raise ConnectionResetError("the connection is closed")
        identifier = self._free_identifier()
        request = build(identifier)
        waiting = _Waiting(request, secret, asyncio.get_running_loop().create_future())
        self._waiting[identifier] = waiting
        try:
            self._send(request.octets)
            async with asyncio.timeout(timeout_seconds):
                return await waiting.reply
        except TimeoutError:
            return None
        finally:
            if not waiting.reply.done() or waiting.reply.cancelled():
                waiting.abandoned_at = time.monotonic()
            else:
                del self._waiting[identifier]

    def take(self, reply: Packet) -> bool:
        """Hand a reply to who waits for it; False where nobody does. Raises PacketDiscarded for a forged one."""
        waiting = self._waiting.get(reply.identifier)
        if waiting is None:
            return False
        # Over TLS nobody in between can alter a reply, so that it may lack Message-Authenticator.
        verify_reply(reply, waiting.request, waiting.secret, require_message_authenticator=False)
        if waiting.abandoned_at is not None:
            del self._waiting[reply.identifier]
        elif not waiting.reply.done():
            waiting.reply.set_result(reply)
        return True

    def close(self) -> None:
        """The connection is gone: whoever waits gets ConnectionResetError."""
        self._closed = True
        for waiting in self._waiting.values():
            if not waiting.reply.done():
                waiting.reply.set_exception(ConnectionResetError("the connection was lost before the reply came"))

    def _free_identifier(self) -> int:
        now = time.monotonic()
        for offset in range(_IDENTIFIERS):
            identifier = (self._next_identifier + offset) % _IDENTIFIERS
            waiting = self._waiting.get(identifier)
            if waiting is None or (waiting.abandoned_at is not None and now - waiting.abandoned_at > _LATE_SECONDS):
                self._next_identifier = (identifier + 1) % _IDENTIFIERS
                return identifier
        raise BlockingIOError("256 requests wait for replies on the connection")
