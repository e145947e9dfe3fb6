"""One datagram in, one reply out: no sockets and no clock of its own.

``admit`` decides at once, without waiting, what a datagram is: discarded, a retransmission whose answer is known, or a
request to be processed. ``answer`` processes it. ``radius.transport`` does the rest.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

import structlog

from foundation.tally import HistogramTally
from radius import metrics
from radius.defences import Defences
from radius.discards import RequestUnansweredError, Unanswered
from radius.duplicates import DuplicateCache, Key, Known
from radius.errors import DiscardReason, PacketDiscarded, RemoteFaultError
from radius.nas import NasDirectory, NetworkAccessServer
from radius.packet import Attribute, Code, Packet, decode, encode_reply, verify_request

logger = structlog.get_logger(__name__)

Source = tuple[str, int]
"""IP address and port."""


class Port(StrEnum):
    """The two ports of RADIUS, each with requests of its own."""

    AUTHENTICATION = "authentication"
    ACCOUNTING = "accounting"


class Arrival(NamedTuple):
    """When a datagram came: by the calendar, and by a clock that never goes back (seconds)."""

    at: datetime
    monotonic: float


class Request(NamedTuple):
    """An authentic request that is new to us."""

    packet: Packet
    nas: NetworkAccessServer
    # Which of the NAS's secrets it was made with; the reply is made with the same.
    secret: bytes
    arrival: Arrival
    key: Key

    def __repr__(self) -> str:
        # A traceback must carry neither the secret nor the source.
        return f"Request({self.packet!r})"


class Handler(Protocol):
    """What a port does with its requests."""

    async def handle(self, request: Request) -> tuple[Code, Sequence[Attribute]]:
        """The reply's code and attributes. Raises RequestUnansweredError or RemoteFaultError for no reply."""


