"""The RADIUS side of a simulated gateway: requests over real UDP sockets, and its dynamic-authorisation port."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from radius.attribute_values import Value
from radius.attributes import encode_all
from radius.packet import (
    Code,
    Packet,
    decode,
    encode_reply,
    encode_request,
    hide_password,
    new_authenticator,
    verify_reply,
    verify_request,
)

Pair = tuple[str, Value]
# Whoever is slower than all of these together is away; a test that loses a reply waits for the first of them.
_WAITS_SECONDS: Final = (0.1, 0.5, 2.0, 4.0)
_CHAP_IDENTIFIER: Final = b"\x07"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway's box answers to a Disconnect-Request or CoA-Request."""

    code: Code
    pairs: tuple[Pair, ...] = ()


DynamicAuthorizationHandler = Callable[[Packet], Awaitable[Answer]]


@dataclass(slots=True)
class Faults:
    """What goes wrong on the way, the next so many times."""

    lost_replies: int = 0
    # Each request is sent twice, as a gateway does that was too impatient.
    sends_twice: bool = False


@dataclass(slots=True)
class RadiusSide:
    """Sends from one address of loopback to one server; a socket for each exchange, so nothing is mixed up."""

    source: str
    secret: bytes = field(repr=False)
    authentication_server: tuple[str, int]
    accounting_server: tuple[str, int]
    faults: Faults = field(default_factory=Faults)
    # How many datagrams went out, for tests of retransmission.
    sent: int = 0

    async def access_request(
        self,
        pairs: Iterable[Pair],
        *,
        password: str | bytes | None = None,
        chap_password: str | bytes | None = None,
        chap_challenge: bytes | None = None,
    ) -> Packet | None:
        """The verified Access-Accept or Access-Reject; None where nothing answered.

        ``password`` is hidden (PAP); ``chap_password`` is answered for with a CHAP-Password to ``chap_challenge``, or
        to a new challenge. A gateway whose browser brought a CHAP response puts CHAP-Password among the pairs itself.
        """
        authenticator = new_authenticator()
        more: list[Pair] = []
        if password is not None:
            more.append(("User-Password", hide_password(_octets(password), self.secret, authenticator)))
        if chap_password is not None:
            challenge = chap_challenge or secrets.token_bytes(16)
            digest = hashlib.md5(_CHAP_IDENTIFIER + _octets(chap_password) + challenge, usedforsecurity=False)
            more += [("CHAP-Password", _CHAP_IDENTIFIER + digest.digest()), ("CHAP-Challenge", challenge)]
        encoded = encode_all(chain(pairs, more))
        identifier = secrets.randbelow(256)
        request = encode_request(Code.ACCESS_REQUEST, identifier, encoded, self.secret, authenticator=authenticator)
        return await self._exchange(request, self.authentication_server)

    async def accounting_request(self, pairs: Iterable[Pair]) -> Packet | None:
        """The verified Accounting-Response; None where nothing answered."""
        encoded = encode_all(pairs)
        request = encode_request(Code.ACCOUNTING_REQUEST, secrets.randbelow(256), encoded, self.secret)
        return await self._exchange(request, self.accounting_server)

    async def _exchange(self, request: Packet, server: tuple[str, int]) -> Packet | None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.setblocking(False)
            opened.bind((self.source, 0))
            opened.connect(server)
            for wait_seconds in _WAITS_SECONDS:
                for _ in range(2 if self.faults.sends_twice else 1):
                    opened.send(request.octets)
                    self.sent += 1
                try:
                    async with asyncio.timeout(wait_seconds):
                        reply = decode(await loop.sock_recv(opened, 4096))
                        if self.faults.lost_replies:
                            self.faults.lost_replies -= 1
                            reply = decode(await loop.sock_recv(opened, 4096))
                except (TimeoutError, ConnectionRefusedError):
                    continue
                verify_reply(reply, request, self.secret)
                return reply
        return None


class DynamicAuthorizationPort(asyncio.DatagramProtocol):
    """Listens for Disconnect-Requests and CoA-Requests (RFC 5176) and has them answered by ``handler``."""

    def __init__(self, secret: bytes, handler: DynamicAuthorizationHandler) -> None:
        self._secret = secret
        self._handler = handler
        self._transport: asyncio.DatagramTransport | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self, host: str) -> None:
        """Bind a free port of the host."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self.port = int(self._transport.get_extra_info("sockname")[1])

    async def close(self) -> None:
        """Give the port back when all is answered."""
        await asyncio.gather(*self._under_way)
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Check the request and answer it in a task of its own."""
        request = decode(data)
        verify_request(request, self._secret)
        task = asyncio.create_task(self._answer(request, addr))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, request: Packet, addr: tuple[str | int, int]) -> None:
        answer = await self._handler(request)
        octets = encode_reply(answer.code, request, encode_all(answer.pairs), self._secret)
        if self._transport is not None:
            self._transport.sendto(octets, addr)


def _octets(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
