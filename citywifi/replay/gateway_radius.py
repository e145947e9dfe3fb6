"""The gateway's RADIUS client: one UDP socket, same packet again until it is answered, only verified replies count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from citywifi.replay.errors import ServiceUnreachableError
from radius.errors import PacketDiscarded
from radius.packet import (
    Attribute,
    Code,
    Packet,
    decode,
    encode_request,
    new_authenticator,
    verify_reply,
)

_IDENTIFIERS = 256


@dataclass(frozen=True, slots=True)
class Retransmission:
    """How long the client waits for an answer: first, at most, and how many times it sends (RFC 5080 section 2.2.1)."""

    first_timeout_seconds: float = 2.0
    longest_timeout_seconds: float = 8.0
    attempts: int = 5


@dataclass(slots=True)
class ClientCounters:
    """What happened on a client's socket."""

    sent: int = 0
    retransmitted: int = 0
    discarded: int = 0
    timeouts: int = 0


class RadiusTimeoutError(ServiceUnreachableError):
    """No valid answer came to any transmission of a request."""


@dataclass(slots=True)
class _Exchange:
    request: Packet
    answer: asyncio.Future[Packet]


@dataclass(slots=True)
class _Protocol(asyncio.DatagramProtocol):
    receive: Callable[[bytes], None]

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self.receive(data)

    def error_received(self, exc: Exception) -> None:
        """A closed port (ICMP) is no answer: the server may be starting again, so the timer decides."""


@dataclass(slots=True)
class RadiusClient:
    """Sends requests from one address to one port of a server. ``open`` it first, ``close`` it at the end."""

    source: str
    server: tuple[str, int]
    secret: bytes = field(repr=False)
    retransmission: Retransmission = field(default_factory=Retransmission)
    counters: ClientCounters = field(default_factory=ClientCounters)
    _transport: asyncio.DatagramTransport | None = None
    _exchanges: dict[int, _Exchange] = field(default_factory=dict)
    _free: asyncio.Queue[int] = field(default_factory=asyncio.Queue)

    async def open(self) -> None:
        """Bind the socket. Raises OSError where the source address is not this machine's."""
        for identifier in range(_IDENTIFIERS):
            self._free.put_nowait(identifier)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Protocol(self._receive), local_addr=(self.source, 0), remote_addr=self.server
        )

    def close(self) -> None:
        """Give the socket back; requests that wait are cancelled."""
        if self._transport is not None:
            self._transport.close()
        for exchange in self._exchanges.values():
            exchange.answer.cancel()

    async def request(self, code: Code, build: Callable[[bytes | None], Iterable[Attribute]]) -> Packet:
        """Send a request and return its verified answer.

        ``build`` makes the attributes; for Access-Request it is given the Request Authenticator, which hides the
        password. Raises RadiusTimeoutError after the last transmission.
        """
        identifier = await self._free.get()
        try:
            request = self._encode(code, identifier, build)
            answer = asyncio.get_running_loop().create_future()
            self._exchanges[identifier] = _Exchange(request, answer)
            return await self._transmit(request, answer)
        finally:
            self._exchanges.pop(identifier, None)
            self._free.put_nowait(identifier)

    def _encode(self, code: Code, identifier: int, build: Callable[[bytes | None], Iterable[Attribute]]) -> Packet:
        if code is not Code.ACCESS_REQUEST:
            return encode_request(code, identifier, build(None), self.secret)
        authenticator = new_authenticator()
        return encode_request(code, identifier, build(authenticator), self.secret, authenticator=authenticator)

    async def _transmit(self, request: Packet, answer: asyncio.Future[Packet]) -> Packet:
        assert self._transport is not None, "open the client first"
        timeout = self.retransmission.first_timeout_seconds
        for attempt in range(self.retransmission.attempts):
            self._transport.sendto(request.octets)
            self.counters.sent += 1
            self.counters.retransmitted += attempt > 0
            done, _ = await asyncio.wait([answer], timeout=timeout)
            if done:
                return answer.result()
            timeout = min(2 * timeout, self.retransmission.longest_timeout_seconds)
        self.counters.timeouts += 1
        host, port = self.server
        raise RadiusTimeoutError(
            f"RADIUS at {host} port {port} (UDP) does not answer; start it with `citywifi serve --demo`"
        )

    def _receive(self, datagram: bytes) -> None:
        """Late, foreign and forged replies are dropped and counted."""
        try:
            reply = decode(datagram)
            exchange = self._exchanges.get(reply.identifier)
            if exchange is None or exchange.answer.done():
                self.counters.discarded += 1
                return
            verify_reply(reply, exchange.request, self.secret)
        except PacketDiscarded:
            self.counters.discarded += 1
            return
        exchange.answer.set_result(reply)
