"""The UDP socket: bursts, bounds, what the kernel tells, and who else has the port."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from ipaddress import ip_network
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from radius import metrics
from radius.batching import Batcher
from radius.discards import Unanswered
from radius.duplicates import DuplicateCache
from radius.nas import NasDirectory, NasTable
from radius.packet import Attribute, Code, decode
from radius.service import Port, Request, Service
from radius.transport import kernel
from radius.transport.kernel import memory_of
from radius.transport.udp import UdpTransport, bind
from tests.radius.support import NAS, access_request
from tools.free_ports import free_ports

SMALL_BUFFER_OCTETS = 8192
LIMIT = 300


class Handler:
    """Answers when it is allowed to, and remembers when requests came."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def handle(self, request: Request) -> tuple[Code, Sequence[Attribute]]:
        self.arrivals.append(request.arrival.monotonic)
        await self.may_answer.wait()
        return Code.ACCESS_REJECT, ()


@pytest.fixture
def handler() -> Handler:
    return Handler()


def transport_of(handler: Handler, database: Database, keyring: Keyring) -> UdpTransport:
    """At a port of its own, not started."""
    equipment = NasDirectory(database, keyring)
    equipment.table = NasTable([(ip_network("127.0.0.0/8"), NAS), (ip_network("::1/128"), NAS)])
    service = Service(Port.AUTHENTICATION, equipment, handler, DuplicateCache(keep_seconds=10), time.monotonic)
    return UdpTransport(service, bind("127.0.0.1", 0, SMALL_BUFFER_OCTETS, "authentication"), limit=LIMIT)


@pytest.fixture
async def transport(handler: Handler, database: Database, keyring: Keyring) -> AsyncIterator[UdpTransport]:
    opened = transport_of(handler, database, keyring)
    yield opened
    await opened.stop(0)


@pytest.fixture
def client(transport: UdpTransport) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.connect(transport.address)
    return made


def login(identifier: int) -> bytes:
    return access_request({"User-Name": "demo", "User-Password": "demo"}, identifier=identifier).octets


async def replies(client: socket.socket, count: int) -> set[int]:
    """The identifiers of so many replies."""
    async with asyncio.timeout(5):
        loop = asyncio.get_running_loop()
        return {decode(await loop.sock_recv(client, 4096)).identifier for _ in range(count)}


async def test_a_burst_is_read_in_one_turn_and_has_one_time_of_arrival(
    transport: UdpTransport, client: socket.socket, handler: Handler
) -> None:
    with client:
        for identifier in range(10):
            client.send(login(identifier))
        transport.start()
        assert await replies(client, 10) == set(range(10))
    assert len(set(handler.arrivals)) == 1


async def test_beyond_the_limit_requests_are_dropped_and_counted(
    transport: UdpTransport, client: socket.socket, handler: Handler
) -> None:
    before = _discarded(Unanswered.TOO_MANY_IN_PROGRESS)
    transport.limit = 2
    handler.may_answer.clear()
    with client:
        for identifier in range(5):
            client.send(login(identifier))
        transport.start()
        while len(handler.arrivals) < 2:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0)
        assert transport.in_progress == 2
        assert _discarded(Unanswered.TOO_MANY_IN_PROGRESS) == before + 3
        handler.may_answer.set()
        assert await replies(client, 2) == {0, 1}
        # Their repetitions are new: what got no answer is not remembered.
        client.send(login(2))
        await replies(client, 1)
    assert transport.in_progress == 0


def _discarded(reason: Unanswered) -> float:
    return float(metrics.discards.labels(Port.AUTHENTICATION, reason)._value.get())


class Batched(Handler):
    """Answers as its batcher does."""

    def __init__(self) -> None:
        super().__init__()
        self.batcher: Batcher[int, bool] = Batcher(self._decide, limit=100)

    async def handle(self, request: Request) -> tuple[Code, Sequence[Attribute]]:
        return (Code.ACCESS_ACCEPT if await self.batcher.submit(request.packet.identifier) else Code.ACCESS_REJECT), ()

    async def _decide(self, identifiers: list[int]) -> list[bool]:
        await self.may_answer.wait()
        return [identifier % 2 == 0 for identifier in identifiers]


@pytest.fixture
async def batched(database: Database, keyring: Keyring) -> AsyncIterator[tuple[UdpTransport, Batched, socket.socket]]:
    handler = Batched()
    opened = transport_of(handler, database, keyring)
    opened.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.connect(opened.address)
        yield opened, handler, made
    if opened._socket.fileno() >= 0:
        await opened.stop(0)
    assert opened.in_progress == 0


