"""Who is slow, or keeps too many connections, is not waited for; everybody else is served meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network

import pytest
from aiohttp import web

from captive_portal import metrics
from captive_portal.connections import (
    CONNECTIONS,
    LONGEST_FIELD_OCTETS,
    MOST_FIELDS,
    Connections,
    Limits,
    counted_address,
    keep_while_answering,
)

_PATIENCE_SECONDS = 0.3
_LONG_SECONDS = 10
_LARGE_OCTETS = 20_000_000


@dataclass(frozen=True)
class Line:
    """One client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, path: str = "/") -> str:
        """GET, and the first line of the answer; empty where the connection was closed instead."""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: portal\r\n\r\n".encode())
        with suppress(ConnectionError):
            return (await self.reader.readline()).decode().strip()
        return ""

    async def until_closed(self) -> bytes:
        """What still came."""
        async with asyncio.timeout(_LONG_SECONDS):
            with suppress(ConnectionError):
                return await self.reader.read()
            return b""


Dial = Callable[[], Awaitable[Line]]
Ended = Callable[[str], int]


@asynccontextmanager
async def portal(limits: Limits, keep_alive_seconds: float = _LONG_SECONDS) -> AsyncIterator[Dial]:
    """A server under these limits, whose connections are called one after the other."""
    app = web.Application(middlewares=[keep_while_answering])
    app[CONNECTIONS] = Connections(limits)
    is_held = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/held":
            await is_held.wait()
        if request.path == "/large":
            return web.Response(body=bytes(_LARGE_OCTETS))
        return web.Response(text=f"{len(await request.read())} octets")

    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    factory = app[CONNECTIONS].protocol_of(runner.server, keep_alive_seconds)
    listener = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    looking_after = asyncio.create_task(app[CONNECTIONS].look_after())
    lines: list[Line] = []

    async def dial() -> Line:
        lines.append(Line(*await asyncio.open_connection(*listener.sockets[0].getsockname())))
        return lines[-1]

    try:
        yield dial
    finally:
        is_held.set()
        looking_after.cancel()
        listener.close()
        for line in lines:
            line.writer.close()
        await asyncio.gather(looking_after, return_exceptions=True)
        await runner.cleanup()
        assert len(app[CONNECTIONS]) == 0


def patient(total: int = 100, per_address: int = 100, proxies: tuple[IPv4Network, ...] = ()) -> Limits:
    return Limits(total, per_address, _LONG_SECONDS, proxies)


@pytest.fixture
def ended() -> Ended:
    """How many connections were ended by us for a reason, since the test began."""

    def count(reason: str) -> int:
        return int(metrics.connections_ended.labels(reason)._value.get())

    reasons = ("slow-head", "slow-body", "slow-reading", "made-room", "full")
    before = {reason: count(reason) for reason in reasons}
    return lambda reason: count(reason) - before[reason]


async def _drip(line: Line, octets: bytes) -> None:
    """Send them one by one, as slowly as a client can that is always about to be done."""
    with suppress(ConnectionError):
        for octet in octets:
            line.writer.write(bytes([octet]))
            await asyncio.sleep(_PATIENCE_SECONDS / 20)


@pytest.mark.parametrize(
    ("said", "dripped", "reason"),
    [
        pytest.param(b"", b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 100, "slow-head", id="a head without end"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", b"a=b&" * 100, "slow-body", id="a body"
        ),
    ],
)
async def test_a_request_that_comes_octet_by_octet_is_not_waited_for(
    ended: Ended, said: bytes, dripped: bytes, reason: str
) -> None:
    async with portal(Limits(100, 100, _PATIENCE_SECONDS)) as dial:
        slow, other = await dial(), await dial()
        slow.writer.write(said)
        dripping = asyncio.create_task(_drip(slow, dripped))
        assert "200" in await other.ask()
        assert await slow.until_closed() == b""
        dripping.cancel()
    assert ended(reason) == 1


async def test_an_answer_that_is_not_taken_is_given_up(ended: Ended) -> None:
    async with portal(Limits(100, 100, _PATIENCE_SECONDS)) as dial:
        slow = await dial()
        assert "200" in await slow.ask("/large")
        async with asyncio.timeout(_LONG_SECONDS):
            while not ended("slow-reading"):  # noqa: ASYNC110  the counter is what is waited for
                await asyncio.sleep(0.05)
        assert len(await slow.until_closed()) < _LARGE_OCTETS


