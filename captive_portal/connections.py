"""Browsers' connections: how many there may be, and how long a client may take over anything.

Before login everybody within range can connect. So a request's head, its body and the taking of an answer have an end
each, and a full house makes room: the connection goes that has been silent for longest. Who keeps many open and says
nothing loses them to those who ask for something, also where a whole venue comes from one address.

aiohttp has no such limits, except that a connection on which nothing happens is closed after ``keepalive_timeout``.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, cast

import structlog
from aiohttp import StreamReader, web
from aiohttp.http import HttpProcessingError

from captive_portal import metrics
from foundation.security_headers import common_headers
from foundation.settings import PortalSettings

_log: Final = structlog.get_logger(__name__)
LONGEST_LINE_OCTETS: Final = 8190
"""Of a request's first line: gateways put up to 8,000 characters into a redirect's address."""
LONGEST_FIELD_OCTETS: Final = 4096
MOST_FIELDS: Final = 64
# Of a request that was refused, a browser may still be sending the body.
_LINGERING_SECONDS: Final = 2.0
# The database, controllers and the log need files, too.
_OTHER_FILES: Final = 256
# Who has an IPv6 address has all those that begin so.
_IPV6_PREFIX_OCTETS: Final = 8
_LOOK_SECONDS: Final = 1.0
_HEADERS_OF_ERRORS: Final = {
    **common_headers(""),
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be at once, and for how many seconds a client may keep one waiting.

    Connections from ``proxies`` are many people's, so what one address may have does not hold for them.
    """

    total: int
    per_address: int
    patience_seconds: float
    proxies: tuple[Network, ...] = ()

    @classmethod
    def of(cls, settings: PortalSettings) -> Limits:
        """As the settings have them."""
        return cls(
            settings.connections,
            settings.connections_per_address,
            settings.client_patience_seconds,
            settings.proxies,
        )


class Connection(asyncio.Protocol):
    """One connection, whose octets aiohttp's own protocol (``handler``) reads and writes."""

    __slots__ = ("_all", "_body", "_owes_since", "_unsent_since", "address", "handler", "is_answering", "transport")

    transport: asyncio.Transport

    def __init__(self, connections: Connections, handler: web.RequestHandler) -> None:
        self._all = connections
        self.handler = handler
        # By what it is counted; None where it is not, or not admitted.
        self.address: str | None = None
        self.is_answering = False
        # Since when the rest of a head or of a body is awaited, and since when an answer is not taken.
        self._owes_since: float | None = None
        self._unsent_since: float | None = None
        self._body: StreamReader | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in or not."""
        self.transport = cast(asyncio.Transport, transport)
        if self._all.admit(self):
            self.handler.connection_made(transport)
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Octets of a head or of a body."""
        self._all.heard(self)
        if self._owes_since is None and not self.is_answering:
            self._owes_since = time.monotonic()
        self.handler.data_received(data)

    def eof_received(self) -> None:
        """The client sends no more."""
        self.handler.eof_received()

    def pause_writing(self) -> None:
        """The client does not take what it asked for."""
        self.handler.pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self.handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Over, whoever ended it."""
        if self._all.forget(self):
            self.handler.connection_lost(exc)

    def begin(self, request: web.BaseRequest) -> None:
        """The head of a request is there; its body may not be."""
        self.is_answering = True
        self._body = None if request.content.is_eof() else request.content
        self._owes_since = None if self._body is None else time.monotonic()

    def end(self) -> None:
        """The request was answered."""
        self.is_answering = False
        self._owes_since = self._body = None

    def overdue(self, now: float, patience_seconds: float) -> str | None:
        """What the client takes too long for: ``slow-head``, ``slow-body`` or ``slow-reading``; None for nothing."""
        if self._body is not None and self._body.is_eof():
            self._owes_since = self._body = None
        if self._owes_since is not None and now - self._owes_since > patience_seconds:
            return "slow-head" if self._body is None else "slow-body"
        if self.transport.get_write_buffer_size() == 0:
            self._unsent_since = None
        elif self._unsent_since is None:
            self._unsent_since = now
        elif now - self._unsent_since > patience_seconds:
            return "slow-reading"
        return None


class _Handler(web.RequestHandler):
    """aiohttp's own, whose answer to what is no request says nothing of us and nothing of what was sent."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Count it, as ``_count_instead`` does with what is logged. Raises ConnectionError amidst an answer."""
        super().handle_error(request, status, exc, message)
        response = web.Response(status=status, text=f"{status}\n", headers=_HEADERS_OF_ERRORS)
        response.force_close()
        return response


class _Queue(OrderedDict[Connection, None]):
    """Connections in the order in which something was last heard of them."""


