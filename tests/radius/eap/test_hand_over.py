"""EAP conversations whose every request comes from another port, and so reaches any of several workers."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bench.eap_client import AccessServer, Device
from foundation.credentials import add_credential
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.settings import Settings
from radius import metrics
from radius.attributes import encode_all
from radius.authentication.eap.packet import Code as EapCode
from radius.authentication.eap.packet import EapPacket, Type, split
from radius.authentication.eap.states import new_state, owner_of
from radius.discards import Unanswered
from radius.packet import Attribute, Code, Packet, decode, encode_request, verify_reply
from radius.server import RadiusServer, running
from radius.service import Port
from radius.transport.hand_over import HandOver
from radius.workers import Role, Worker
from tests.radius.eap.support import ANNA, PASSWORD, Certificates
from tests.radius.support import SECRET, build_city, radius_settings
from tools.free_ports import free_ports

WORKERS = 2


class WanderingServer(AccessServer):
    """A NAS that asks each question from another port."""

    def __init__(self, port: int) -> None:
        super().__init__(port, SECRET)
        self._port = port

    def ask(self, values: tuple[Attribute, ...]) -> Packet:
        """The verified reply to an Access-Request, which comes to where it was sent from."""
        self.close()
        super().__init__(self._port, SECRET)
        return super().ask(values)


@pytest.fixture
async def workers(database: Database, keyring: Keyring, tmp_path: Path) -> AsyncIterator[list[RadiusServer]]:
    """Two authentication workers of one installation, on one port."""
    city = await build_city(database, keyring)
    certificates = Certificates.make(tmp_path / "certificates")
    async with database.write() as connection:
        await add_credential(
            connection, keyring, council_id=city.council_id, resident_id=city.resident_id, now=certificates.now,
            user_name=ANNA, password=PASSWORD, keep_password=False,
        )  # fmt: skip
    (port,) = free_ports(1)
    settings = Settings(data_directory=tmp_path, radius=radius_settings(authentication_port=port))
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                running(Runtime(settings, database, keyring), Worker(Role.AUTHENTICATION, number, WORKERS))
            )
            for number in range(1, WORKERS + 1)
        ]


def port_of(workers: list[RadiusServer]) -> int:
    return workers[0].transports[Port.AUTHENTICATION].address[1]


def handed_over(direction: str) -> float:
    return float(metrics.handed_over.labels(direction)._value.get())


def discarded(reason: Unanswered) -> float:
    return float(metrics.discards.labels(Port.AUTHENTICATION, reason)._value.get())


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("method", ["ttls", "peap"])
async def test_a_login_whose_every_request_comes_from_another_port_succeeds(
    workers: list[RadiusServer], method: str, version: str
) -> None:
    before = handed_over("sent"), handed_over("taken")
    nas = WanderingServer(port_of(workers))
    try:
        for _ in range(3):
            await asyncio.to_thread(Device(version, method, ANNA, PASSWORD).log_in, nas)
    finally:
        nas.close()
    sent, taken = handed_over("sent") - before[0], handed_over("taken") - before[1]
    # Half of some twenty requests, by chance; each of them once.
    assert sent == taken > 0


async def test_many_devices_at_once_all_log_in(workers: list[RadiusServer]) -> None:
    servers = [WanderingServer(port_of(workers)) for _ in range(8)]
    try:
        await asyncio.gather(
            *(asyncio.to_thread(Device("1.3", "ttls", ANNA, PASSWORD).log_in, server) for server in servers)
        )
    finally:
        for server in servers:
            server.close()


async def test_a_repetition_from_the_same_port_gets_the_same_octets(workers: list[RadiusServer]) -> None:
    taken = handed_over("taken")
    for _ in range(40):
        request, first, second = await asyncio.to_thread(_ask_twice, port_of(workers))
        assert first == second
        verify_reply(decode(first), request, SECRET)
        if handed_over("taken") >= taken + 2:
            return
    raise AssertionError("no conversation reached another worker")


def _ask_twice(port: int) -> tuple[Packet, bytes, bytes]:
    """The second request of a conversation, from a port of its own, and the two answers to it."""
    opened = WanderingServer(port)
    try:
        challenge = opened.ask((*_USER, *split(_response(0, Type.IDENTITY, b"anonymous"))))
    finally:
        opened.close()
    state = [(number, value) for number, value in challenge.attributes if number == 24]
    request = encode_request(Code.ACCESS_REQUEST, 1, (*_USER, *state, *split(_response(1, Type.NAK, b"\0"))), SECRET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", port))
        answers = []
        for _ in range(2):
            client.send(request.octets)
            answers.append(client.recv(4096))
    return request, answers[0], answers[1]


_USER = encode_all({"User-Name": "anonymous"})


def _response(identifier: int, eap_type: int, data: bytes) -> bytes:
    return EapPacket(EapCode.RESPONSE, identifier, eap_type, data).encode()


async def test_a_conversation_whose_worker_died_is_discarded_and_counted(
    workers: list[RadiusServer], tmp_path: Path
) -> None:
    for server in workers:
        (tmp_path / "workers" / f"authentication-{server.worker.number}").unlink()
    before = discarded(Unanswered.OWNER_GONE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.3)
        client.connect(("127.0.0.1", port_of(workers)))
        for owner in (1, 2):
            client.send(_of_owner(owner).octets)
        # It came to one of the two, which knows no such conversation; the other one is not to be had.
        answer = decode(await asyncio.to_thread(client.recv, 4096))
        assert answer.code is Code.ACCESS_REJECT
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(client.recv, 4096)
    assert discarded(Unanswered.OWNER_GONE) == before + 1


def _of_owner(owner: int, secret: bytes = SECRET) -> Packet:
    values = (*_USER, *encode_all({"State": new_state(owner)}), *split(_response(5, Type.NAK, b"\0")))
    return encode_request(Code.ACCESS_REQUEST, owner, values, secret)


async def test_what_does_not_verify_is_not_handed_over(workers: list[RadiusServer]) -> None:
    before = handed_over("sent")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.3)
        client.connect(("127.0.0.1", port_of(workers)))
        for owner in (1, 2):
            client.send(_of_owner(owner, b"another secret").octets)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(client.recv, 4096)
    assert handed_over("sent") == before


async def test_the_owner_verifies_again_and_hands_nothing_over_again(workers: list[RadiusServer]) -> None:
    first, second = workers
    assert first.hand_over is not None
    assert second.hand_over is not None
    sent, wrong = handed_over("sent"), discarded_by_message_authenticator()
    spoilt = bytearray(_of_owner(2).octets)
    spoilt[-1] ^= 1
    # By its name it is the first one's, and the second one gets it all the same.
    astray = _of_owner(1)
    forged = Packet(Code.ACCESS_REQUEST, 1, bytes(16), (), bytes(spoilt), 0, {24: new_state(2)})
    assert first.hand_over.is_elsewhere(forged, ("127.0.0.1", 9))
    forged = Packet(Code.ACCESS_REQUEST, 1, bytes(16), (), astray.octets, 0, {24: new_state(2)})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.settimeout(5)
        assert first.hand_over.is_elsewhere(forged, client.getsockname())
        answer = decode(await asyncio.to_thread(client.recv, 4096))
    verify_reply(answer, astray, SECRET)
    assert discarded_by_message_authenticator() == wrong + 1
    assert handed_over("sent") == sent + 2


def discarded_by_message_authenticator() -> float:
    return float(metrics.discards.labels(Port.AUTHENTICATION, "message_authenticator_wrong")._value.get())


async def test_a_busy_owner_bounds_what_waits_for_it(tmp_path: Path) -> None:
    sender, deaf = HandOver(tmp_path / "workers", 1, 2), HandOver(tmp_path / "workers", 2, 2)
    try:
        before = discarded(Unanswered.OWNER_BUSY)
        request = _of_owner(2)
        for _ in range(5000):
            assert sender.is_elsewhere(request, ("127.0.0.1", 1812))
        assert discarded(Unanswered.OWNER_BUSY) > before
    finally:
        sender.close()
        deaf.close()


async def test_only_our_user_can_reach_the_workers(tmp_path: Path) -> None:
    directory = tmp_path / "workers"
    hand_over = HandOver(directory, 1, 2)
    try:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    finally:
        hand_over.close()
    directory.chmod(0o770)
    with pytest.raises(PermissionError, match="must belong to the user of the service alone"):
        HandOver(directory, 1, 2)
    directory.rmdir()
    directory.symlink_to(tmp_path)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        HandOver(directory, 1, 2)


async def test_a_long_path_and_what_a_killed_worker_left_are_no_obstacle(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 40)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
        directory.mkdir(mode=0o700)
        descriptor = os.open(directory, os.O_RDONLY)
        left.bind(f"/proc/self/fd/{descriptor}/authentication-1")
        os.close(descriptor)
    HandOver(directory, 1, 2).close()
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    "state",
    [b"", bytes(16), bytes(19), new_state(0), new_state(3)[:-1], new_state(3) + b"\0"],
    # Some of them are made by chance.
    ids=["empty", "zeros", "zeros of its length", "of nobody", "too short", "too long"],
)
def test_a_state_of_others_names_no_owner(state: bytes) -> None:
    assert owner_of(state) is None
    assert owner_of(new_state(3)) == 3
