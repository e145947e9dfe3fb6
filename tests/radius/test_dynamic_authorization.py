"""Disconnect-Request against small pieces of equipment that answer as real ones do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, network_access_servers
from radius import attributes
from radius.dynamic_authorization import (
    ERROR_CAUSES,
    DisconnectOutcome,
    DisconnectResult,
    disconnect_session,
    explain_error_cause,
)
from radius.packet import Code, Packet, decode, encode_reply, verify_request
from tests.radius.support import DEVICE, SECRET, City, build_city, free_ports, insert

QUICK = (0.05, 0.05, 0.05)
Answer = Callable[[Packet], list[bytes]]


class Equipment:
    """A NAS's dynamic authorisation port. ``answer`` gets each verified request and returns the datagrams to send."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.requests: list[Packet] = []
        self.sources: list[str] = []

    def __enter__(self) -> Equipment:
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        datagram, source = self._socket.recvfrom(4096)
        request = decode(datagram)
        verify_request(request, SECRET)
        self.requests.append(request)
        self.sources.append(source[0])
        for reply in self._answer(request):
            self._socket.sendto(reply, source)


def acknowledge(request: Packet) -> list[bytes]:
    return [encode_reply(Code.DISCONNECT_ACK, request, (), SECRET)]


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    return await build_city(database, keyring)


async def add_session(database: Database, city: City, **more: Any) -> int:
    now = datetime.now(UTC)
    values = {
        "session_key": bytes(16),
        "acct_session_id": "5f3759df",
        "user_name": "somebody",
        "calling_station_id": str(DEVICE),
        "nas_identifier": "gateway",
        "started_at": now,
        "updated_at": now,
        "received_at": now,
    }
    return await insert(database, accounting_sessions, council_id=city.council_id, nas_id=city.nas_id, **values | more)


async def listens_at(database: Database, port: int | None, host: str | None = "127.0.0.1") -> None:
    async with database.write() as connection:
        await connection.execute(
            update(network_access_servers).values(dynamic_authorization_host=host, dynamic_authorization_port=port)
        )


async def disconnect(database: Database, keyring: Keyring, session_id: int, **more: Any) -> DisconnectOutcome:
    return await disconnect_session(database, keyring, session_id, waits_seconds=QUICK, **more)


async def test_a_session_is_disconnected_by_all_its_names(database: Database, keyring: Keyring, city: City) -> None:
    session_id = await add_session(database, city)
    with Equipment(acknowledge) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id, source_host="127.0.0.3")
    assert outcome == DisconnectOutcome(DisconnectResult.DISCONNECTED, "the equipment ended the session")
    (request,) = equipment.requests
    assert request.octets[20:22] == bytes((80, 18))
    assert attributes.get_text(request, "User-Name") == "somebody"
    assert attributes.get_text(request, "Acct-Session-Id") == "5f3759df"
    assert attributes.get_text(request, "Calling-Station-Id") == str(DEVICE)
    assert attributes.get_text(request, "NAS-Identifier") == "gateway"
    stamped_at = attributes.get_date(request, "Event-Timestamp")
    assert stamped_at is not None
    assert abs((stamped_at - datetime.now(UTC)).total_seconds()) < 30
    assert equipment.sources == ["127.0.0.3"]


async def test_names_that_the_session_lacks_are_left_out(database: Database, keyring: Keyring, city: City) -> None:
    session_id = await add_session(database, city, user_name=None, nas_identifier="")
    with Equipment(acknowledge) as equipment:
        await listens_at(database, equipment.port)
        await disconnect(database, keyring, session_id)
    assert {number for number, _ in equipment.requests[0].attributes} == {80, 44, 31, 55}


async def test_a_refusal_is_explained(database: Database, keyring: Keyring, city: City) -> None:
    def refuse(request: Packet) -> list[bytes]:
        cause = attributes.encode("Error-Cause", 503)
        return [encode_reply(Code.DISCONNECT_NAK, request, [cause], SECRET)]

    session_id = await add_session(database, city)
    with Equipment(refuse) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert (outcome.result, outcome.error_cause) == (DisconnectResult.REFUSED, 503)
    assert "no such session" in outcome.explanation


async def test_a_refusal_without_error_cause_is_what_coovachilli_sends(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city)
    with Equipment(lambda request: [encode_reply(Code.DISCONNECT_NAK, request, (), SECRET)]) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert (outcome.result, outcome.error_cause) == (DisconnectResult.REFUSED, None)
    assert "CoovaChilli" in outcome.explanation


async def test_the_same_packet_is_sent_again_until_it_is_answered(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city)
    with Equipment(lambda request: acknowledge(request) if len(equipment.requests) == 3 else []) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert outcome.result is DisconnectResult.DISCONNECTED
    assert len({request.octets for request in equipment.requests}) == 1


async def test_forged_and_foreign_replies_are_passed_over(database: Database, keyring: Keyring, city: City) -> None:
    def answer(request: Packet) -> list[bytes]:
        forged = encode_reply(Code.DISCONNECT_ACK, request, (), b"another secret")
        cause = attributes.encode("Error-Cause", 501)
        return [b"noise", forged, encode_reply(Code.DISCONNECT_NAK, request, [cause], SECRET)]

    session_id = await add_session(database, city)
    with Equipment(answer) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert (outcome.result, outcome.error_cause) == (DisconnectResult.REFUSED, 501)


async def test_equipment_that_says_nothing_or_does_not_listen_is_no_answer(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city)
    with Equipment(lambda _: []) as equipment:
        await listens_at(database, equipment.port)
        assert (await disconnect(database, keyring, session_id)).result is DisconnectResult.NO_ANSWER
    assert len(equipment.requests) == 3
    await listens_at(database, free_ports(1)[0])
    assert (await disconnect(database, keyring, session_id)).result is DisconnectResult.NO_ANSWER


async def test_what_needs_no_question_is_said_at_once(database: Database, keyring: Keyring, city: City) -> None:
    open_id = await add_session(database, city)
    ended_id = await add_session(database, city, session_key=b"e" * 16, stopped_at=datetime.now(UTC), ended_by="stop")
    assert (await disconnect(database, keyring, open_id)).result is DisconnectResult.NOT_SUPPORTED
    assert (await disconnect(database, keyring, ended_id)).result is DisconnectResult.ALREADY_ENDED
    assert (await disconnect(database, keyring, 999_999)).result is DisconnectResult.NO_SUCH_SESSION


async def test_a_key_that_does_not_open_the_secret_is_said(database: Database, city: City) -> None:
    session_id = await add_session(database, city)
    await listens_at(database, 3799)
    outcome = await disconnect(database, Keyring(b"\x09" * 32), session_id)
    assert outcome.result is DisconnectResult.UNREADABLE_SECRET


@pytest.mark.parametrize("number", [201, 401, 402, 403, 404, 405, 406, 407, *range(501, 509)])
def test_every_error_cause_has_words_of_its_own(number: int) -> None:
    assert explain_error_cause(number) == ERROR_CAUSES[number]


def test_an_unknown_error_cause_is_shown_by_its_number() -> None:
    assert "599" in explain_error_cause(599)
