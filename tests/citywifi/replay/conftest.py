"""A RADIUS server of a few lines that writes down what a gateway sends, and a gateway that talks to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from citywifi.replay.accounting import AccountingRecord
from citywifi.replay.gateway import Gateway, GatewaySettings
from citywifi.replay.gateway_radius import Retransmission
from foundation.mac_address import MacAddress
from radius.attribute_values import Value
from radius.attributes import encode_all, get_integer, get_text, value_name
from radius.packet import Code, Packet, decode, encode_reply, verify_request

RADIUS_SECRET = b"a secret of this test"
UAM_SECRET = b"another secret of this test"
ACCEPT: dict[str, Value] = {
    "Session-Timeout": 7200,
    "Idle-Timeout": 600,
    "Acct-Interim-Interval": 300,
    "Class": b"\x01class",
    "WISPr-Bandwidth-Max-Down": 8_000_000,
}
Answer = Callable[[Packet], tuple[Code, dict[str, Value]] | None]


@dataclass
class RadiusDouble(asyncio.DatagramProtocol):
    """Answers by `answer`; None is silence."""

    answer: Answer
    requests: list[Packet] = field(default_factory=list)
    datagrams: list[bytes] = field(default_factory=list)
    forge: Callable[[bytes], bytes] = lambda reply: reply
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    @property
    def address(self) -> tuple[str, int]:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        request = decode(data)
        verify_request(request, RADIUS_SECRET)
        self.datagrams.append(data)
        self.requests.append(request)
        answered = self.answer(request)
        if answered is not None and self.transport is not None:
            code, attributes = answered
            reply = encode_reply(code, request, encode_all(attributes), RADIUS_SECRET)
            self.transport.sendto(self.forge(reply), addr)

    def statuses(self) -> list[str]:
        """Acct-Status-Type of what came, by number."""
        return [status_of(request) for request in self.requests if request.code is Code.ACCOUNTING_REQUEST]


def status_of(request: Packet) -> str:
    return value_name("Acct-Status-Type", get_integer(request, "Acct-Status-Type") or 0) or ""


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the test's time limit says when that is too long."""
    while not holds():  # noqa: ASYNC110  what is waited for has no event of its own
        await asyncio.sleep(0.01)


def is_mac_authentication(request: Packet) -> bool:
    return get_text(request, "User-Name") == get_text(request, "Calling-Station-Id")


def accepts_all_but_unknown_devices(request: Packet) -> tuple[Code, dict[str, Value]] | None:
    if request.code is Code.ACCOUNTING_REQUEST:
        return Code.ACCOUNTING_RESPONSE, {}
    if is_mac_authentication(request):
        return Code.ACCESS_REJECT, {}
    return Code.ACCESS_ACCEPT, ACCEPT


@pytest.fixture
async def radius() -> AsyncIterator[RadiusDouble]:
    loop = asyncio.get_running_loop()
    transport, double = await loop.create_datagram_endpoint(
        lambda: RadiusDouble(accepts_all_but_unknown_devices), local_addr=("127.0.0.1", 0)
    )
    yield double
    transport.close()


@pytest.fixture
def answered() -> list[AccountingRecord]:
    """The accounting records that got an answer."""
    return []


@pytest.fixture
async def gateway(radius: RadiusDouble, answered: list[AccountingRecord], free_port: int) -> AsyncIterator[Gateway]:
    settings = GatewaySettings(
        number=7,
        address="127.0.0.7",
        nas_identifier="tile-hill",
        access_point=MacAddress.parse("00-00-5E-00-53-87"),
        location_name="Tile Hill",
        uam_server="http://portal.example/arrive/coovachilli",
        uam_secret=UAM_SECRET,
        radius_secret=RADIUS_SECRET,
        authentication_server=radius.address,
        accounting_server=radius.address,
        uam_port=free_port,
        dynamic_authorization_port=free_port,
        retransmission=Retransmission(first_timeout_seconds=0.05, longest_timeout_seconds=0.2, attempts=3),
        accounting_patience_seconds=5,
    )
    opened = Gateway(settings, run="test", on_answered=answered.append)
    await opened.open()
    yield opened
    opened.close()
