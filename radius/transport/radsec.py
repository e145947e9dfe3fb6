"""RADIUS over TLS (RadSec, RFC 6614): a listening socket, handshakes, and who is behind a certificate.

Nothing of what a peer sends is looked at before its certificate is verified and one of its DNS names (subjectAltName)
is that of equipment that is entered.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import Counter
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final

import structlog

from foundation.runtime import NotReadyError
from foundation.settings import RadSecSettings, Settings
from radius import metrics
from radius.nas import NasDirectory, NetworkAccessServer
from radius.packet import Code
from radius.service import Port, Service
from radius.transport.radsec_connection import LABEL, Closed, Peer, RadSecConnection, Room
from radius.transport.tls import (
    Refusal,
    TlsMaterial,
    TlsUnusableError,
    alternative_names,
    files_of,
    refusal_of,
    server_context,
)

logger = structlog.get_logger(__name__)

_HANDSHAKE_SECONDS: Final = 10.0
_SHUTDOWN_SECONDS: Final = 2.0
# Strangers who open connections and say nothing must not keep equipment out.
_MOST_HANDSHAKES: Final = 256
_MOST_HANDSHAKES_FROM_ONE_ADDRESS: Final = 32
_BACKLOG: Final = 256
_CHECK_SECONDS: Final = 1.0
# A few packets: beyond that the peer waits.
_BUFFER_OCTETS: Final = 16_384
_NO_DESCRIPTORS_PAUSE_SECONDS: Final = 0.5
_WARNING_PAUSE_SECONDS: Final = 60.0


class RadSecTransport:
    """One listening socket and the connections that came of it. ``stop`` it at the end."""

    def __init__(
        self,
        settings: RadSecSettings,
        material: TlsMaterial,
        equipment: NasDirectory,
        services: Mapping[int, Service],
        most_in_progress: int,
    ) -> None:
        """``services`` by the code of the requests that each takes; at most so many requests are processed at once.

        Raises OSError when the port cannot be bound.
        """
        self.limit = settings.most_connections
        self._idle_seconds = settings.idle_seconds
        self._material = material
        self._equipment = equipment
        self._services = services
        self._listening = _listen(settings.host, settings.port)
        self._table = equipment.table
        self._made = 0
        self._room = Room(most_in_progress)
        self._connections: dict[RadSecConnection, asyncio.Task[None] | None] = {}
        self._handshakes: Counter[str] = Counter()
        self._warned_at: dict[Refusal, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port, *_ = self._listening.getsockname()
        return host, port

    @property
    def in_progress(self) -> int:
        """How many requests are being processed."""
        return self._room.taken

    @property
    def connected(self) -> set[int]:
        """The numbers of the network access servers that have a connection."""
        return {connection.nas.id for connection in self._connections}

    def find(self, nas_id: int) -> RadSecConnection | None:
        """The newest connection of a network access server: an older one may be dead without knowing it."""
        return next((one for one in reversed(self._connections) if one.nas.id == nas_id), None)

    def start(self) -> None:
        """Begin to accept."""
        self._accepting = asyncio.create_task(self._accept())

    async def stop(self) -> None:
        """Accept no more, answer what was admitted, and close."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        self._listening.close()
        for connection in self._connections:
            connection.close(Closed.SERVER_STOPS)
        # A task must have begun, or its socket would not be closed.
        await asyncio.sleep(0)
        for task in self._tasks.difference(self._connections.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def keep_checked(self) -> None:
        """For ever: take up new certificates, and close within a second what may no longer be connected."""
        while True:
            self.check()
            await asyncio.sleep(_CHECK_SECONDS)

    def check(self) -> None:
        """Close the connections of removed equipment and of certificates that expired or were revoked."""
        files_changed = self._material.refresh()
        table = self._equipment.table
        table_changed, self._table = table is not self._table, table
        now = time.time()
        for connection in list(self._connections):
            if connection.peer.good_until <= now:
                connection.close(Closed.CERTIFICATE_EXPIRED)
            elif files_changed and not self._material.is_good(connection.peer.certificate):
                connection.close(Closed.CERTIFICATE_NO_LONGER_GOOD)
            elif table_changed:
                nas = table.find_by_radsec_name(connection.peer.names)
                if nas is None or nas.id != connection.nas.id or not _may_come_from(nas, connection.peer.source):
                    connection.close(Closed.EQUIPMENT_REMOVED)
                else:
                    connection.nas = nas

    def sample_metrics(self) -> None:
        """Set the gauges."""
        count = len(self._connections)
        metrics.radsec_connections.set(count)
        metrics.radsec_connections_limit.set(self.limit)
        metrics.radsec_handshakes.set(self._handshakes.total())
        metrics.radsec_handshakes_limit.set(_MOST_HANDSHAKES)
        metrics.in_progress.labels(LABEL).set(self._room.taken)
        metrics.in_progress_limit.labels(LABEL).set(self._room.limit)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(self._listening)
            except OSError as error:
                # Out of descriptors, most likely: those that end give some back.
                logger.error("a RadSec connection cannot be accepted", problem=error.strerror)
                await asyncio.sleep(_NO_DESCRIPTORS_PAUSE_SECONDS)
                continue
            source = str(address[0])
            refusal = self._too_many(source)
            if refusal is not None:
                accepted.close()
                self._refuse(refusal)
                continue
            self._handshakes[source] += 1
            task = asyncio.create_task(self._serve(accepted, source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _too_many(self, source: str) -> Refusal | None:
        handshakes = self._handshakes.total()
        if len(self._connections) + handshakes >= self.limit:
            return Refusal.TOO_MANY_CONNECTIONS
        if handshakes >= _MOST_HANDSHAKES or self._handshakes[source] >= _MOST_HANDSHAKES_FROM_ONE_ADDRESS:
            return Refusal.TOO_MANY_HANDSHAKES
        return None

    def _refuse(self, refusal: Refusal) -> None:
        metrics.radsec_refusals.labels(refusal).inc()
        self._warn(refusal)

    def _warn(self, refusal: Refusal, **about: str | int) -> None:
        """Once a minute for each reason, so that strangers cannot fill the log."""
        now = time.monotonic()
        if now - self._warned_at.get(refusal, -_WARNING_PAUSE_SECONDS) >= _WARNING_PAUSE_SECONDS:
            self._warned_at[refusal] = now
            logger.warning("a RadSec connection was refused", reason=refusal, explanation=refusal.explanation, **about)

    async def _serve(self, accepted: socket.socket, source: str) -> None:
        """One connection from its first octet to its last."""
        try:
            reader, writer = await self._shake_hands(accepted)
        except OSError as error:
            self._refuse(refusal_of(error))
            return
        finally:
            self._handshakes[source] -= 1
            if not self._handshakes[source]:
                del self._handshakes[source]
        connection = self._identify(reader, writer, source)
        if isinstance(connection, Refusal):
            self._refuse(connection)
            writer.transport.abort()
            return
        self._connections[connection] = asyncio.current_task()
        try:
            reason = await connection.serve()
        finally:
            del self._connections[connection]
        metrics.radsec_closed.labels(reason).inc()
        await connection.shut()

    async def _shake_hands(self, accepted: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError (ssl.SSLError is one) when there is no agreement."""
        loop = asyncio.get_running_loop()
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError:  # it is gone already
            accepted.close()
            raise
        reader = asyncio.StreamReader(_BUFFER_OCTETS)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            accepted,
            ssl=self._material.context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _identify(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str
    ) -> RadSecConnection | Refusal:
        """Whose certificate it is. It was verified in the handshake."""
        secured: Any = writer.get_extra_info("ssl_object")
        certificate: bytes = secured.getpeercert(binary_form=True)
        if secured.context is not self._material.context and not self._material.is_good(certificate):
            # It was verified by files that have changed during the handshake.
            return Refusal.REVOKED
        shown = secured.getpeercert()
        names = alternative_names(shown)
        nas = self._equipment.table.find_by_radsec_name(names)
        if nas is None:
            self._warn(Refusal.UNKNOWN_NAME, names=", ".join(names)[:300])
            return Refusal.UNKNOWN_NAME
        if not _may_come_from(nas, source):
            self._warn(Refusal.WRONG_NETWORK, nas_id=nas.id)
            return Refusal.WRONG_NETWORK
        peer = Peer(
            names=names,
            source=source,
            certificate=certificate,
            good_until=ssl.cert_time_to_seconds(shown["notAfter"]),
        )
        self._made += 1
        streams = reader, writer
        return RadSecConnection(self._made, peer, nas, self._services, self._room, streams, self._idle_seconds)


def open_radsec(settings: Settings, equipment: NasDirectory, services: Mapping[Port, Service]) -> RadSecTransport:
    """The transport that the settings describe. Raises OSError, or NotReadyError for certificates that are no use."""
    try:
        material = TlsMaterial(files_of(settings.radsec, settings.certificates_directory), server_context)
    except TlsUnusableError as error:
        raise NotReadyError(str(error)) from None
    authentication = services[Port.AUTHENTICATION]
    by_code: dict[int, Service] = {
        Code.ACCESS_REQUEST: authentication,
        # RFC 5997 section 2.3: one connection for both, and so one of the two answers.
        Code.STATUS_SERVER: authentication,
        Code.ACCOUNTING_REQUEST: services[Port.ACCOUNTING],
    }
    return RadSecTransport(settings.radsec, material, equipment, by_code, settings.radius.most_requests_in_progress)


def _may_come_from(nas: NetworkAccessServer, source: str) -> bool:
    if nas.radsec_network is None:
        return True
    address = ip_address(source.partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address) in nas.radsec_network


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise OSError(f"RadSec listens on an IP address, not on {host!r}; set radsec.host to one") from None
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"TCP {host} port {port} cannot be bound: {error.strerror}") from None
    return listening
