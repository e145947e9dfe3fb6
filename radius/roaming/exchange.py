"""Asking a home server: what proxy and probes need of a transport, and UDP, the first one (RFC 2865 section 2.4).

A question is open until its asker closes it. Retransmission is the NAS's business (RFC 5080 section 2.2.1): it repeats
its request, and the proxy repeats the question with it. An identifier is 8 bits, so one socket has 256 questions open
at the most; there are as many sockets as that takes.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import deque
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Final, Protocol

import structlog

from radius.errors import DiscardReason, PacketDiscarded, RadiusError
from radius.packet import (
    LONGEST_PACKET_OCTETS,
    Attribute,
    Code,
    Packet,
    decode,
    encode_request,
    new_authenticator,
    verify_reply,
)
from radius.roaming import metrics
from radius.roaming.table import Address

logger = structlog.get_logger(__name__)

_IDENTIFIERS: Final = 256
_MOST_SOCKETS: Final = 16
# As many of the longest packets as there can be answers.
_RECEIVE_BUFFER_OCTETS: Final = _IDENTIFIERS * LONGEST_PACKET_OCTETS
_MOST_DATAGRAMS_PER_WAKE_UP: Final = 256

Build = Callable[[bytes], Iterable[Attribute]]
"""The attributes of a request, given its authenticator: passwords are hidden with it. Of accounting it is empty."""


class TooManyQuestionsError(RadiusError):
    """Every identifier of every socket is in use."""


class Question(Protocol):
    """A request on its way; ``answer`` gets the verified reply, or OSError when it can have none."""

    @property
    def request(self) -> Packet:
        """As it was sent."""

    @property
    def answer(self) -> asyncio.Future[Packet]:
        """The verified reply."""

    def send_again(self) -> None:
        """Send the same octets once more, where the transport may have lost them."""

    def close(self) -> None:
        """Wait no longer; its identifier may be used again."""


class Exchange(Protocol):
    """One port of one home server."""

    async def ask(self, code: Code, build: Build) -> Question:
        """Send a request. Raises OSError, TooManyQuestionsError, and what ``build`` raises."""

    def restart(self) -> None:
        """The server is down: where that may help, begin anew. Open questions may get OSError."""

    def close(self) -> None:
        """End it. Open questions get OSError."""


Connect = Callable[[Address], Exchange]
"""Makes the exchange with an address; nothing is sent before it is asked."""


class UdpQuestion:
    """A question of ``UdpExchange``."""

    def __init__(self, bound: _Socket, request: Packet) -> None:
        self.request = request
        self.answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._bound = bound

    def send_again(self) -> None:
        """Send the same octets once more."""
        self._bound.send(self.request)

    def close(self) -> None:
        """Wait no longer."""
        self._bound.release(self.request.identifier, self)
        if not self.answer.done():
            self.answer.cancel()
        elif not self.answer.cancelled():
            self.answer.exception()  # looked at, so that nobody is told that nobody did


class UdpExchange:
    """Questions to one UDP port."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._sockets: list[_Socket] = []
        self._found: tuple[int, Any] | None = None

    async def ask(self, code: Code, build: Build) -> UdpQuestion:
        """Send a request. Raises OSError, TooManyQuestionsError, and what ``build`` raises."""
        if self._found is None:
            self._found = await _resolve(self._address)
        bound = self._free_socket(self._found)
        identifier = bound.next_identifier
        is_random = code in (Code.ACCESS_REQUEST, Code.STATUS_SERVER)
        authenticator = new_authenticator() if is_random else None
        secret = self._address.secret
        request = encode_request(code, identifier, build(authenticator or b""), secret, authenticator=authenticator)
        question = UdpQuestion(bound, request)
        bound.take(question)
        return question

    def restart(self) -> None:
        """Where the server is known by name: resolve it again and use new sockets."""
        if self._found is not None and not _is_number(self._address.host):
            self.close()
            self._found = None

    def close(self) -> None:
        """Close the sockets; whoever waits gets ConnectionAbortedError."""
        for bound in self._sockets:
            bound.close()
        self._sockets = []

    def _free_socket(self, found: tuple[int, Any]) -> _Socket:
        for bound in self._sockets:
            if bound.has_free_identifier:
                return bound
        if len(self._sockets) >= _MOST_SOCKETS:
            raise TooManyQuestionsError(f"{self._address.name} has {_MOST_SOCKETS * _IDENTIFIERS} questions open")
        bound = _Socket(self._address, *found)
        self._sockets.append(bound)
        return bound


