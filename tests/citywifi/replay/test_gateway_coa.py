"""The gateway's dynamic-authorisation port, as engineers' Disconnect-Requests meet it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.gateway import Gateway, Phone
from citywifi.replay.gateway_coa import DynamicAuthorizationPort
from citywifi.replay.schedule import TerminateCause
from radius.attribute_values import Value
from radius.attributes import encode_all
from radius.packet import Code, Packet, decode, encode_request, verify_reply
from tests.citywifi.replay.conftest import RADIUS_SECRET, eventually
from tests.citywifi.replay.test_gateway import DEVICE, get_online


@pytest.fixture
async def port(gateway: Gateway) -> AsyncIterator[DynamicAuthorizationPort]:
    opened = DynamicAuthorizationPort(gateway)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def phone(gateway: Gateway, port: DynamicAuthorizationPort) -> Phone:
    connected = gateway.connect(DEVICE)
    await get_online(gateway, connected)
    return connected


async def ask(
    gateway: Gateway,
    code: Code,
    attributes: dict[str, Value],
    *,
    secret: bytes = RADIUS_SECRET,
    source: str = "127.0.0.1",
) -> tuple[Packet, Packet | None]:
    """Send a request as the RADIUS server would; the answer is None where there is none."""
    request = encode_request(code, 7, encode_all(attributes), secret)
    target = (gateway.settings.address, gateway.settings.dynamic_authorization_port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(client, request.octets, target)
        try:
            datagram = await asyncio.wait_for(loop.sock_recv(client, 4096), 0.3)
        except TimeoutError:
            return request, None
    reply = decode(datagram)
    verify_reply(reply, request, RADIUS_SECRET)
    return request, reply


async def test_a_disconnect_for_the_user_is_acknowledged_and_reported_as_admin_reset(
    gateway: Gateway, phone: Phone, answered: list[AccountingRecord]
) -> None:
    _, reply = await ask(gateway, Code.DISCONNECT_REQUEST, {"User-Name": "tuser"})
    assert reply is not None
    assert reply.code is Code.DISCONNECT_ACK
    assert phone.session is None
    await eventually(lambda: len(answered) == 2)
    assert (answered[-1].status, answered[-1].terminate_cause) == (Status.STOP, TerminateCause.ADMIN_RESET)


@pytest.mark.parametrize(
    "attributes",
    [
        {"User-Name": "somebody-else"},
        {"Acct-Session-Id": "test-07-00001"},
        {"User-Name": "tuser", "Acct-Session-Id": "test-07-99999"},
    ],
)
async def test_a_disconnect_without_the_right_user_is_refused_without_a_cause(
    gateway: Gateway, phone: Phone, attributes: dict[str, Value]
) -> None:
    _, reply = await ask(gateway, Code.DISCONNECT_REQUEST, attributes)
    assert reply is not None
    assert reply.code is Code.DISCONNECT_NAK
    assert all(attribute_type == 80 for attribute_type, _ in reply.attributes)
    assert phone.session is not None


async def test_a_change_replaces_every_limit(gateway: Gateway, phone: Phone) -> None:
    _, reply = await ask(gateway, Code.COA_REQUEST, {"User-Name": "tuser", "Session-Timeout": 60})
    assert reply is not None
    assert reply.code is Code.COA_ACK
    assert phone.session is not None
    assert phone.session.grant.limits.session_timeout_seconds == 60
    assert phone.session.grant.limits.idle_timeout_seconds == 0


async def test_strangers_and_wrong_secrets_are_not_answered(
    gateway: Gateway, phone: Phone, port: DynamicAuthorizationPort
) -> None:
    for secret, source in ((b"wrong", "127.0.0.1"), (RADIUS_SECRET, "127.0.0.9")):
        _, reply = await ask(gateway, Code.DISCONNECT_REQUEST, {"User-Name": "tuser"}, secret=secret, source=source)
        assert reply is None
    assert port.discarded == 2
    assert phone.session is not None