class Connections:
    """All connections of the portal."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_handler: dict[web.RequestHandler, Connection] = {}
        # The one that was silent for longest is first; those of one address once more.
        self._open = _Queue()
        self._by_address: dict[str, _Queue] = {}
        metrics.connection_limit.labels("all").set(limits.total)
        metrics.connection_limit.labels("address").set(limits.per_address)
        metrics.client_patience.set(limits.patience_seconds)
        metrics.header_limit.set(LONGEST_LINE_OCTETS + MOST_FIELDS * LONGEST_FIELD_OCTETS)

    def __len__(self) -> int:
        return len(self._open)

    def protocol_of(self, server: web.Server, keep_alive_seconds: float) -> Callable[[], asyncio.Protocol]:
        """What makes the protocol of each connection that is accepted (``loop.create_server``).

        One on which nothing happens is closed after ``keep_alive_seconds``.
        """
        options = {**_handler_options(), "keepalive_timeout": keep_alive_seconds}
        loop = asyncio.get_running_loop()
        return lambda: Connection(self, _Handler(server, loop=loop, **options))

    def of(self, request: web.BaseRequest) -> Connection | None:
        """The request's connection, unless it came in by another way, as in a test."""
        return self._by_handler.get(request.protocol)

    async def look_after(self) -> None:
        """End what takes too long and say how many there are, again and again."""
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(min(_LOOK_SECONDS, self._limits.patience_seconds / 2))

    def look(self, now: float) -> None:
        """Do so once."""
        for connection in list(self._by_handler.values()):
            if reason := connection.overdue(now, self._limits.patience_seconds):
                metrics.connections_ended.labels(reason).inc()
                connection.transport.abort()
        metrics.connections.labels("all").set(len(self._open))
        metrics.connections.labels("address").set(max(map(len, self._by_address.values()), default=0))

    def admit(self, connection: Connection) -> bool:
        """Whether it may stay; another one may have to go for it."""
        limits, address = self._limits, counted_address(connection.transport, self._limits.proxies)
        own = self._by_address.get(address, ()) if address is not None else ()
        if len(own) >= limits.per_address:
            has_room = self._make_room(own)
        else:
            has_room = len(self._open) < limits.total or self._make_room(self._open)
        if not has_room:
            metrics.connections_ended.labels("full").inc()
            return False
        connection.address = address
        self._by_handler[connection.handler] = connection
        self._open[connection] = None
        if address is not None:
            self._by_address.setdefault(address, _Queue())[connection] = None
        return True

    def heard(self, connection: Connection) -> None:
        """Its client sent something."""
        if connection in self._open:
            self._open.move_to_end(connection)
            if connection.address is not None:
                self._by_address[connection.address].move_to_end(connection)

    def forget(self, connection: Connection) -> bool:
        """It is lost; whether it had been admitted."""
        self._take_out(connection)
        return self._by_handler.pop(connection.handler, None) is not None

    def _make_room(self, queue: Iterable[Connection]) -> bool:
        """Close the one that was silent for longest; False where all are being answered."""
        idle = next((connection for connection in queue if not connection.is_answering), None)
        if idle is None:
            return False
        self._take_out(idle)
        metrics.connections_ended.labels("made-room").inc()
        idle.transport.close()
        return True

    def _take_out(self, connection: Connection) -> None:
        if connection not in self._open:
            return
        del self._open[connection]
        if connection.address is not None:
            own = self._by_address[connection.address]
            del own[connection]
            if not own:
                del self._by_address[connection.address]


CONNECTIONS: Final = web.AppKey("connections", Connections)


@web.middleware
async def keep_while_answering(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """No connection is taken away while something is done for it, and its body has its time."""
    connection = request.app[CONNECTIONS].of(request)
    if connection is None:
        return await handler(request)
    connection.begin(request)
    try:
        return await handler(request)
    finally:
        connection.end()


def counted_address(transport: asyncio.Transport, proxies: Iterable[Network]) -> str | None:
    """By what a client's connections are counted; None where they are many clients'."""
    peer = transport.get_extra_info("peername")
    if not peer:
        return None
    address = ip_address(peer[0].partition("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if any(address in network for network in proxies):
        return None
    return str(address) if isinstance(address, IPv4Address) else address.packed[:_IPV6_PREFIX_OCTETS].hex()


def _handler_options() -> dict[str, Any]:
    return {
        # An access log would hold addresses of people and paths of journeys.
        "access_log": None,
        "logger": _quiet_logger(),
        "lingering_time": _LINGERING_SECONDS,
        "max_line_size": LONGEST_LINE_OCTETS,
        "max_field_size": LONGEST_FIELD_OCTETS,
        "max_headers": MOST_FIELDS,
    }


def allow_files(connections: int) -> None:
    """Let this process have a file for each connection, as far as whoever started it lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _log.warning("fewer files may be open than connections are allowed", files=hard, connections=connections)


def _quiet_logger() -> logging.Logger:
    """aiohttp would write down the address and the octets of whoever sends what is no request."""
    logger = logging.getLogger("aiohttp.portal")
    logger.addFilter(_count_instead)
    return logger


def _count_instead(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    if kind is None or issubclass(kind, HttpProcessingError):
        metrics.refused_requests.labels("malformed").inc()
    else:
        _log.error("a connection failed", error=kind.__name__)
    return False
