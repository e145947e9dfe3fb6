"""A port of real equipment from power-on to power-off, by hostapd and wpa_supplicant; what the database tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import update

from foundation.certificate_store import CertificateStore
from foundation.credentials import add_credential
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_restarts, accounting_sessions, authentications, network_access_servers
from foundation.settings import RadiusSettings, Settings
from monitoring.console.keys import DEMO_FORM_TOKEN
from monitoring.console.site import make_console_app
from radius.dynamic_authorization import DeviceAtEquipment, Result, ask_again
from radius.server import running
from tests.radius.support import SECRET, City, build_city, rows
from tests.support.network import require_namespaces
from tests.support.peers import Peers
from tests.support.wired import DAS_PORT, Cables, cables, hostapd, supplicant
from tools.free_ports import free_ports

ClientMaker = Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
SESSION_TIMEOUT_SECONDS = 5
SESSION_TIMEOUT = 5  # RFC 2866 section 5.10


@pytest.fixture
def wires() -> Any:
    require_namespaces()
    with cables() as made:
        yield made


@pytest.mark.slow
@pytest.mark.peer("hostapd")
@pytest.mark.peer("wpa_supplicant")
async def test_a_port_tells_its_whole_story(
    database: Database, keyring: Keyring, peers: Peers, wires: Cables, tmp_path: Path, aiohttp_client: ClientMaker
) -> None:
    settings = _settings(wires, tmp_path)
    city = await build_city(database, keyring, networks=(f"{wires.equipment_address}/32",))
    await _prepare(database, keyring, city, wires)
    CertificateStore(settings.certificates_directory).create(["radius.example.org"], "", datetime.now(UTC))
    runtime = Runtime(settings, database, keyring)
    console = await aiohttp_client(make_console_app(runtime))
    ports = settings.radius.authentication_port, settings.radius.accounting_port
    login = {
        "eap": "PEAP",
        "identity": '"sam"',
        "anonymous_identity": '"anonymous"',
        "password": '"correct horse"',
        "phase2": '"auth=MSCHAPV2"',
        "ca_cert": f'"{settings.certificates_directory / "ca.pem"}"',
        "domain_match": '"radius.example.org"',
    }
    async with running(runtime):
        async with hostapd(peers, wires, tmp_path, secret=SECRET.decode(), ports=ports):
            on = await _eventually(lambda: _restarts(database))
            async with supplicant(peers, wires, tmp_path, **login):
                first = await _eventually(lambda: _sessions(database, open_ones=True))
                await _eventually(lambda: _reported(database))
                await _eventually(lambda: _sessions(database, open_ones=False))
            async with supplicant(peers, wires, tmp_path, **login):
                second = await _eventually(lambda: _sessions(database, open_ones=True))
                await _understands_an_address_alone(database, keyring, city)
                form = {"form_token": console.app[DEMO_FORM_TOKEN]}
                reply = await console.post(f"/console/sessions/{second[0].id}/end", data=form)
                assert "ended the session" in await reply.text()
                await _eventually(lambda: _ended(database, second[0].id))
        off = await _eventually(lambda: _restarts(database, after=on[0].restarted_at))

    timed_out, disconnected, *_ = await rows(database, accounting_sessions)
    assert (timed_out.id, timed_out.ended_by, timed_out.terminate_cause) == (first[0].id, "stop", SESSION_TIMEOUT)
    assert SESSION_TIMEOUT_SECONDS - 1 <= timed_out.session_seconds <= SESSION_TIMEOUT_SECONDS + 1
    assert timed_out.resident_id == city.resident_id
    # hostapd gives no Acct-Terminate-Cause for a session that a Disconnect-Request ended.
    assert (disconnected.id, disconnected.ended_by) == (second[0].id, "stop")
    assert on[0].restarted_at < timed_out.started_at < timed_out.stopped_at
    assert timed_out.stopped_at <= disconnected.started_at <= disconnected.stopped_at <= off[0].restarted_at
    logins = await rows(database, authentications)
    assert {(login.method, login.accepted) for login in logins} == {("peap/mschapv2", True)}
    # The name outside the tunnel is anonymous; the log knows who it was, by pseudonym.
    assert {login.user_pseudonym for login in logins} == {keyring.pseudonym("user", city.council_id, b"sam")}


async def _understands_an_address_alone(database: Database, keyring: Keyring, city: City) -> None:
    """As after registration in quarantine: it refuses no attribute and misses none, it only knows no such device."""
    stranger = DeviceAtEquipment(city.nas_id, MacAddress.parse("00-00-5E-00-53-99"))
    outcome = await ask_again(database, keyring, stranger)
    assert (outcome.result, outcome.error_cause) == (Result.REFUSED, 503)


def _settings(wires: Cables, folder: Path) -> Settings:
    authentication_port, accounting_port = free_ports(2)
    return Settings(
        demo=True,
        data_directory=folder,
        radius=RadiusSettings(
            host=wires.server_address,
            authentication_port=authentication_port,
            accounting_port=accounting_port,
            receive_buffer_octets=65_536,
            session_timeout_seconds=SESSION_TIMEOUT_SECONDS,
        ),
    )


async def _prepare(database: Database, keyring: Keyring, city: City, wires: Cables) -> None:
    async with database.write() as connection:
        await add_credential(
            connection, keyring, council_id=city.council_id, resident_id=city.resident_id, now=datetime.now(UTC),
            user_name="sam", password="correct horse",
        )  # fmt: skip
        await connection.execute(
            update(network_access_servers).values(
                vendor="hostapd",
                dynamic_authorization_host=wires.equipment_address,
                dynamic_authorization_port=DAS_PORT,
            )
        )


async def _eventually(question: Callable[[], Awaitable[list[Any]]], within_seconds: float = 12) -> list[Any]:
    """The answer, as soon as there is one."""
    async with asyncio.timeout(within_seconds):
        while True:
            if found := await question():
                return found
            await asyncio.sleep(0.1)


async def _restarts(database: Database, after: datetime | None = None) -> list[Any]:
    found = await rows(database, accounting_restarts)
    return [row for row in found if after is None or row.restarted_at > after]


async def _sessions(database: Database, *, open_ones: bool) -> list[Any]:
    found = await rows(database, accounting_sessions)
    return [row for row in found if (row.stopped_at is None) is open_ones]


async def _reported(database: Database) -> list[Any]:
    """Open sessions of which an Interim-Update came."""
    return [row for row in await _sessions(database, open_ones=True) if row.session_seconds > 0]


async def _ended(database: Database, session_id: int) -> list[Any]:
    return [row for row in await _sessions(database, open_ones=False) if row.id == session_id]
