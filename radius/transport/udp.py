"""RADIUS over UDP: a socket that is read until it is empty at every wake-up, and replies sent as they become ready.

asyncio's own datagram endpoint reads one datagram a turn of the event loop, a fifth of what this does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final

import structlog

from radius import metrics
from radius.discards import Unanswered
from radius.packet import LONGEST_PACKET_OCTETS
from radius.pending import Pending, rest_of
from radius.service import Arrival, Request, Service, fault_location
from radius.transport.kernel import memory_of, refuse_strangers

logger = structlog.get_logger(__name__)

# One reading of the clocks serves so many datagrams, which takes a millisecond or two.
_BURST: Final = 64
# A flood on one socket must not keep the event loop from everything else.
_MOST_BURSTS_PER_WAKE_UP: Final = 4
_DROPS_WRAP_AT: Final = 2**32
# What a request that waits for nothing more gives.
_OVER: Final = object()


class UdpTransport:
    """One bound socket and the service behind it. ``stop`` it at the end."""

    def __init__(self, service: Service, bound: socket.socket, *, limit: int) -> None:
        """At most ``limit`` requests are processed at the same time."""
        self.service = service
        self.limit = limit
        self._socket = bound
        self._is_ipv4 = bound.family == socket.AF_INET
        self._answering: dict[int, _Answering] = {}
        self._begun = 0
        self._is_idle = asyncio.Event()
        self._drops = 0
        self._loop = asyncio.get_running_loop()

    @property
    def address(self) -> tuple[str, int]:
        """Where it is bound."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    @property
    def in_progress(self) -> int:
        """How many requests are being processed."""
        return len(self._answering)

    def start(self) -> None:
        """Begin to read."""
        self._loop.add_reader(self._socket, self._read)

    async def stop(self, patience_seconds: float) -> None:
        """Read no more, let what is being processed come to its end, and close."""
        self._loop.remove_reader(self._socket)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                while self._answering:
                    self._is_idle.clear()
                    await self._is_idle.wait()
        for left in list(self._answering.values()):
            await left.cancel()
        self._socket.close()

    def take(self, datagram: bytes, source: Any, arrival: Arrival, service: Service | None = None) -> None:
        """Process a datagram from ``source`` (as the socket names it) and answer there; by default by our service."""
        serving = service or self.service
        admitted = serving.admit(datagram, source if self._is_ipv4 else source[:2], arrival)
        if admitted is None:
            return
        if isinstance(admitted, bytes):
            self._send(admitted, source)
        elif len(self._answering) >= self.limit:
            serving.refuse(admitted, Unanswered.TOO_MANY_IN_PROGRESS)
        else:
            number = self._begun = self._begun + 1
            answering = self._answering[number] = _Answering(self._answer(serving, admitted, number, source))
            answering.step()

    async def _answer(self, serving: Service, request: Request, number: int, source: Any) -> None:
        reply = None
        try:
            reply = await serving.answer(request)
        finally:
            # One that ended while others were cancelled is no longer there.
            self._answering.pop(number, None)
            if reply is not None:
                self._send(reply, source)
            if not self._answering:
                self._is_idle.set()

    def sample_metrics(self) -> None:
        """Set the gauges, and count what the kernel dropped."""
        label = self.service.port
        metrics.in_progress.labels(label).set(len(self._answering))
        metrics.in_progress_limit.labels(label).set(self.limit)
        memory = memory_of(self._socket)
        if memory is None:
            return
        metrics.receive_buffer_used_octets.labels(label).set(memory.used_octets)
        metrics.receive_buffer_drops.labels(label).inc((memory.drops - self._drops) % _DROPS_WRAP_AT)
        self._drops = memory.drops

    def _read(self) -> None:
        receive, take = self._socket.recvfrom, self.take
        for _ in range(_MOST_BURSTS_PER_WAKE_UP):
            arrival = Arrival(datetime.now(UTC), time.monotonic())
            for _ in range(_BURST):
                try:
                    datagram, source = receive(LONGEST_PACKET_OCTETS + 1)
                except BlockingIOError:
                    return
                except OSError as error:
                    logger.error("the socket cannot be read", port=self.service.port, problem=error.strerror)
                    return
                take(datagram, source, arrival)

    def _send(self, reply: bytes, source: Any) -> None:
        # A reply that cannot be sent now is not queued: the retransmission gets it from the duplicate cache.
        try:
            self._socket.sendto(reply, source)
        except OSError:
            self.service.discard(Unanswered.SEND_FAILED)


class _Answering:
    """A request that is being processed, by hand as long as it waits for batches only (``radius.pending``)."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self._work = work
        self._steps = work.__await__()
        self._waits_for: Pending[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    def step(self) -> None:
        """Run as far as it goes."""
        # It knows us, too: a circle would be left to the garbage collector, which stops everything while it looks.
        self._waits_for = None
        try:
            # Without a default its end would be an exception, which compiled code takes a microsecond to catch.
            waits_for = next(self._steps, _OVER)
        except Exception as error:
            # Whoever calls has others to call, too.
            logger.error("a request was left: a fault of ours", where=fault_location(error))
        else:
            if waits_for is not _OVER:
                self._wait_for(waits_for)

    async def cancel(self) -> None:
        """Let it come to no answer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            return
        if self._waits_for is not None:
            self._waits_for.cancel()
        self._work.close()

    def _wait_for(self, waits_for: Any) -> None:
        if type(waits_for) is Pending:
            self._waits_for = waits_for
            waits_for.waiter = self
        else:
            self._task = asyncio.get_running_loop().create_task(rest_of(self._work, waits_for))


def bind(host: str, port: int, receive_buffer_octets: int, label: str, *, sharers: int = 1) -> socket.socket:
    """A non-blocking UDP socket; ``sharers`` processes bind the same port, and nobody else may.

    Raises OSError that names the address; a smaller receive buffer is only logged.
    """
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
        if sharers > 1:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
        refuse_strangers(bound, sharers)
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
