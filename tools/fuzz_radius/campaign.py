"""The campaign: so many packets to the server's own services, and what must hold while they come and afterwards."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from OpenSSL import SSL
from prometheus_client import REGISTRY

from radius import attributes, metrics
from radius.attributes import DEFINITIONS
from radius.authentication.eap.packet import join, split
from radius.discards import Unanswered
from radius.errors import MalformedAttributeError, PacketDiscarded
from radius.packet import (
    Attribute,
    Code,
    Packet,
    decode,
    encode_request,
    hide_password,
    new_authenticator,
    verify_reply,
)
from radius.server import RadiusServer
from radius.service import Arrival, Port, Request, Service, fault_location
from tools.fuzz_radius.city import LEARNING, PASSWORD, REQUIRING, SECRET, USER_NAME
from tools.fuzz_radius.eap_peer import EapPeer
from tools.fuzz_radius.mutation import Mutator
from tools.fuzz_radius.packets import PacketMaker

_WORKERS: Final = 32
_MOST_ROUNDS: Final = 40
_MOST_FINDINGS: Final = 20
_PROBE_SECONDS: Final = 10
_LOOKS: Final = 10
_MOST_SERIES: Final = 2000
_FAULTS: Final = (Unanswered.INTERNAL_ERROR, Unanswered.RECORD_REFUSED_BY_DATABASE, Unanswered.STORAGE_UNAVAILABLE)
_REQUESTS: Final = (Code.ACCESS_REQUEST, Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER)


@dataclass
class Results:
    """What came of it. A finding is a fault of ours, with the packet that led to it."""

    packets: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    resident_octets: list[int] = field(default_factory=list)
    """After the warm-up, at each tenth of the rest, and at the end."""

    def find(self, what: str, octets: bytes) -> None:
        """Note a fault."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(f"{what}; packet {octets.hex()}")


def _time_series() -> int:
    return sum(len(family.samples) for family in REGISTRY.collect())


