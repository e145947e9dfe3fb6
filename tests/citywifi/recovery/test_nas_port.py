"""A simulated NAS sends again as real ones do, and believes only authentic replies."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from citywifi.recovery.nas_port import Counters, NasPort, Timing
from radius.packet import Code, Packet, decode, encode_reply, encode_request, verify_request

SECRET = b"a secret of this test"
QUICK = Timing(first_seconds=0.05, longest_seconds=0.1)


class Server:
    """A socket of a RADIUS server that says nothing by itself."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    async def next(self) -> tuple[Packet, tuple[str, int]]:
        """The next request, authentic, and where it came from."""
        async with asyncio.timeout(5):
            octets, source = await asyncio.get_running_loop().sock_recvfrom(self.socket, 4096)
        request = decode(octets)
        verify_request(request, SECRET)
        return request, source

    def answer(self, request: Packet, source: tuple[str, int], secret: bytes = SECRET) -> None:
        """Reply to a request."""
        code = Code.ACCESS_REJECT if request.code is Code.ACCESS_REQUEST else Code.ACCOUNTING_RESPONSE
        self.socket.sendto(encode_reply(code, request, (), secret), source)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.socket.close()


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
async def port(server: Server, counters: Counters) -> AsyncIterator[NasPort]:
    port = NasPort("127.0.0.1", server.socket.getsockname(), SECRET, counters, QUICK)
    yield port
    # A test that failed has not closed it.
    if port._socket.fileno() >= 0:
        port.close()


def access_request(identifier: int) -> bytes:
    return encode_request(Code.ACCESS_REQUEST, identifier, (), SECRET, authenticator=bytes(16)).octets


def accounting_request(identifier: int) -> bytes:
    return encode_request(Code.ACCOUNTING_REQUEST, identifier, (), SECRET).octets


async def test_an_access_request_is_sent_again_as_it_was(server: Server, port: NasPort, counters: Counters) -> None:
    replies: list[bytes] = []
    port.ask(access_request, replies.append)
    first, _ = await server.next()
    second, source = await server.next()
    server.answer(second, source)
    await until(lambda: bool(replies))
    port.close()
    assert first.octets == second.octets
    assert (counters.retransmitted, counters.answered) == (1, 1)


async def test_an_accounting_record_is_sent_again_as_a_new_request(server: Server, port: NasPort) -> None:
    replies: list[bytes] = []
    port.report(accounting_request, replies.append)
    first, _ = await server.next()
    second, source = await server.next()
    server.answer(second, source)
    await until(lambda: bool(replies))
    port.close()
    assert first.identifier != second.identifier


async def test_a_reply_to_the_request_before_the_last_is_late(
    server: Server, port: NasPort, counters: Counters
) -> None:
    replies: list[bytes] = []
    port.report(accounting_request, replies.append)
    first, source = await server.next()
    await server.next()
    server.answer(first, source)
    await until(lambda: counters.late == 1)
    port.close()
    assert replies == []


async def test_a_reply_made_with_another_secret_counts_for_nothing(
    server: Server, port: NasPort, counters: Counters
) -> None:
    replies: list[bytes] = []
    port.ask(access_request, replies.append)
    request, source = await server.next()
    server.answer(request, source, b"another secret")
    await until(lambda: counters.unverified == 1)
    port.close()
    assert replies == []


async def test_beyond_256_requests_the_next_wait_for_an_identifier(server: Server, port: NasPort) -> None:
    replies: list[bytes] = []
    for _ in range(257):
        port.ask(access_request, replies.append)
    seen: set[int] = set()

    async def answer_all() -> None:
        while True:
            request, source = await server.next()
            seen.add(request.identifier)
            server.answer(request, source)

    answering = asyncio.create_task(answer_all())
    await until(lambda: len(replies) == 257)
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    port.close()
    assert len(seen) == 256


async def test_a_closed_port_is_no_answer(counters: Counters, free_port: int) -> None:
    port = NasPort("127.0.0.1", ("127.0.0.1", free_port), SECRET, counters, QUICK)
    port.ask(access_request, lambda _: None)
    await until(lambda: counters.retransmitted >= 1 and counters.undeliverable >= 1)
    port.close()


@pytest.mark.parametrize(("transmissions", "seconds"), [(1, 3), (2, 6), (3, 12), (4, 16), (1000, 16)])
def test_each_wait_is_twice_as_long_as_the_last_up_to_16_seconds(transmissions: int, seconds: float) -> None:
    assert Timing().after(transmissions) == pytest.approx(seconds, rel=0.11)


async def until(holds: object) -> None:
    assert callable(holds)
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