async def test_requests_that_wait_for_a_batch_are_all_answered(
    batched: tuple[UdpTransport, Batched, socket.socket],
) -> None:
    _, _, client = batched
    for identifier in range(10):
        client.send(login(identifier))
    assert await replies(client, 10) == set(range(10))


async def test_requests_leave_nothing_to_the_garbage_collector(
    batched: tuple[UdpTransport, Batched, socket.socket],
) -> None:
    _, _, client = batched
    client.send(login(0))
    await replies(client, 1)
    gc.collect()
    gc.disable()
    try:
        for identifier in range(1, 11):
            client.send(login(identifier))
        await replies(client, 10)
        assert gc.collect() < 10
    finally:
        gc.enable()


async def begin_one(transport: UdpTransport, handler: Batched, client: socket.socket) -> None:
    """A request that waits for its batch until ``may_answer`` is set."""
    handler.may_answer.clear()
    client.send(login(1))
    while not transport.in_progress:  # noqa: ASYNC110  there is no event to wait for
        await asyncio.sleep(0)


async def test_the_end_waits_for_what_is_under_way(
    batched: tuple[UdpTransport, Batched, socket.socket],
) -> None:
    transport, handler, client = batched
    await begin_one(transport, handler, client)
    ending = asyncio.create_task(transport.stop(5))
    await asyncio.sleep(0.01)
    assert not ending.done()
    handler.may_answer.set()
    await ending
    assert await replies(client, 1) == {1}


async def test_a_result_that_comes_after_the_end_is_nobodys(
    batched: tuple[UdpTransport, Batched, socket.socket],
) -> None:
    transport, handler, client = batched
    await begin_one(transport, handler, client)
    await transport.stop(0)
    handler.may_answer.set()
    await handler.batcher.drain()
    assert transport.in_progress == 0


async def test_what_the_kernel_drops_is_counted_once_and_what_waits_is_shown(
    transport: UdpTransport, client: socket.socket
) -> None:
    drops = metrics.receive_buffer_drops.labels(Port.AUTHENTICATION)
    used = metrics.receive_buffer_used_octets.labels(Port.AUTHENTICATION)
    before = drops._value.get()
    with client:
        for identifier in range(200):
            client.send(login(identifier))
        for _ in range(2):
            transport.sample_metrics()
            assert used._value.get() > SMALL_BUFFER_OCTETS / 2
        dropped = drops._value.get() - before
        assert dropped > 100
        transport.start()
        assert len(await replies(client, 200 - int(dropped))) == 200 - dropped
        transport.sample_metrics()
        assert used._value.get() == 0
        assert drops._value.get() == before + dropped


def test_a_socket_tells_its_drops_where_the_kernel_can() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        memory = memory_of(opened)
    assert memory is not None
    assert (memory.used_octets, memory.drops) == (0, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_several_of_ours_may_share_a_port_and_one_more_is_refused(host: str) -> None:
    (number,) = free_ports(1)
    ours = [bind(host, number, SMALL_BUFFER_OCTETS, "authentication", sharers=2) for _ in range(2)]
    try:
        with pytest.raises(OSError, match=f"port {number} cannot be bound: 3 programs have it and 2 are ours"):
            bind(host, number, SMALL_BUFFER_OCTETS, "authentication", sharers=2)
    finally:
        for each in ours:
            each.close()


def refused() -> AbstractContextManager[object]:
    return pytest.raises(OSError, match="3 programs have it and 2 are ours")


async def test_who_listens_at_every_address_shares_it_too() -> None:
    (number,) = free_ports(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        foreign.bind(("0.0.0.0", number))
        with bind("127.0.0.1", number, SMALL_BUFFER_OCTETS, "authentication", sharers=2), refused():
            bind("127.0.0.1", number, SMALL_BUFFER_OCTETS, "authentication", sharers=2)


async def test_a_client_from_the_same_port_and_other_ports_do_not_count() -> None:
    (number,) = free_ports(1)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere,
        bind("127.0.0.1", number, SMALL_BUFFER_OCTETS, "authentication", sharers=2),
        bind("127.0.0.1", number, SMALL_BUFFER_OCTETS, "authentication", sharers=2),
    ):
        elsewhere.bind(("127.0.0.2", number))


async def test_the_only_one_lets_nobody_in() -> None:
    (number,) = free_ports(1)
    with (
        bind("127.0.0.1", number, SMALL_BUFFER_OCTETS, "authentication"),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign,
    ):
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            foreign.bind(("127.0.0.1", number))


async def test_where_the_machine_hides_its_sockets_the_port_is_still_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kernel, "_SOCKETS", tmp_path)
    bind("127.0.0.1", 0, SMALL_BUFFER_OCTETS, "authentication", sharers=2).close()