class _Socket:
    """One connected socket, so that the kernel drops what comes from elsewhere; and the questions open on it."""

    def __init__(self, address: Address, family: int, target: Any) -> None:
        self._address = address
        self._free = deque(range(_IDENTIFIERS))
        self._open: dict[int, UdpQuestion] = {}
        self._warned = False
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
            self._socket.connect(target)
        except OSError:
            self._socket.close()
            raise
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    @property
    def has_free_identifier(self) -> bool:
        return bool(self._free)

    @property
    def next_identifier(self) -> int:
        """The one that was free for longest: a late reply to its last question must not meet the next one."""
        return self._free[0]

    def take(self, question: UdpQuestion) -> None:
        self._free.popleft()
        self._open[question.request.identifier] = question
        self.send(question.request)

    def send(self, request: Packet) -> None:
        for _ in range(2):
            try:
                self._socket.send(request.octets)
            except BlockingIOError:
                return  # as good as lost on the way
            except ConnectionRefusedError:
                continue  # of a datagram before; this one was not sent
            except OSError as error:
                self._fail(error)
            return

    def release(self, identifier: int, question: UdpQuestion) -> None:
        if self._open.get(identifier) is question:
            del self._open[identifier]
            self._free.append(identifier)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._fail(ConnectionAbortedError("closed"))

    def _read(self) -> None:
        for _ in range(_MOST_DATAGRAMS_PER_WAKE_UP):
            try:
                datagram = self._socket.recv(LONGEST_PACKET_OCTETS + 1)
            except BlockingIOError:
                return
            except OSError as error:  # such as: nothing listens there (ICMP)
                self._fail(error)
                return
            self._take_answer(datagram)

    def _take_answer(self, datagram: bytes) -> None:
        try:
            reply = decode(datagram)
            question = self._open.get(reply.identifier)
            if question is None or question.answer.done():
                raise PacketDiscarded(DiscardReason.UNEXPECTED_IDENTIFIER)
            # Nobody gains anything by forging the answer to Status-Server; older servers do not sign it.
            is_status = question.request.code is Code.STATUS_SERVER
            verify_reply(reply, question.request, self._address.secret, require_message_authenticator=not is_status)
        except PacketDiscarded as error:
            metrics.home_server_discards.labels(error.reason).inc()
            self._warn(error)
        else:
            question.answer.set_result(reply)

    def _warn(self, error: PacketDiscarded) -> None:
        """Once a socket: a wrong secret or a server too old would else show in a counter only."""
        if error.reason in _WORTH_A_WARNING and not self._warned:
            self._warned = True
            logger.warning("a home server's replies cannot be used", server=self._address.name, problem=str(error))

    def _fail(self, error: OSError) -> None:
        for question in self._open.values():
            if not question.answer.done():
                question.answer.set_exception(error)


_WORTH_A_WARNING: Final = frozenset(
    {
        DiscardReason.MESSAGE_AUTHENTICATOR_MISSING,
        DiscardReason.EAP_WITHOUT_MESSAGE_AUTHENTICATOR,
        DiscardReason.MESSAGE_AUTHENTICATOR_WRONG,
        DiscardReason.REPLY_AUTHENTICATOR_WRONG,
    }
)


async def _resolve(address: Address) -> tuple[int, Any]:
    """Family and socket address. Raises OSError."""
    if _is_number(address.host):
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return family, (address.host, address.port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
    except UnicodeError:
        raise OSError(errno.EINVAL, f"{address.host} is not a host's name") from None
    return found[0][0], found[0][4]


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
