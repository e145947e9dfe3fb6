"""RADIUS over UDP: a socket that is read until it is empty at every wake-up, and replies sent as they become ready.

asyncio's own datagram endpoint reads one datagram a turn of the event loop, a fifth of what this does.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

import structlog

from radius import metrics
from radius.discards import Unanswered
from radius.packet import LONGEST_PACKET_OCTETS
from radius.service import Arrival, Request, Service

logger = structlog.get_logger(__name__)

MOST_REQUESTS_IN_PROGRESS: Final = 8192
# A flood on one socket must not keep the event loop from everything else.
_MOST_DATAGRAMS_PER_WAKE_UP: Final = 1024


class UdpTransport:
    """One bound socket and the service behind it. ``close`` it at the end."""

    def __init__(self, service: Service, bound: socket.socket, *, limit: int = MOST_REQUESTS_IN_PROGRESS) -> None:
        self.service = service
        self.limit = limit
        self._socket = bound
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    @property
    def address(self) -> tuple[str, int]:
        """Where it is bound."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    @property
    def in_progress(self) -> int:
        """How many requests are being processed."""
        return len(self._tasks)

    def start(self) -> None:
        """Begin to read."""
        self._loop.add_reader(self._socket, self._read)

    async def stop(self, patience_seconds: float) -> None:
        """Read no more, let what is being processed come to its end, and close."""
        self._loop.remove_reader(self._socket)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_seconds)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    def _read(self) -> None:
        receive = self._socket.recvfrom
        for _ in range(_MOST_DATAGRAMS_PER_WAKE_UP):
            try:
                datagram, source = receive(LONGEST_PACKET_OCTETS + 1)
            except BlockingIOError:
                return
            except OSError as error:
                logger.error("the socket cannot be read", port=self.service.port, problem=error.strerror)
                return
            self._admit(datagram, source)

    def _admit(self, datagram: bytes, source: Any) -> None:
        arrival = Arrival(datetime.now(UTC), time.monotonic())
        admitted = self.service.admit(datagram, (source[0], source[1]), arrival)
        if admitted is None:
            return
        if isinstance(admitted, bytes):
            self._send(admitted, source)
        elif len(self._tasks) >= self.limit:
            self.service.refuse(admitted, Unanswered.TOO_MANY_IN_PROGRESS)
        else:
            task = self._loop.create_task(self._answer(admitted, source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request, source: Any) -> None:
        reply = await self.service.answer(request)
        if reply is not None:
            self._send(reply, source)

    def _send(self, reply: bytes, source: Any) -> None:
        # A reply that cannot be sent now is not queued: the retransmission gets it from the duplicate cache.
        try:
            self._socket.sendto(reply, source)
        except OSError:
            self.service.discard(Unanswered.SEND_FAILED)


def bind(host: str, port: int, receive_buffer_octets: int, label: str) -> socket.socket:
    """A non-blocking UDP socket. Raises OSError that names the address; a smaller receive buffer is only logged."""
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise OSError(
            errno.EINVAL, f"RADIUS listens on an IP address, not on {host!r}; set radius.host to one"
        ) from None
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        granted = _enlarge_receive_buffer(bound, receive_buffer_octets)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"UDP {host} port {port} cannot be bound: {error.strerror}") from None
    metrics.receive_buffer_octets.labels(label).set(granted)
    if granted < receive_buffer_octets:
        logger.warning(
            "the receive buffer is smaller than asked for; raise the sysctl net.core.rmem_max",
            port=label,
            asked_octets=receive_buffer_octets,
            granted_octets=granted,
        )
    return bound


def _enlarge_receive_buffer(bound: socket.socket, octets: int) -> int:
    """Ask for a buffer that holds a burst (the kernel's default overflows at a few hundred); what was granted."""
    # Linux doubles what is asked for, for its own bookkeeping, and reports the double.
    try:
        bound.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
    except OSError:  # only root may exceed net.core.rmem_max
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
    return bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2


# linux/socket.h; Python has no name for it.
_SO_RCVBUFFORCE: Final = 33
