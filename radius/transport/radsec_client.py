"""RadSec as a client (RFC 6614): requests to another operator's server over connections that we make.

Connections are made when the first request needs one, and made again after one broke, with longer pauses while that
fails. A connection on which nothing came for a while is asked for its status (RFC 5997, RFC 6613 section 2.4), so
that a dead one does not wait for the next resident.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from radius import metrics
from radius.errors import RemoteFaultError
from radius.packet import REPLIES, Attribute, Code, Packet, decode, encode_request, new_authenticator
from radius.transport.exchanges import Exchanges, Question
from radius.transport.stream import read_packet
from radius.transport.tls import TlsFiles, TlsMaterial, TlsUnusableError, client_context

logger = structlog.get_logger(__name__)

LABEL: Final = "radsec_client"
MOST_CONNECTIONS: Final = 4
_CONNECT_SECONDS: Final = 3.0
_SHUTDOWN_SECONDS: Final = 2.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 30.0
_QUIET_SECONDS: Final = 30.0
_STATUS_SECONDS: Final = 5.0
_BUFFER_OCTETS: Final = 16_384
_MOST_UNSENT_OCTETS: Final = 1024 * 1024

Build = Callable[[bytes], Iterable[Attribute]]
"""The attributes of a request, given its authenticator: passwords are hidden with it. Of accounting it is empty."""


class RadSecExchange:
    """Questions to one RadSec server; ``close`` it at the end. Its name in the certificate must be ``server_name``."""

    def __init__(self, host: str, port: int, server_name: str, secret: bytes, files: TlsFiles) -> None:
        self._target = host, port
        self._server_name = server_name
        self._secret = secret
        self._files = files
        self._material: TlsMaterial | None = None
        self._connections: list[_Connection] = []
        self._connecting: asyncio.Task[_Connection] | None = None
        self._pause_seconds = 0.0
        self._not_before = 0.0

    async def ask(self, code: Code, build: Build) -> Question:
        """Send a request. Raises OSError where there is no connection, or no room on it, and what ``build`` raises."""
        return (await self._connection()).open(code, build)

    def restart(self) -> None:
        """The server does not answer: connect anew."""
        self.close()
        self._not_before = 0.0

    def close(self) -> None:
        """End the connections; whoever waits gets ConnectionResetError."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        for connection in self._connections:
            connection.close()
        self._connections = []

    async def _connection(self) -> _Connection:
        self._connections = [one for one in self._connections if not one.is_closed]
        for connection in self._connections:
            if not connection.is_full:
                return connection
        if len(self._connections) >= MOST_CONNECTIONS:
            raise BlockingIOError(f"{MOST_CONNECTIONS} connections of 256 requests each are in use")
        if self._connecting is None:
            if time.monotonic() < self._not_before:
                raise ConnectionRefusedError("the last attempt to connect failed; the next one is a little later")
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connected)
        connecting = self._connecting
        # One that gives up waiting does not take the connection from the others.
        await asyncio.wait([connecting])
        if connecting.cancelled():
            raise ConnectionAbortedError("closed while it was being made")
        return connecting.result()

    def _connected(self, task: asyncio.Task[_Connection]) -> None:
        if task.cancelled():
            return
        self._connecting = None
        error = task.exception()
        if error is None:
            self._pause_seconds = 0.0
            self._connections.append(task.result())
            return
        longer = max(_FIRST_PAUSE_SECONDS, self._pause_seconds * 2)
        if not self._pause_seconds:
            logger.warning(
                "a RadSec connection to another server cannot be made",
                server=f"{self._target[0]}:{self._target[1]}",
                problem=_words_of(error),
            )
        self._pause_seconds = min(longer, _LONGEST_PAUSE_SECONDS)
        self._not_before = time.monotonic() + self._pause_seconds

    async def _connect(self) -> _Connection:
        """Raises OSError."""
        try:
            if self._material is None:
                self._material = TlsMaterial(self._files, client_context)
            self._material.refresh()
        except TlsUnusableError as error:
            raise ConnectionAbortedError(str(error)) from None
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                *self._target,
                limit=_BUFFER_OCTETS,
                ssl=self._material.context,
                server_hostname=self._server_name,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        return _Connection(reader, writer, self._secret)


class _Connection:
    """One connection and the task that reads it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._secret = secret
        self._exchanges = Exchanges(self._send)
        self._reading = asyncio.create_task(self._read())
        self.is_closed = False
        metrics.radsec_client_connections.inc()

    @property
    def is_full(self) -> bool:
        return self._exchanges.is_full

    def open(self, code: Code, build: Build) -> Question:
        is_random = code in (Code.ACCESS_REQUEST, Code.STATUS_SERVER)
        authenticator = new_authenticator() if is_random else None
        values = tuple(build(authenticator or b""))

        def request(identifier: int) -> Packet:
            return encode_request(code, identifier, values, self._secret, authenticator=authenticator)

        return self._exchanges.open(request, self._secret)

    def close(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        metrics.radsec_client_connections.dec()
        self._reading.cancel()
        self._exchanges.close()
        self._writer.close()

    async def _read(self) -> None:
        """Until it breaks."""
        status: Question | None = None
        try:
            while True:
                try:
                    octets = await read_packet(self._reader, _STATUS_SECONDS if status else _QUIET_SECONDS)
                except TimeoutError:
                    if status is not None:
                        return
                    status = self.open(Code.STATUS_SERVER, lambda _: ())
                    continue
                self._take(octets)
                if status is not None:
                    status.close()
                    status = None
        except RemoteFaultError as error:
            metrics.discards.labels(LABEL, error.reason).inc()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            if status is not None:
                status.close()
            self.close()

    def _take(self, octets: bytes) -> None:
        """Raises RemoteFaultError for what ends the connection (RFC 6613 section 2.6.4)."""
        packet = decode(octets)
        if packet.code not in _REPLIES_TO_US or not self._exchanges.take(packet):
            metrics.discards.labels(LABEL, "unexpected_reply").inc()

    def _send(self, octets: bytes) -> None:
        if self._writer.transport.get_write_buffer_size() > _MOST_UNSENT_OCTETS:
            self.close()
            raise ConnectionResetError("the other server does not read")
        self._writer.write(octets)


_REPLIES_TO_US: Final = REPLIES[Code.ACCESS_REQUEST] | REPLIES[Code.ACCOUNTING_REQUEST]


def _words_of(error: BaseException) -> str:
    """What an engineer is told; nothing of it is personal."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is no good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").lower().replace("_", " ")
    if isinstance(error, ConnectionAbortedError):  # the message is ours
        return str(error)
    return getattr(error, "strerror", None) or type(error).__name__
