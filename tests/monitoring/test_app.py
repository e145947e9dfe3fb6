"""The service as it is really run: a process of its own, on real ports, stopped by a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import installation
from tests.monitoring.city import NOW, make_city
from tests.support.peers import Peers

StartService = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
async def environment(tmp_path: Path, sqlite_url: str, unused_tcp_port_factory: Callable[[], int]) -> dict[str, str]:
    database = Database(sqlite_url)
    city = await make_city(database, Keyring.demo())
    await city.add_session(NOW)
    async with database.write() as connection:
        await connection.execute(installation.insert().values(name="key_fingerprint", value=Keyring.demo().fingerprint))
    await database.close()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CITYWIFI_")},
        "CITYWIFI_DEMO": "true",
        "CITYWIFI_DATA_DIRECTORY": str(tmp_path),
        "CITYWIFI_DATABASE_URL": sqlite_url,
        "CITYWIFI_MONITORING__PORT": str(unused_tcp_port_factory()),
        "CITYWIFI_MONITORING__METRICS_PORT": str(unused_tcp_port_factory()),
    }


@pytest.fixture
def start() -> Iterator[StartService]:
    started: list[subprocess.Popen[bytes]] = []

    def start_service(environment: dict[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "citywifi", "serve", "monitoring"]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE))
        return started[-1]

    yield start_service
    for process in started:
        process.kill()
        process.communicate()


async def fetch(port: str, path: str) -> str:
    """Ask until the service is up."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                    assert response.status == 200
                    return await response.text()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)


async def fetch_with(port: str, needle: str) -> str:
    """The metrics, once there is this in them."""
    async with asyncio.timeout(30):
        while True:
            text = await fetch(port, "/metrics")
            if needle in text:
                return text
            await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.peer("promtool")
async def test_the_served_metrics_are_what_prometheus_wants(
    environment: dict[str, str], start: StartService, peers: Peers
) -> None:
    promtool = peers.require("promtool")
    process = start(environment)
    assert "Council report" in await fetch(environment["CITYWIFI_MONITORING__PORT"], "/")
    port = environment["CITYWIFI_MONITORING__METRICS_PORT"]
    gauge = 'citywifi_monitoring_access_points{condition="never_heard",council="E08000026",venue="Foleshill library"} 1'
    text = await fetch_with(port, gauge)
    check = await asyncio.to_thread(
        lambda: subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True)
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.slow
async def test_a_port_that_is_taken_is_told_in_one_sentence(environment: dict[str, str], start: StartService) -> None:
    taken = {**environment, "CITYWIFI_MONITORING__METRICS_PORT": environment["CITYWIFI_MONITORING__PORT"]}
    _, errors = start(taken).communicate(timeout=20)
    assert b"cannot listen on 127.0.0.1 port" in errors
    assert b"Traceback" not in errors
