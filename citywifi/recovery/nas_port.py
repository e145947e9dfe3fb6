"""One UDP socket of a NAS towards one port of the server, cheap enough for thousands of them in one process.

It never gives up: an Access-Request is sent again as it is (RFC 5080 section 2.2.1), an accounting record as a new
request with a new identifier, because its Acct-Delay-Time has changed (RFC 2866 section 5.2).
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from radius.authenticators import keyed_digest
from radius.packet import LONGEST_PACKET_OCTETS, SHORTEST_PACKET_OCTETS

MakeRequest = Callable[[int], bytes]
"""The whole request for an identifier from 0 to 255."""

OnReply = Callable[[bytes], None]
"""Gets an authentic reply."""

_IDENTIFIERS: Final = 256
_HEAD_OCTETS: Final = 4
_AUTHENTICATOR: Final = slice(_HEAD_OCTETS, SHORTEST_PACKET_OCTETS)


@dataclass(slots=True)
class Timing:
    """How long a NAS waits before it sends again: first, then twice as long each time, at most; a tenth more or less.

    Three seconds are hostapd's RADIUS_CLIENT_FIRST_WAIT; 16 seconds are RFC 5080's longest (section 2.2.1).
    """

    first_seconds: float = 3.0
    longest_seconds: float = 16.0
    _random: Random = field(default_factory=lambda: Random(1))  # noqa: S311  only spreads load

    def after(self, transmissions: int) -> float:
        """Seconds to wait after so many transmissions."""
        wait = min(self.first_seconds * 2.0 ** min(transmissions - 1, 16), self.longest_seconds)
        return wait * self._random.uniform(0.9, 1.1)


@dataclass(slots=True)
class Counters:
    """What happened on sockets that share them."""

    sent: int = 0
    retransmitted: int = 0
    answered: int = 0
    # Replies to a transmission that was given up for a newer one, or that were there already.
    late: int = 0
    # Replies that the shared secret did not make.
    unverified: int = 0
    # The server's port was closed (ICMP), or our socket's buffer was full.
    undeliverable: int = 0
    # Requests of each second of the event loop's clock.
    by_second: dict[int, int] = field(default_factory=dict)


class _Exchange:
    __slots__ = ("identifier", "is_renewed", "make", "octets", "on_reply", "timer", "transmissions")

    def __init__(self, make: MakeRequest, on_reply: OnReply, *, is_renewed: bool) -> None:
        self.make = make
        self.on_reply = on_reply
        self.is_renewed = is_renewed
        self.identifier = 0
        self.octets = b""
        self.transmissions = 0
        self.timer: asyncio.TimerHandle | None = None


class NasPort:
    """Opened when made. ``close`` it at the end: what waits then is never answered."""

    def __init__(
        self, source: str, server: tuple[str, int], secret: bytes, counters: Counters, timing: Timing | None = None
    ) -> None:
        """Raises OSError where the source is not an address of this machine, or there are too many open sockets."""
        self._secret = secret
        self._counters = counters
        self._timing = timing or Timing()
        self._loop = asyncio.get_running_loop()
        self._exchanges: dict[int, _Exchange] = {}
        self._waiting: deque[_Exchange] = deque()
        self._next_identifier = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind((source, 0))
            self._socket.connect(server)
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Give the socket back and forget what waits."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for exchange in self._exchanges.values():
            if exchange.timer is not None:
                exchange.timer.cancel()
        self._exchanges.clear()
        self._waiting.clear()

    def ask(self, make: MakeRequest, on_reply: OnReply) -> None:
        """Send a request, the same octets each time, until it is answered."""
        self._begin(_Exchange(make, on_reply, is_renewed=False))

    def report(self, make: MakeRequest, on_reply: OnReply) -> None:
        """Send an accounting record, made anew each time, until it is answered."""
        self._begin(_Exchange(make, on_reply, is_renewed=True))

    def _begin(self, exchange: _Exchange) -> None:
        if len(self._exchanges) < _IDENTIFIERS:
            self._take_identifier(exchange)
            self._transmit(exchange)
        else:
            self._waiting.append(exchange)

    def _take_identifier(self, exchange: _Exchange) -> None:
        """The one that was free for longest; RFC 2865 section 3 asks that it is not used again soon."""
        identifier = self._next_identifier
        while identifier in self._exchanges:
            identifier = (identifier + 1) % _IDENTIFIERS
        self._next_identifier = (identifier + 1) % _IDENTIFIERS
        self._exchanges[identifier] = exchange
        exchange.identifier = identifier
        exchange.octets = exchange.make(identifier)

    def _transmit(self, exchange: _Exchange) -> None:
        exchange.transmissions += 1
        exchange.timer = self._loop.call_later(self._timing.after(exchange.transmissions), self._again, exchange)
        self._counters.sent += 1
        second = int(self._loop.time())
        self._counters.by_second[second] = self._counters.by_second.get(second, 0) + 1
        try:
            self._socket.send(exchange.octets)
        except OSError:
            # The timer sends it again; a closed port may only mean that the server is starting.
            self._counters.undeliverable += 1

    def _again(self, exchange: _Exchange) -> None:
        self._counters.retransmitted += 1
        if exchange.is_renewed:
            # Before the old identifier is free, so that the new one differs.
            old = exchange.identifier
            if len(self._exchanges) < _IDENTIFIERS:
                self._take_identifier(exchange)
                del self._exchanges[old]
            else:
                exchange.octets = exchange.make(old)
        self._transmit(exchange)

    def _read(self) -> None:
        receive = self._socket.recv
        while True:
            try:
                datagram = receive(LONGEST_PACKET_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP message about an earlier datagram; reading it takes it away.
                self._counters.undeliverable += 1
                continue
            self._take(datagram)

    def _take(self, datagram: bytes) -> None:
        exchange = self._exchanges.get(datagram[1]) if len(datagram) >= SHORTEST_PACKET_OCTETS else None
        if exchange is None:
            self._counters.late += 1
        elif not is_authentic(datagram, exchange.octets, self._secret):
            # Among them late replies whose identifier serves another request by now.
            self._counters.unverified += 1
        else:
            if exchange.timer is not None:
                exchange.timer.cancel()
            del self._exchanges[exchange.identifier]
            self._counters.answered += 1
            if self._waiting:
                self._begin(self._waiting.popleft())
            exchange.on_reply(datagram)


def is_authentic(reply: bytes, request: bytes, secret: bytes) -> bool:
    """Whether a reply's Response Authenticator (RFC 2865 section 3) was made for that request with that secret.

    Message-Authenticator, which keeps strangers from forging replies, is left to real equipment: here nobody forges.
    """
    expected = keyed_digest(reply[:_HEAD_OCTETS], request[_AUTHENTICATOR], reply[SHORTEST_PACKET_OCTETS:], secret)
    return hmac.compare_digest(expected, reply[_AUTHENTICATOR])
