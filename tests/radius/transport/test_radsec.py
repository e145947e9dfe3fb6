"""RadSec: what a connection carries, and what ends it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, network_access_servers
from radius import attributes, metrics
from radius.packet import Code, encode_request
from radius.server import RadiusServer
from radius.transport.radsec_connection import Closed
from tests.radius.support import accounting_request, rows
from tests.radius.transport.support import (
    NAME,
    SECRET,
    Certificates,
    Peer,
    client_context,
    connected,
    counted,
    login,
    radsec_server,
)


async def test_one_connection_carries_logins_accounting_and_status(peer: Peer, database: Database, nas_id: int) -> None:
    assert (await peer.ask(login(1))).code is Code.ACCESS_ACCEPT
    assert (await peer.ask(login(2, password="wrong"))).code is Code.ACCESS_REJECT
    start = accounting_request({"Acct-Status-Type": "Start"}, identifier=1, secret=SECRET)
    assert (await peer.ask(start)).code is Code.ACCOUNTING_RESPONSE
    status = encode_request(Code.STATUS_SERVER, 3, (), SECRET)
    assert (await peer.ask(status)).code is Code.ACCESS_ACCEPT
    (session,) = await rows(database, accounting_sessions)
    assert session.nas_id == nas_id


async def test_requests_are_answered_beside_one_another(peer: Peer) -> None:
    requests = [
        accounting_request(
            {"Acct-Status-Type": "Start", "Acct-Session-Id": f"{number}"}, identifier=number, secret=SECRET
        )
        for number in range(200)
    ]
    peer.send(b"".join(request.octets for request in requests))
    replies = [await peer.receive() for _ in requests]
    assert sorted(reply.identifier for reply in replies) == list(range(200))


async def test_a_packet_may_come_in_pieces(peer: Peer) -> None:
    octets = login().octets
    for start in range(0, len(octets), 7):
        peer.send(octets[start : start + 7])
        await asyncio.sleep(0.001)
    assert (await peer.receive()).code is Code.ACCESS_ACCEPT


async def test_duplicates_are_a_connections_own(radsec: RadiusServer, certificates: Certificates) -> None:
    context = client_context(certificates, certificates.equipment())
    request = login()
    async with connected(radsec, context) as first, connected(radsec, context) as second:
        answer = await first.ask(request)
        assert (await first.ask(request)).octets == answer.octets
        # The same octets on another connection are a request of its own; a login has new interim intervals or not,
        # but its Class is sealed anew.
        assert (await second.ask(request)).octets != answer.octets


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda octets: octets[:2] + (19).to_bytes(2) + octets[4:], id="length too small"),
        pytest.param(lambda octets: octets[:2] + (4097).to_bytes(2) + octets[4:], id="length too large"),
        pytest.param(lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]), id="Message-Authenticator wrong"),
        pytest.param(lambda octets: octets[:21] + b"\1" + octets[22:], id="attribute's length wrong"),
        pytest.param(lambda octets: b"\x04" + octets[1:], id="Request Authenticator wrong"),
        pytest.param(lambda _: login(secret=b"another").octets, id="another secret"),
        pytest.param(lambda _: b"GET / HTTP/1.1\r\nHost: radius\r\n\r\n", id="another protocol"),
    ],
)
async def test_what_cannot_be_trusted_ends_the_connection(
    peer: Peer, spoil: Callable[[bytes], bytes], certificates: Certificates, radsec: RadiusServer
) -> None:
    async with counted(metrics.radsec_closed, Closed.PACKET_WRONG):
        peer.send(spoil(login().octets))
        assert await peer.is_closed()
    async with connected(radsec, client_context(certificates, certificates.equipment())) as another:
        assert (await another.ask(login())).code is Code.ACCESS_ACCEPT


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\xfa\x01\x00\x14" + bytes(16), id="unknown code"),
        pytest.param(encode_request(Code.DISCONNECT_REQUEST, 1, (), SECRET).octets, id="code that is not for a server"),
        pytest.param(b"\x29\x01\x00\x14" + bytes(16), id="reply to nothing"),
    ],
)
async def test_what_is_merely_not_understood_is_passed_over(peer: Peer, octets: bytes) -> None:
    peer.send(octets)
    assert (await peer.ask(login())).code is Code.ACCESS_ACCEPT


async def test_message_authenticator_may_be_absent_inside_tls(peer: Peer) -> None:
    request = login()
    # The codec puts it first: 18 octets after the header.
    without = request.octets[:2] + (len(request.octets) - 18).to_bytes(2) + request.octets[4:20] + request.octets[38:]
    peer.send(without)
    assert (await peer.receive()).code is Code.ACCESS_ACCEPT


async def test_a_connection_ends_when_its_certificate_is_revoked(peer: Peer, certificates: Certificates) -> None:
    await peer.ask(login())
    certificates.revoke(certificates.directory / f"{NAME}.pem")
    async with counted(metrics.radsec_closed, Closed.CERTIFICATE_NO_LONGER_GOOD):
        assert await peer.is_closed(timeout_seconds=4)


async def test_a_connection_stays_when_another_certificate_is_revoked(
    peer: Peer, certificates: Certificates, radsec: RadiusServer
) -> None:
    certificates.revoke(certificates.equipment("other.wifi.example.org"))
    assert radsec.radsec is not None
    radsec.radsec.check()
    assert (await peer.ask(login())).code is Code.ACCESS_ACCEPT


async def test_a_connection_ends_when_its_equipment_is_removed(peer: Peer, database: Database, nas_id: int) -> None:
    await peer.ask(login())
    async with database.write() as connection:
        await connection.execute(network_access_servers.delete().where(network_access_servers.c.id == nas_id))
    async with counted(metrics.radsec_closed, Closed.EQUIPMENT_REMOVED):
        assert await peer.is_closed(timeout_seconds=4)


async def test_a_change_of_its_row_reaches_an_open_connection(
    peer: Peer, database: Database, nas_id: int, radsec: RadiusServer
) -> None:
    await peer.ask(login())
    async with database.write() as connection:
        await connection.execute(
            update(network_access_servers)
            .where(network_access_servers.c.id == nas_id)
            .values(vendor="hostapd", updated_at=datetime.now(UTC) + timedelta(seconds=1))
        )
    await radsec.equipment.refresh()
    assert radsec.radsec is not None
    radsec.radsec.check()
    found = radsec.radsec.find(nas_id)
    assert found is not None
    assert found.nas.vendor == "hostapd"
    assert (await peer.ask(login(2))).code is Code.ACCESS_ACCEPT


async def test_a_silent_connection_is_closed(
    database: Database, keyring: Keyring, nas_id: int, certificates: Certificates, tmp_path: Path
) -> None:
    context = client_context(certificates, certificates.equipment())
    async with (
        radsec_server(database, keyring, tmp_path, idle_seconds=1) as server,
        connected(server, context) as peer,
        counted(metrics.radsec_closed, Closed.IDLE),
    ):
        assert await peer.is_closed()


async def test_a_peer_that_does_not_read_does_not_fill_the_memory(peer: Peer) -> None:
    # Each reply is as long as its request, because it carries the same Proxy-State.
    long = [attributes.encode("Proxy-State", bytes(253)) for _ in range(15)]
    status = encode_request(Code.STATUS_SERVER, 3, long, SECRET).octets
    peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
    async with counted(metrics.radsec_closed, Closed.NOT_READING):
        for _ in range(400):
            if peer.writer.transport.is_closing():
                break
            peer.send(status * 20)
            await asyncio.sleep(0.005)


async def test_what_was_admitted_is_answered_when_the_server_stops(
    database: Database, keyring: Keyring, nas_id: int, certificates: Certificates, tmp_path: Path
) -> None:
    context = client_context(certificates, certificates.equipment())
    start = accounting_request({"Acct-Status-Type": "Start"}, secret=SECRET)
    async with AsyncExitStack() as peers:
        async with radsec_server(database, keyring, tmp_path) as server:
            peer = await peers.enter_async_context(connected(server, context))
            await peer.ask(login())
            peer.send(start.octets)
            assert server.radsec is not None
            while not server.radsec.in_progress:  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0)
        assert (await peer.receive()).code is Code.ACCOUNTING_RESPONSE
        assert await peer.is_closed()


async def test_whatever_octets_come_the_server_stays(radsec: RadiusServer, certificates: Certificates) -> None:
    chance = random.Random(3)
    context = client_context(certificates, certificates.equipment())
    good = login().octets
    for number in range(40):
        octets = bytearray(good * 3 if number % 2 else chance.randbytes(chance.randrange(1, 400)))
        for _ in range(1 + number % 5):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        async with connected(radsec, context) as peer:
            peer.send(bytes(octets))
    async with connected(radsec, context) as peer:
        assert (await peer.ask(login())).code is Code.ACCESS_ACCEPT


async def test_too_many_requests_at_once_are_dropped_and_counted(peer: Peer, radsec: RadiusServer) -> None:
    assert radsec.radsec is not None
    radsec.radsec._room.limit = 2
    before = metrics.discards.labels("accounting", "too_many_in_progress")._value.get()
    requests = [
        accounting_request(
            {"Acct-Status-Type": "Start", "Acct-Session-Id": f"{number}"}, identifier=number, secret=SECRET
        )
        for number in range(5)
    ]
    peer.send(b"".join(request.octets for request in requests))
    for _ in range(2):
        assert (await peer.receive()).code is Code.ACCOUNTING_RESPONSE
    assert metrics.discards.labels("accounting", "too_many_in_progress")._value.get() == before + 3