async def test_a_slow_but_honest_answer_and_a_kept_connection_are_left_alone(ended: Ended) -> None:
    async with portal(Limits(100, 100, _PATIENCE_SECONDS)) as dial:
        line = await dial()
        assert "200" in await line.ask()
        await line.reader.readuntil(b"octets")
        await asyncio.sleep(2 * _PATIENCE_SECONDS)
        assert "200" in await line.ask()
    assert [ended(reason) for reason in ("slow-head", "slow-body", "slow-reading")] == [0, 0, 0]


async def test_a_full_house_makes_room_by_the_connection_that_was_silent_for_longest(ended: Ended) -> None:
    async with portal(patient(total=3)) as dial:
        first, second, third = [await dial() for _ in range(3)]
        # The first one is heard of again, so it is the second that has been silent for longest.
        assert "200" in await first.ask()
        newcomer = await dial()
        assert "200" in await newcomer.ask()
        assert await second.until_closed() == b""
        assert "200" in await third.ask()
    assert (ended("made-room"), ended("full")) == (1, 0)


async def test_who_is_being_answered_keeps_the_connection_even_in_a_full_house(ended: Ended) -> None:
    async with portal(patient(total=2)) as dial:
        held = [await dial() for _ in range(2)]
        answers = [asyncio.create_task(line.ask("/held")) for line in held]
        await asyncio.sleep(0.05)
        assert await (await dial()).ask() == ""
        assert not any(answer.done() for answer in answers)
        for answer in answers:
            answer.cancel()
        await asyncio.gather(*answers, return_exceptions=True)
    assert ended("full") == 1


async def test_one_address_takes_no_more_than_its_share(ended: Ended) -> None:
    async with portal(patient(per_address=2)) as dial:
        silent = [await dial() for _ in range(5)]
        assert "200" in await silent[-1].ask()
        assert [await line.until_closed() for line in silent[:3]] == [b""] * 3
    assert ended("made-room") == 3


async def test_a_proxys_connections_are_many_peoples(ended: Ended) -> None:
    async with portal(patient(per_address=2, proxies=(IPv4Network("127.0.0.0/8"),))) as dial:
        lines = [await dial() for _ in range(5)]
        answers = [await line.ask() for line in lines]
        assert all("200" in answer for answer in answers)
    assert ended("made-room") == 0


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(f"X-Long: {'a' * (LONGEST_FIELD_OCTETS + 1)}\r\n", id="one field too long"),
        pytest.param("".join(f"X-{number}: a\r\n" for number in range(MOST_FIELDS + 1)), id="too many fields"),
        pytest.param("X-Null: a\x00b\r\n", id="no text"),
    ],
)
async def test_a_head_that_is_none_is_refused_and_nobodys_address_is_logged(
    head: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    refused = metrics.refused_requests.labels("malformed")
    before = refused._value.get()
    with caplog.at_level(logging.DEBUG):
        async with portal(patient()) as dial:
            line = await dial()
            line.writer.write(f"GET / HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode())
            answer = (await line.until_closed()).decode()
    assert answer.partition(" ")[2].startswith("400 ")
    assert "Server: CityWiFi\r\n" in answer
    assert "X-Content-Type-Options: nosniff\r\n" in answer
    assert answer.endswith("\r\n\r\n400\n")
    assert refused._value.get() == before + 1
    assert "127.0.0.1" not in caplog.text
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002"),
        ("2001:db8:1:2:ffff::", "20010db800010002"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("10.0.0.7", None),
    ],
)
def test_an_address_is_counted_by_what_one_client_has(peer: str, counted: str | None) -> None:
    class Transport(asyncio.Transport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return (peer, 4711) if name == "peername" else default

    assert counted_address(Transport(), [ip_network("10.0.0.0/24")]) == counted


async def test_a_connection_that_says_nothing_is_closed_after_a_while_without_being_counted(ended: Ended) -> None:
    async with portal(patient(), keep_alive_seconds=0.1) as dial:
        assert await (await dial()).until_closed() == b""
    assert ended("slow-head") == 0
