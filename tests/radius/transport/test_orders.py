"""Ending and changing sessions of equipment that only its own RadSec connection leads to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, dynamic_authorizations
from radius import attributes, metrics
from radius.dynamic_authorization import Action, Outcome, Result, change_session, disconnect_session, orders
from radius.dynamic_authorization.orders import OrderKeeper, finish_old, place_order
from radius.dynamic_authorization.requests import read_session
from radius.packet import Code, Packet, encode_reply, verify_request
from radius.server import RadiusServer
from radius.transport.radsec_connection import Closed
from tests.radius.support import City, build_city, insert, rows
from tests.radius.transport.support import (
    NAME,
    SECRET,
    Certificates,
    Peer,
    add_equipment,
    client_context,
    connected,
    radsec_server,
)

LIMITS = (("Session-Timeout", 1200), ("Idle-Timeout", 600))


@pytest.fixture
async def peer(radsec: RadiusServer, certificates: Certificates) -> AsyncIterator[Peer]:
    """Equipment that is connected, as a controller of its vendor would be."""
    async with connected(radsec, client_context(certificates, certificates.equipment())) as connected_peer:
        assert radsec.radsec is not None
        while not radsec.radsec.connected:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)
        yield connected_peer


@pytest.fixture
async def session_id(database: Database, city: City, nas_id: int) -> int:
    return await add_session(database, city, nas_id)


async def add_session(database: Database, city: City, nas_id: int, **more: Any) -> int:
    now = datetime.now(UTC)
    values = {
        "session_key": bytes(16),
        "acct_session_id": "5f3759df",
        "user_name": "somebody",
        "started_at": now,
        "updated_at": now,
        "received_at": now,
    }
    return await insert(database, accounting_sessions, council_id=city.council_id, nas_id=nas_id, **values | more)


async def answer(peer: Peer, code: Code, *values: tuple[int, bytes]) -> Packet:
    """The next request that the server sends over the connection, verified and answered."""
    request = await peer.receive()
    verify_request(request, SECRET)
    peer.send(encode_reply(code, request, values, SECRET))
    return request


async def test_a_disconnect_goes_back_over_the_equipments_own_connection(
    peer: Peer, database: Database, keyring: Keyring, session_id: int
) -> None:
    counter = metrics.dynamic_authorizations.labels(Action.DISCONNECT, Result.DISCONNECTED)
    before = counter._value.get()
    outcome, request = await asyncio.gather(
        disconnect_session(database, keyring, session_id), answer(peer, Code.DISCONNECT_ACK)
    )
    assert outcome == Outcome(Result.DISCONNECTED, "the equipment ended the session")
    assert request.code is Code.DISCONNECT_REQUEST
    assert attributes.get_text(request, "Acct-Session-Id") == "5f3759df"
    assert attributes.get_text(request, "User-Name") == "somebody"
    (order,) = await rows(database, dynamic_authorizations)
    assert (order.action, order.result, order.error_cause) == ("disconnect", "disconnected", None)
    assert order.requested_at <= order.taken_at <= order.finished_at
    assert counter._value.get() == before + 1


async def test_a_refusal_comes_back_with_its_reason(
    peer: Peer, database: Database, keyring: Keyring, session_id: int
) -> None:
    cause = attributes.encode("Error-Cause", 503)
    outcome, _ = await asyncio.gather(
        disconnect_session(database, keyring, session_id), answer(peer, Code.DISCONNECT_NAK, cause)
    )
    assert (outcome.result, outcome.error_cause) == (Result.REFUSED, 503)
    assert "no such session" in outcome.explanation


async def test_a_change_carries_its_limits_through_the_order(
    peer: Peer, database: Database, keyring: Keyring, city: City, radsec: RadiusServer, certificates: Certificates
) -> None:
    mikrotik_id = await add_equipment(database, keyring, city, "mikrotik.wifi.example.org", vendor="mikrotik")
    session_id = await add_session(database, city, mikrotik_id)
    await radsec.equipment.refresh()
    context = client_context(certificates, certificates.equipment("mikrotik.wifi.example.org"))
    async with connected(radsec, context) as mikrotik:
        outcome, request = await asyncio.gather(
            change_session(database, keyring, session_id, LIMITS), answer(mikrotik, Code.COA_ACK)
        )
    assert outcome.result is Result.CHANGED
    assert [(name, attributes.get(request, name)) for name, _ in LIMITS] == list(LIMITS)


async def test_replies_find_their_requests_whatever_their_order(
    peer: Peer, database: Database, keyring: Keyring, city: City, nas_id: int
) -> None:
    ids = [
        await add_session(database, city, nas_id, session_key=bytes([n]) * 16, acct_session_id=f"{n}") for n in (1, 2)
    ]
    asked = [asyncio.create_task(disconnect_session(database, keyring, one)) for one in ids]
    requests = [await peer.receive(), await peer.receive()]
    for request in reversed(requests):
        is_first = attributes.get_text(request, "Acct-Session-Id") == "1"
        code = Code.DISCONNECT_ACK if is_first else Code.DISCONNECT_NAK
        peer.send(encode_reply(code, request, (), SECRET))
    outcomes = await asyncio.gather(*asked)
    assert [outcome.result for outcome in outcomes] == [Result.DISCONNECTED, Result.REFUSED]


async def test_a_forged_reply_ends_the_connection_and_the_order(
    peer: Peer, database: Database, keyring: Keyring, session_id: int
) -> None:
    before = metrics.radsec_closed.labels(Closed.PACKET_WRONG)._value.get()
    asked = asyncio.create_task(disconnect_session(database, keyring, session_id))
    request = await peer.receive()
    peer.send(encode_reply(Code.DISCONNECT_ACK, request, (), b"another secret"))
    assert (await asked).result is Result.NO_CONNECTION
    assert metrics.radsec_closed.labels(Closed.PACKET_WRONG)._value.get() == before + 1


async def test_equipment_that_says_nothing_is_no_answer(
    peer: Peer, database: Database, keyring: Keyring, session_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "_ANSWER_SECONDS", 0.1)
    outcome = await disconnect_session(database, keyring, session_id)
    assert outcome.result is Result.NO_ANSWER
    assert "radsecproxy" in outcome.explanation


async def test_the_newest_connection_is_asked(
    peer: Peer, radsec: RadiusServer, certificates: Certificates, database: Database, keyring: Keyring, session_id: int
) -> None:
    context = client_context(certificates, certificates.directory / f"{NAME}.pem")
    async with connected(radsec, context) as newer:
        assert radsec.radsec is not None
        while len(radsec.radsec._connections) < 2:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)
        outcome, _ = await asyncio.gather(
            disconnect_session(database, keyring, session_id), answer(newer, Code.DISCONNECT_ACK)
        )
    assert outcome.result is Result.DISCONNECTED


async def test_what_nobody_takes_ends_and_is_not_executed_later(
    database: Database, keyring: Keyring, city: City, certificates: Certificates, nas_id: int, tmp_path: Path
) -> None:
    session_id = await add_session(database, city, nas_id)
    session = await read_session(database, session_id)
    outcome = await place_order(database, session, Action.DISCONNECT, (), take_seconds=0.3)
    assert outcome.result is Result.NO_CONNECTION
    assert outcome.explanation.startswith("no RADIUS server has a connection to that equipment")
    (order,) = await rows(database, dynamic_authorizations)
    assert (order.result, order.taken_at) == ("no_connection", None)
    context = client_context(certificates, certificates.equipment())
    async with radsec_server(database, keyring, tmp_path) as server, connected(server, context) as peer:
        with pytest.raises(TimeoutError):
            await peer.receive(0.6)


async def test_a_server_that_takes_an_order_and_dies_leaves_no_answer(any_database: Database, keyring: Keyring) -> None:
    city = await build_city(any_database, keyring)
    nas_id = await add_equipment(any_database, keyring, city)
    session_id = await add_session(any_database, city, nas_id)
    session = await read_session(any_database, session_id)
    asked = asyncio.create_task(place_order(any_database, session, Action.DISCONNECT, (), finish_seconds=0.3))
    while not (waiting := await orders._waiting(any_database, [nas_id])):  # noqa: ASYNC110  there is no event to wait for
        await asyncio.sleep(0.01)
    claims = await asyncio.gather(*(orders._claim(any_database, waiting[0]) for _ in range(4)))
    # Of several servers one gets it.
    assert sum(claim is not None for claim in claims) == 1
    assert (await asked).result is Result.NO_ANSWER


async def test_old_orders_are_finished_and_young_ones_left(
    database: Database, keyring: Keyring, city: City, nas_id: int
) -> None:
    session_id = await add_session(database, city, nas_id)
    now = datetime.now(UTC)
    for age_seconds in (60, 1):
        requested_at = now - timedelta(seconds=age_seconds)
        values = {"council_id": city.council_id, "session_id": session_id, "action": "disconnect"}
        await insert(database, dynamic_authorizations, requested_at=requested_at, **values)
    await finish_old(database, now)
    old, young = await rows(database, dynamic_authorizations)
    assert (old.result, old.taken_at) == ("too_late", None)
    assert young.finished_at is None


async def test_an_order_of_other_equipment_is_left_to_its_server(
    database: Database, keyring: Keyring, city: City, nas_id: int
) -> None:
    session_id = await add_session(database, city, nas_id)
    values = {"council_id": city.council_id, "session_id": session_id, "action": "disconnect"}
    await insert(database, dynamic_authorizations, requested_at=datetime.now(UTC), **values)

    class Elsewhere:
        connected = frozenset({nas_id + 1})

        def find(self, nas_id: int) -> None:
            raise AssertionError("it was not asked to look")

    await OrderKeeper(database, Elsewhere()).take()  # type: ignore[arg-type]
    (order,) = await rows(database, dynamic_authorizations)
    assert order.taken_at is None
