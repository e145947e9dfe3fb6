"""The workers of an installation beside one another: each serves what is its own, together they serve everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, authentications
from foundation.settings import RadSecSettings, Settings
from radius.packet import Code
from radius.server import RadiusServer, running
from radius.service import Port
from radius.workers import Role, workers_of
from tests.radius.support import Client, access_request, accounting_request, radius_settings, rows
from tests.radius.transport.support import SECRET, Certificates, client_context, connected, listening_port, login
from tools.free_ports import free_ports

Workers = dict[Role, RadiusServer]


@pytest.fixture
async def workers(
    database: Database, keyring: Keyring, nas_id: int, certificates: Certificates, tmp_path: Path
) -> AsyncIterator[Workers]:
    authentication_port, accounting_port = free_ports(2)
    settings = Settings(
        data_directory=tmp_path,
        radius=radius_settings(authentication_port=authentication_port, accounting_port=accounting_port),
        radsec=RadSecSettings(enabled=True, port=listening_port()),
    )
    async with AsyncExitStack() as stack:
        yield {
            worker.role: await stack.enter_async_context(running(Runtime(settings, database, keyring), worker))
            for worker in workers_of(settings)
        }


async def test_each_port_has_its_process_and_radsec_carries_both(
    workers: Workers, certificates: Certificates, database: Database
) -> None:
    start = {"Acct-Status-Type": "Start"}
    with Client(workers[Role.AUTHENTICATION], Port.AUTHENTICATION) as client:
        reply = await client.ask(access_request({"User-Name": "demo", "User-Password": "demo"}))
        assert reply.code is Code.ACCESS_ACCEPT
    with Client(workers[Role.ACCOUNTING], Port.ACCOUNTING) as client:
        assert (await client.ask(accounting_request(start))).code is Code.ACCOUNTING_RESPONSE
    async with connected(workers[Role.RADSEC], client_context(certificates, certificates.equipment())) as peer:
        assert (await peer.ask(login(1))).code is Code.ACCESS_ACCEPT
        by_radsec = accounting_request(start | {"Acct-Session-Id": "2"}, identifier=2, secret=SECRET)
        assert (await peer.ask(by_radsec)).code is Code.ACCOUNTING_RESPONSE
    for server in workers.values():
        await server.log.drain()
    assert len(await rows(database, authentications)) == 2
    assert len(await rows(database, accounting_sessions)) == 2


async def test_nobody_binds_or_makes_what_is_not_its_own(workers: Workers) -> None:
    ports = {role: tuple(server.transports) for role, server in workers.items()}
    assert ports == {
        Role.AUTHENTICATION: (Port.AUTHENTICATION,),
        Role.ACCOUNTING: (Port.ACCOUNTING,),
        Role.RADSEC: (),
    }
    assert [role for role, server in workers.items() if server.radsec is not None] == [Role.RADSEC]
    assert all(server.hand_over is None for server in workers.values())
    # The one for accounting reads no certificates of EAP.
    assert "eap" not in vars(workers[Role.ACCOUNTING])