class Service:
    """One port of the RADIUS server."""

    def __init__(
        self,
        port: Port,
        equipment: NasDirectory,
        handler: Handler,
        duplicates: DuplicateCache,
        monotonic: Callable[[], float],
        on_repeat: Callable[[Key], None] = lambda _: None,
        defences: Defences | None = None,
    ) -> None:
        """``on_repeat`` hears of retransmissions of requests in progress, which a proxy passes on (RFC 5080)."""
        self.port = port
        self.duplicates = duplicates
        self.most_attributes = 0
        # Tells, of an authentic request, whether it was passed on to the worker whose it is.
        self.is_elsewhere: Callable[[Packet, Source], bool] | None = None
        self._on_repeat = on_repeat
        self._defences = defences
        self._equipment = equipment
        self._handler = handler
        self._monotonic = monotonic
        self._request_code = _REQUEST_CODES[port]
        self._status_reply = _STATUS_REPLIES[port]
        self._request_type = self._request_code.name.lower()
        self._seconds = HistogramTally(metrics.reply_seconds, metrics.REPLY_SECONDS_BUCKETS, port)

    def admit(
        self, datagram: bytes, source: Source, arrival: Arrival, nas: NetworkAccessServer | None = None
    ) -> Request | bytes | None:
        """A request to be answered, the octets of an answer that is to be sent again, or None: discarded, counted.

        ``nas`` is given by a transport that knows by more than an address whom it talks to.
        """
        nas = nas or self._equipment.table.find(source[0])
        if nas is None:
            self.discard(Unanswered.UNKNOWN_SOURCE)
            return None
        try:
            return self.examine(datagram, source, arrival, nas)
        except RemoteFaultError as error:
            self.discard(error.reason)
            return None

    def examine(
        self, datagram: bytes, source: Source, arrival: Arrival, nas: NetworkAccessServer
    ) -> Request | bytes | None:
        """As ``admit``, for a transport that acts on what is wrong. Raises RemoteFaultError, which it is to count."""
        packet = decode(datagram)
        if packet.code not in (self._request_code, Code.STATUS_SERVER):
            self.discard(Unanswered.WRONG_PORT)
            return None
        secret = self._verify(packet, nas, arrival.at)
        if len(packet.attributes) > self.most_attributes:
            self.most_attributes = len(packet.attributes)
        if packet.code is Code.STATUS_SERVER:
            metrics.request_tally.add("status_server", "answered")
            return encode_reply(self._status_reply, packet, (), secret)
        if self.is_elsewhere is not None and self.is_elsewhere(packet, source):
            return None
        key = (source[0], source[1], packet.code, packet.identifier)
        known = self.duplicates.begin(key, packet.authenticator, arrival.monotonic)
        if known is Known.NEW:
            return self._limited(Request(packet, nas, secret, arrival, key))
        if known is Known.IN_PROGRESS:
            self._on_repeat(key)
            self.discard(Unanswered.REPEATED_WHILE_IN_PROGRESS)
            return None
        metrics.request_tally.add(self._request_type, "repeated")
        return known

    async def answer(self, request: Request) -> bytes | None:
        """The reply's octets, or None: not answered, counted, and forgotten, so that a retransmission tries again."""
        try:
            code, attributes = await self._handler.handle(request)
            reply = encode_reply(code, request.packet, attributes, request.secret)
        except (RequestUnansweredError, RemoteFaultError) as error:
            self.refuse(request, error.reason)
            return None
        except Exception as error:
            # One request must not end the server, and an exception's text or locals must not get into the log.
            problem, where = type(error).__name__, fault_location(error)
            logger.error("a request could not be processed: a fault of ours", problem=problem, where=where)
            self.refuse(request, Unanswered.INTERNAL_ERROR)
            return None
        self._seconds.observe(self._monotonic() - request.arrival.monotonic)
        if code is Code.ACCESS_REJECT and self._defences is not None:
            # Meanwhile it is in progress, so that asking again brings no answer sooner.
            await self._defences.reject_delay.hold()
        self.duplicates.complete(request.key, request.packet.authenticator, reply, self._monotonic())
        return reply

    def flush_tallies(self) -> None:
        """Hand on what was counted since the last time."""
        self._seconds.flush()

    def refuse(self, request: Request, reason: StrEnum) -> None:
        """Do not answer an admitted request."""
        self.duplicates.forget(request.key, request.packet.authenticator)
        self.discard(reason)

    def discard(self, reason: StrEnum) -> None:
        """Count a datagram that gets no answer."""
        metrics.discards.labels(self.port, reason).inc()

    def _limited(self, request: Request) -> Request | None:
        """The request, unless its sender has sent too many."""
        if self._defences is None:
            return request
        refusal = self._defences.limits.refusal(request.packet, request.nas, request.arrival.monotonic)
        if refusal is None:
            return request
        self.refuse(request, refusal)
        return None

    def _verify(self, packet: Packet, nas: NetworkAccessServer, now: datetime) -> bytes:
        """The secret that the request was made with. Raises PacketDiscarded for the present secret's reason."""
        learnt = self._equipment.message_authenticators
        required, is_protected = learnt.is_required_of(nas), nas.radsec_name is not None
        problem: PacketDiscarded | None = None
        for secret in nas.secrets_at(now):
            try:
                verify_request(packet, secret, require_message_authenticator=required, is_protected=is_protected)
            except PacketDiscarded as error:
                problem = problem or error
            else:
                learnt.learn(packet, nas)
                return secret
        assert problem is not None
        if problem.reason in _WITHOUT_MESSAGE_AUTHENTICATOR:
            learnt.count_without(nas, "require")
        raise problem


def fault_location(error: BaseException) -> str:
    """File and line of the exception's innermost frames: what a traceback tells, without any value."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


_REQUEST_CODES = {Port.AUTHENTICATION: Code.ACCESS_REQUEST, Port.ACCOUNTING: Code.ACCOUNTING_REQUEST}
_WITHOUT_MESSAGE_AUTHENTICATOR = frozenset(
    {
        DiscardReason.EAP_WITHOUT_MESSAGE_AUTHENTICATOR,
        DiscardReason.MESSAGE_AUTHENTICATOR_MISSING,
        DiscardReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR,
    }
)
# RFC 5997 section 2.3
_STATUS_REPLIES = {Port.AUTHENTICATION: Code.ACCESS_ACCEPT, Port.ACCOUNTING: Code.ACCOUNTING_RESPONSE}
