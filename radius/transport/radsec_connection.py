"""One RadSec connection after its handshake: requests in, replies out, and our own requests the other way.

What closes it is what RFC 6613 section 2.6.4 names: a packet whose lengths do not fit, or whose authenticator or
Message-Authenticator is wrong. Anything else that cannot be used is discarded, and the connection stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import structlog

from radius import metrics
from radius.discards import Unanswered
from radius.errors import DiscardReason, RemoteFaultError
from radius.nas import NetworkAccessServer
from radius.packet import REPLIES, Code, Packet, decode
from radius.service import Arrival, Request, Service, fault_location
from radius.transport.exchanges import BuildRequest, Exchanges
from radius.transport.stream import read_packet

logger = structlog.get_logger(__name__)

LABEL: Final = "radsec"
# As many as one connection has identifiers for, of each kind of request: beyond that nothing more is read.
_MOST_IN_PROGRESS: Final = 512
# Replies that a peer does not read must not fill the memory.
_MOST_UNSENT_OCTETS: Final = 1024 * 1024
_ANSWER_SECONDS: Final = 10.0


class Closed(StrEnum):
    """Why a connection ended; the value is a metric's label."""

    PEER_LEFT = "peer_left"
    IDLE = "idle"
    LOST = "lost"
    PACKET_WRONG = "packet_wrong"
    NOT_READING = "not_reading"
    EQUIPMENT_REMOVED = "equipment_removed"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NO_LONGER_GOOD = "certificate_no_longer_good"
    SERVER_STOPS = "server_stops"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other end proved in the handshake, and where it came from."""

    names: tuple[str, ...]
    source: str
    # DER, and its notAfter in seconds since 1970.
    certificate: bytes
    good_until: float


class Room:
    """How many requests may be processed at once, over all connections."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0


class RadSecConnection:
    """``serve`` it until it ends. ``nas`` may be replaced while it is open: its row may change."""

    def __init__(
        self,
        number: int,
        peer: Peer,
        nas: NetworkAccessServer,
        services: Mapping[int, Service],
        room: Room,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        idle_seconds: float,
    ) -> None:
        self.peer = peer
        self.nas = nas
        # Duplicates are a connection's own: two may use the same identifiers at once.
        self._source = (f"{LABEL} {number}", 0)
        self._services = services
        self._room = room
        self._reader, self._writer = streams
        self._idle_seconds = idle_seconds
        self._slots = asyncio.Semaphore(_MOST_IN_PROGRESS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._exchanges = Exchanges(self._send)
        self._reading: asyncio.Task[Closed] | None = None
        self._reason: Closed | None = None

    async def serve(self) -> Closed:
        """Until it ends; what was admitted is answered first. ``shut`` it then."""
        self._reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait([self._reading])
            self._exchanges.close()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_ANSWER_SECONDS)
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        finally:
            self._reading.cancel()
            for task in self._tasks:
                task.cancel()
        return self._reason or self._reading.result()

    async def shut(self) -> None:
        """Send what is not sent yet, and take leave of the peer."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def close(self, reason: Closed) -> None:
        """Read no more, and end when what was admitted is answered."""
        self._reason = self._reason or reason
        if self._reading is not None:
            self._reading.cancel()

    async def ask(self, build: BuildRequest, secret: bytes, timeout_seconds: float) -> Packet | None:
        """As ``Exchange.ask``: a request of ours over the equipment's own connection."""
        return await self._exchanges.ask(build, secret, timeout_seconds)

    async def _read(self) -> Closed:
        try:
            while True:
                await self._take(await read_packet(self._reader, self._idle_seconds))
        except RemoteFaultError as error:
            metrics.discards.labels(LABEL, error.reason).inc()
            return Closed.PACKET_WRONG
        except TimeoutError:
            return Closed.IDLE
        except asyncio.IncompleteReadError:
            return Closed.PEER_LEFT
        except OSError:
            return Closed.LOST
        except Exception as error:
            # One connection must not trouble the others, and an exception's text must not get into the log.
            problem, where = type(error).__name__, fault_location(error)
            logger.error("a RadSec connection ended by a fault of ours", problem=problem, where=where)
            return Closed.INTERNAL_ERROR

    async def _take(self, octets: bytes) -> None:
        """One packet. Raises RemoteFaultError for one that ends the connection."""
        try:
            service = self._services.get(octets[0])
            if service is None:
                self._take_reply(decode(octets))
                return
            arrival = Arrival(datetime.now(UTC), time.monotonic())
            admitted = service.examine(octets, self._source, arrival, self.nas)
        except RemoteFaultError as error:
            if error.reason in _ENDS_THE_CONNECTION:
                raise
            metrics.discards.labels(LABEL, error.reason).inc()
            return
        if isinstance(admitted, bytes):
            self._send(admitted)
        elif admitted is not None and self._room.taken >= self._room.limit:
            service.refuse(admitted, Unanswered.TOO_MANY_IN_PROGRESS)
        elif admitted is not None:
            await self._slots.acquire()
            self._room.taken += 1
            task = asyncio.create_task(self._answer(service, admitted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _take_reply(self, packet: Packet) -> None:
        if packet.code not in _REPLIES_TO_US:
            metrics.discards.labels(LABEL, DiscardReason.UNEXPECTED_CODE).inc()
        elif not self._exchanges.take(packet):
            metrics.discards.labels(LABEL, DiscardReason.UNEXPECTED_IDENTIFIER).inc()

    async def _answer(self, service: Service, request: Request) -> None:
        try:
            reply = await service.answer(request)
        finally:
            self._slots.release()
            self._room.taken -= 1
        if reply is not None and not self._send(reply):
            service.discard(Unanswered.SEND_FAILED)

    def _send(self, octets: bytes) -> bool:
        transport = self._writer.transport
        if transport.is_closing():
            return False
        if transport.get_write_buffer_size() > _MOST_UNSENT_OCTETS:
            self.close(Closed.NOT_READING)
            transport.abort()
            return False
        self._writer.write(octets)
        return True


_REPLIES_TO_US: Final = REPLIES[Code.DISCONNECT_REQUEST] | REPLIES[Code.COA_REQUEST]
_ENDS_THE_CONNECTION: Final = frozenset(
    {
        DiscardReason.TOO_SHORT,
        DiscardReason.TOO_LONG,
        DiscardReason.LENGTH_FIELD_TOO_SMALL,
        DiscardReason.LENGTH_FIELD_TOO_LARGE,
        DiscardReason.ATTRIBUTE_TRUNCATED,
        DiscardReason.ATTRIBUTE_LENGTH_TOO_SMALL,
        DiscardReason.MESSAGE_AUTHENTICATOR_WRONG,
        DiscardReason.MESSAGE_AUTHENTICATOR_REPEATED,
        DiscardReason.MESSAGE_AUTHENTICATOR_MALFORMED,
        DiscardReason.REQUEST_AUTHENTICATOR_WRONG,
        DiscardReason.REPLY_AUTHENTICATOR_WRONG,
    }
)