class Campaign:
    """Drives one server. ``most`` is how many packets are sent in all."""

    def __init__(
        self,
        server: RadiusServer,
        contexts: tuple[SSL.Context, ...],
        seed: int,
        most: int,
        tell: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``tell`` hears of every hundredth of the way, in packets."""
        self.results = Results()
        self._tell = tell
        self._services = {port: transport.service for port, transport in server.transports.items()}
        self._server = server
        self._contexts = contexts
        self._seed = seed
        self._most = most
        self._faults = self._count_faults()

    async def run(self) -> Results:
        """Send everything, and ask afterwards whether the server is alive."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note_loose_exception)
        started, before = time.monotonic(), _time_series()
        try:
            await asyncio.gather(*(_Worker(self, number).run() for number in range(_WORKERS)))
            self.results.seconds = time.monotonic() - started
            self.results.resident_octets.append(resident_octets())
            await self._probe()
            await self._server.log.drain()
            # What other tests in this process counted is none of the packets' doing.
            made = _time_series() - before
            if made > _MOST_SERIES:
                self.results.find(f"packets make time series: {made}", b"")
        finally:
            loop.set_exception_handler(None)
        return self.results

    def seed_of(self, number: int) -> int:
        """A worker's own."""
        return self._seed * 1000 + number

    @property
    def contexts(self) -> tuple[SSL.Context, ...]:
        """TLS contexts for devices."""
        return self._contexts

    def is_over(self) -> bool:
        """Whether all have been sent."""
        return self.results.packets >= self._most

    async def send(self, octets: bytes, port: Port, source: tuple[str, int]) -> bytes | None:
        """One datagram to a port's service; its answer. What is raised is a finding."""
        results, service = self.results, self._services[port]
        results.packets += 1
        if results.packets % max(self._most // 100, 1) == 0:
            self._tell(results.packets)
        self._look_at_memory()
        try:
            reply = await _serve(service, octets, source)
        except Exception as error:  # what is looked for
            results.find(f"{type(error).__name__} escaped at {fault_location(error)}", octets)
            return None
        results.outcomes["silence" if reply is None else Code(reply[0]).name.lower()] += 1
        if reply is None and (now := self._count_faults()) != self._faults:
            self._faults = now
            results.find(f"a fault of ours was counted: {now}", octets)
        return reply

    def _count_faults(self) -> dict[str, float]:
        return {
            f"{port} {reason}": metrics.discards.labels(port, reason)._value.get()
            for port in Port
            for reason in _FAULTS
        }

    def _note_loose_exception(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        where = fault_location(error) if error else context.get("message")
        self.results.find(f"{type(error).__name__} in a task at {where}", b"")

    def _look_at_memory(self) -> None:
        """Half of the packets warm up: tables that have a limit fill up to it."""
        seen = self.results.resident_octets
        if self.results.packets >= self._most // 2 + self._most * len(seen) // (2 * _LOOKS):
            seen.append(resident_octets())

    async def _probe(self) -> None:
        """A login by PAP through the socket."""
        authenticator = new_authenticator()
        hidden = hide_password(PASSWORD.encode(), SECRET, authenticator)
        sent = [(1, USER_NAME.encode()), (2, hidden)]
        request = encode_request(Code.ACCESS_REQUEST, 1, sent, SECRET, authenticator=authenticator)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.setblocking(False)
            asking.bind((REQUIRING, 0))
            asking.connect(self._server.transports[Port.AUTHENTICATION].address)
            asking.send(request.octets)
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    octets = await asyncio.get_running_loop().sock_recv(asking, 4096)
            except TimeoutError:
                self.results.find("the server did not answer a login afterwards", request.octets)
                return
        reply = decode(octets)
        verify_reply(reply, request, SECRET)
        if reply.code is not Code.ACCESS_ACCEPT:
            self.results.find(f"a good login got {reply.code.name} afterwards", request.octets)


class _Worker:
    """One source of packets, with a chance of its own."""

    def __init__(self, campaign: Campaign, number: int) -> None:
        self._campaign = campaign
        self._random = Random(campaign.seed_of(number))  # noqa: S311  to be repeated, not to be secret
        self._mutator = Mutator(self._random)
        self._maker = PacketMaker(self._random)
        self._source = (REQUIRING if number % 4 else LEARNING, 40_000 + number)
        self._identifier = 0
        self._last = b""

    async def run(self) -> None:
        kinds = (self._raw, self._raw, self._login, self._accounting, self._conversation)
        while not self._campaign.is_over():
            await self._random.choice(kinds)()
            # What is discarded at once never waits; the others must get their turn.
            await asyncio.sleep(0)

    async def _raw(self) -> None:
        """Octets that are changed after they were signed, some in a row: nearly all must be discarded."""
        for _ in range(5):
            octets = self._mutator.octets(self._last or self._signed(Code.ACCESS_REQUEST, []).octets)
            port = self._random.choice(list(Port))
            await self._campaign.send(octets, port, self._source)
            self._read(octets)
        self._last = b""

    async def _login(self) -> None:
        authenticator = new_authenticator()
        await self._ask(Code.ACCESS_REQUEST, self._changed(self._maker.login(authenticator)), authenticator)

    async def _accounting(self) -> None:
        await self._ask(Code.ACCOUNTING_REQUEST, self._changed(self._maker.accounting()))

    async def _conversation(self) -> None:
        peer = EapPeer(self._random, self._campaign.contexts, self._random.choice((0.0, 0.1, 0.3, 1.0)))
        message, state = b"", b""
        for _ in range(_MOST_ROUNDS):
            response = peer.respond(message)
            sent = [(1, USER_NAME.encode()), *self._maker.circumstances(), *split(response)]
            sent += [(24, state)] if state else []
            if self._mutator.chance(0.03):
                sent = self._mutator.attributes(sent)
            reply = await self._ask(Code.ACCESS_REQUEST, sent)
            if reply is None or reply.code is not Code.ACCESS_CHALLENGE or self._campaign.is_over():
                break
            message, state = join(reply), dict(reply.attributes).get(24, b"")
        peer.close()

    def _changed(self, sent: list[Attribute]) -> list[Attribute]:
        return self._mutator.attributes(sent) if self._mutator.chance(0.7) else sent

    async def _ask(self, code: Code, sent: list[Attribute], authenticator: bytes | None = None) -> Packet | None:
        """Sign and send; the reply, which must always verify."""
        request = self._signed(code, sent, authenticator)
        self._last = request.octets
        port = Port.ACCOUNTING if code is Code.ACCOUNTING_REQUEST else Port.AUTHENTICATION
        octets = await self._campaign.send(request.octets, port, self._source)
        if octets is None:
            return None
        try:
            reply = decode(octets)
            verify_reply(reply, request, SECRET)
        except PacketDiscarded as error:
            self._campaign.results.find(f"our own reply does not verify: {error}", request.octets)
            return None
        return reply

    def _signed(self, code: Code, sent: list[Attribute], authenticator: bytes | None = None) -> Packet:
        self._identifier = (self._identifier + 1) % 256
        room = [pair for at, pair in enumerate(sent) if sum(len(value) + 2 for _, value in sent[: at + 1]) < 4000]
        return encode_request(code, self._identifier, room, SECRET, authenticator=authenticator)

    def _read(self, octets: bytes) -> None:
        """Now and then every attribute is read by name: nothing but malformed may come of it."""
        if not self._mutator.chance(0.02):
            return
        try:
            packet = decode(octets)
        except PacketDiscarded:
            return
        for name in DEFINITIONS:
            with suppress(MalformedAttributeError):
                attributes.get(packet, name)


async def _serve(service: Service, octets: bytes, source: tuple[str, int]) -> bytes | None:
    admitted = service.admit(octets, source, Arrival(datetime.now(UTC), time.monotonic()))
    return await service.answer(admitted) if isinstance(admitted, Request) else admitted


def resident_octets() -> int:
    """The memory of this process that is in use (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096
