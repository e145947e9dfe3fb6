"""The running server, asked by raw datagrams."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from pydantic import SecretStr

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    access_points,
    accounting_sessions,
    authentications,
    devices,
    network_access_servers,
    one_time_tokens,
)
from foundation.settings import Settings
from radius import metrics
from radius.nas import NasDirectory
from radius.packet import Code, decode, encode_request, verify_reply
from radius.server import RadiusServer, running, serve
from radius.service import Port
from radius.transport.udp import bind
from tests.radius.support import (
    ACCESS_POINT,
    DEVICE,
    SECRET,
    TOKEN_NAME,
    City,
    Client,
    access_request,
    accounting_request,
    add_token,
    insert,
    radius_settings,
    rows,
    server_on,
)
from tests.support.peers import Peers
from tools.free_ports import free_ports


async def test_message_authenticator_is_first_in_the_raw_octets_of_every_reply_to_an_access_request(
    server: RadiusServer,
) -> None:
    with Client(server, Port.AUTHENTICATION) as client:
        for password in ("demo", "wrong"):
            client.send(access_request({"User-Name": "demo", "User-Password": password}).octets)
            octets = await client.receive()
            assert octets[20:22] == bytes((80, 18))


async def test_a_duplicate_gets_a_byte_identical_answer_and_makes_one_row(
    server: RadiusServer, database: Database
) -> None:
    request = accounting_request({"Acct-Status-Type": "Start"})
    with Client(server, Port.ACCOUNTING) as client:
        client.send(request.octets)
        first = await client.receive()
        client.send(request.octets)
        assert await client.receive() == first
    assert len(await rows(database, accounting_sessions)) == 1


async def test_a_duplicate_login_gets_a_byte_identical_answer_and_uses_the_token_once(
    server: RadiusServer, database: Database, keyring: Keyring, city: City
) -> None:
    await add_token(database, city)
    values = {
        "User-Name": TOKEN_NAME,
        "User-Password": keyring.one_time_password(TOKEN_NAME),
        "Calling-Station-Id": str(DEVICE),
    }
    request = access_request(values)
    with Client(server, Port.AUTHENTICATION) as client:
        client.send(request.octets)
        first = await client.receive()
        client.send(request.octets)
        assert await client.receive() == first
    assert decode(first).code is Code.ACCESS_ACCEPT
    (token,) = await rows(database, one_time_tokens)
    assert token.uses == 1


async def test_class_leads_the_accounting_back_to_resident_and_device(
    server: RadiusServer, database: Database, city: City
) -> None:
    login = access_request({"User-Name": str(DEVICE), "User-Password": "password", "Calling-Station-Id": str(DEVICE)})
    with Client(server, Port.AUTHENTICATION) as client:
        accept = await client.ask(login)
    (sealed,) = [value for number, value in accept.attributes if number == 25]
    with Client(server, Port.ACCOUNTING) as client:
        await client.ask(accounting_request({"Acct-Status-Type": "Start", "Class": sealed}))
    (row,) = await rows(database, accounting_sessions)
    assert (row.resident_id, row.device_id) == (city.resident_id, city.device_id)


async def test_authentications_are_logged_with_reason_and_pseudonym_and_the_device_is_noted_as_seen(
    server: RadiusServer, database: Database, keyring: Keyring, city: City
) -> None:
    named = {"User-Name": str(DEVICE), "Calling-Station-Id": str(DEVICE), "Called-Station-Id": ACCESS_POINT}
    with Client(server, Port.AUTHENTICATION) as client:
        for number, password in enumerate(("password", "wrong")):
            await client.ask(access_request(named | {"User-Password": password}, identifier=number))
    await server.log.drain()
    lines = await rows(database, authentications)
    assert [(line.method, line.accepted, line.reason) for line in lines] == [
        ("mac", True, ""),
        ("mac", False, "the password is wrong, or the shared secret of the equipment is"),
    ]
    assert {line.venue_id for line in lines} == {city.venue_id}
    assert {line.user_pseudonym for line in lines} == {keyring.pseudonym("user", city.council_id, str(DEVICE).encode())}
    (device,) = await rows(database, devices)
    assert (datetime.now(UTC) - device.last_seen_at).total_seconds() < 60


async def test_hostile_datagrams_are_counted_and_a_good_login_is_still_answered(server: RadiusServer) -> None:
    chance = random.Random(1)
    good = access_request({"User-Name": "demo", "User-Password": "demo"}).octets
    hostile = [chance.randbytes(chance.randrange(120)) for _ in range(300)]
    hostile += [good[:length] for length in range(len(good))]
    before = _total_discards()
    for port in Port:
        with Client(server, port) as client:
            for octets in hostile:
                client.send(octets)
                # The server shares this event loop; it is to read before the kernel's buffer is full.
                await asyncio.sleep(0)
    with Client(server, Port.AUTHENTICATION) as client:
        reply = await client.ask(access_request({"User-Name": "demo", "User-Password": "demo"}))
    assert reply.code is Code.ACCESS_ACCEPT
    with Client(server, Port.ACCOUNTING) as client:
        await client.ask(accounting_request({"Acct-Status-Type": "Start"}))
    assert _total_discards() - before == 2 * len(hostile)


def _total_discards() -> float:
    return sum(
        sample.value
        for metric in metrics.discards.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


async def test_a_stranger_hears_nothing(server: RadiusServer) -> None:
    with Client(server, Port.AUTHENTICATION, source="127.0.0.2") as stranger:
        stranger.send(access_request({"User-Name": "demo", "User-Password": "demo"}).octets)
        with pytest.raises(TimeoutError):
            await stranger.receive(0.3)


async def test_a_new_network_access_server_is_served_within_about_a_second(
    server: RadiusServer, database: Database, keyring: Keyring, city: City
) -> None:
    now = datetime.now(UTC)
    await insert(
        database,
        network_access_servers,
        council_id=city.council_id,
        name="new",
        network="127.0.0.2/32",
        secret_encrypted=keyring.encrypt("nas secret", SECRET),
        vendor="other",
        created_at=now,
        updated_at=now,
    )
    request = encode_request(Code.STATUS_SERVER, 1, (), SECRET)
    with Client(server, Port.AUTHENTICATION, source="127.0.0.2") as client:
        for _ in range(20):
            client.send(request.octets)
            try:
                reply = decode(await client.receive(0.1))
                break
            except TimeoutError:
                continue
    verify_reply(reply, request, SECRET)


async def test_a_thousand_sessions_at_once_are_all_answered_and_all_stored(
    server: RadiusServer, database: Database
) -> None:
    requests = [
        accounting_request({"Acct-Status-Type": "Start", "Acct-Session-Id": f"{number}"}, identifier=number % 256)
        for number in range(1000)
    ]
    clients = [Client(server, Port.ACCOUNTING) for _ in range(4)]
    try:
        for number, request in enumerate(requests):
            clients[number // 256].send(request.octets)
            await asyncio.sleep(0)
        replies = [await clients[number // 256].receive() for number in range(1000)]
    finally:
        for client in clients:
            client.__exit__()
    assert len(replies) == 1000
    assert len(await rows(database, accounting_sessions)) == 1000


async def test_too_many_at_once_are_dropped_and_counted(server: RadiusServer) -> None:
    server.transports[Port.ACCOUNTING].limit = 2
    before = metrics.discards.labels(Port.ACCOUNTING, "too_many_in_progress")._value.get()
    with Client(server, Port.ACCOUNTING) as client:
        for number in range(5):
            client.send(
                accounting_request(
                    {"Acct-Status-Type": "Start", "Acct-Session-Id": f"{number}"}, identifier=number
                ).octets
            )
        for _ in range(2):
            await client.receive()
    assert metrics.discards.labels(Port.ACCOUNTING, "too_many_in_progress")._value.get() == before + 3


async def test_what_was_admitted_is_answered_when_the_server_stops(
    database: Database, keyring: Keyring, city: City, tmp_path: Path
) -> None:
    async with server_on(database, keyring, tmp_path) as server:
        client = Client(server, Port.ACCOUNTING)
        client.send(accounting_request({"Acct-Status-Type": "Start"}).octets)
        while not server.transports[Port.ACCOUNTING].in_progress:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0)
    with client:
        assert decode(await client.receive()).code is Code.ACCOUNTING_RESPONSE


async def test_a_port_that_is_taken_is_named(
    database: Database, keyring: Keyring, server: RadiusServer, tmp_path: Path
) -> None:
    _, taken = server.transports[Port.ACCOUNTING].address
    (free,) = free_ports(1)
    settings = Settings(
        data_directory=tmp_path, radius=radius_settings(authentication_port=free, accounting_port=taken)
    )
    with pytest.raises(OSError, match=f"UDP 127.0.0.1 port {taken} cannot be bound"):
        async with running(Runtime(settings, database, keyring)):
            pass


async def test_a_host_that_is_no_address_is_named() -> None:
    with pytest.raises(OSError, match="not on 'localhost'"):
        bind("localhost", 1812, 65_536, "authentication")


async def test_serving_ends_at_sigterm(
    database: Database, city: City, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
        notification.bind(str(tmp_path / "ready"))
        notification.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "ready"))
        task = asyncio.create_task(serve(await _installation(database, sqlite_url, tmp_path)))
        async with asyncio.timeout(10):
            assert b"READY=1" in await asyncio.get_running_loop().sock_recv(notification, 100)
    assert not task.done()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await task


async def test_serving_ends_with_the_fault_of_a_job_that_must_not_end(
    database: Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: NasDirectory) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(NasDirectory, "keep_fresh", fail)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await serve(await _installation(database, sqlite_url, tmp_path))


async def _installation(database: Database, url: str, folder: Path) -> Settings:
    """The settings of an installation with a key file of its own and no equipment."""
    async with database.write() as connection:
        for table in (access_points, network_access_servers):
            await connection.execute(table.delete())
    Keyring.create(folder / "citywifi.key")
    authentication_port, accounting_port = free_ports(2)
    return Settings(
        data_directory=folder,
        database_url=SecretStr(url),
        radius=radius_settings(authentication_port=authentication_port, accounting_port=accounting_port),
    )


@pytest.mark.peer("promtool")
async def test_metrics_have_names_that_promtool_accepts_and_limits_beside_usage(
    server: RadiusServer, peers: Peers
) -> None:
    server.sample_metrics()
    text = b"".join(line for line in generate_latest().splitlines(keepends=True) if b"citywifi_radius_" in line)
    for usage in ("queue_length", "requests_in_progress", "duplicate_cache_entries"):
        assert f"citywifi_radius_{usage}{{".encode() in text
    assert b"citywifi_radius_queue_limit{" in text
    process = await asyncio.create_subprocess_exec(
        peers.require("promtool"), "check", "metrics",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate(text)
    assert (process.returncode, output.decode()) == (0, "")
