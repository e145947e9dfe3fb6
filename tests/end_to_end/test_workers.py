"""``citywifi serve radius`` on PostgreSQL: several workers on one port, and one of them killed under load."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions
from foundation.settings import RadiusSettings
from radius.packet import Code, Packet, decode, verify_reply
from tests.end_to_end.installation import children
from tests.radius.support import SECRET, access_request, accounting_request, build_city, rows
from tools.free_ports import free_ports

REPOSITORY = Path(__file__).resolve().parents[2]
GATEWAYS = 32
SOME_RECORDS = 300
PATIENCE_SECONDS = 90
RETRANSMISSION_SECONDS = 0.5
MOST_RETRANSMISSIONS = 60
MOST_IN_PROGRESS = RadiusSettings().most_requests_in_progress
WORKERS = ["radius-accounting-1", "radius-accounting-2", "radius-authentication-1", "radius-authentication-2"]


@dataclass
class Gateways:
    """Each with a port of its own; they play sessions, send again what is not answered, and remember what was."""

    port: int
    answered: dict[str, int] = field(default_factory=dict)
    is_over: bool = False

    @property
    def count(self) -> int:
        """The records that were answered."""
        return sum(step + 1 for step in self.answered.values())

    async def play(self, number: int) -> None:
        with connected(self.port) as client:
            session = 0
            while not self.is_over:
                session += 1
                for step, status in enumerate(("Start", "Interim-Update", "Stop")):
                    values = {
                        "Acct-Session-Id": f"{number}-{session}",
                        "Acct-Status-Type": status,
                        "Acct-Session-Time": step * 10,
                        "Acct-Output-Octets": step * 1000,
                    }
                    await ask(client, accounting_request(values, identifier=(3 * session + step) % 256))
                    self.answered[f"{number}-{session}"] = step


def connected(port: int) -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setblocking(False)
    client.connect(("127.0.0.1", port))
    return client


async def ask(client: socket.socket, request: Packet) -> Packet:
    """The verified reply, however often it takes to ask."""
    loop = asyncio.get_running_loop()
    for _ in range(MOST_RETRANSMISSIONS):
        try:
            client.send(request.octets)
            async with asyncio.timeout(RETRANSMISSION_SECONDS):
                while True:
                    reply = decode(await loop.sock_recv(client, 4096))
                    if reply.identifier == request.identifier:
                        verify_reply(reply, request, SECRET)
                        return reply
        except TimeoutError:
            continue
        except ConnectionRefusedError:
            await asyncio.sleep(RETRANSMISSION_SECONDS)
    raise AssertionError("a request was never answered")


@dataclass
class Radius:
    """The service as it runs."""

    supervisor: asyncio.subprocess.Process
    data_directory: Path
    log_file: Path

    def workers(self) -> dict[str, int]:
        """Process numbers by name."""
        found = {}
        for process_id in children(self.supervisor.pid):
            arguments = Path(f"/proc/{process_id}/cmdline").read_text().split("\0")
            found.update({argument: process_id for argument in arguments if argument in WORKERS})
        return found

    def metric(self, name: str, **labels: str) -> float | None:
        """A value as monitoring reads it from what the processes share."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self.data_directory / "metrics"))  # type: ignore[no-untyped-call]
        return registry.get_sample_value(f"citywifi_radius_{name}", labels)


@asynccontextmanager
async def serving(database_url: str, folder: Path, ports: tuple[int, int]) -> AsyncIterator[Radius]:
    """``citywifi serve radius`` with two workers of each kind, ready; stopped in good order at the end."""
    ready = folder / "ready"
    environment = {
        "CITYWIFI_DATABASE_URL": database_url,
        "CITYWIFI_DATA_DIRECTORY": str(folder),
        "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(ports[0]),
        "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(ports[1]),
        "CITYWIFI_RADIUS__AUTHENTICATION_WORKERS": "2",
        "CITYWIFI_RADIUS__ACCOUNTING_WORKERS": "2",
        "CITYWIFI_SETTINGS_FILE": str(folder / "none.toml"),
        "NOTIFY_SOCKET": str(ready),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification, (folder / "log").open("ab") as log:
        notification.bind(str(ready))
        notification.settimeout(PATIENCE_SECONDS)
        supervisor = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "citywifi", "serve", "radius",
            env={**os.environ, **environment}, cwd=REPOSITORY, stdout=log, stderr=log,
        )  # fmt: skip
        radius = Radius(supervisor, folder, folder / "log")
        try:
            await asyncio.to_thread(notification.recv, 100)
            yield radius
        except TimeoutError:
            raise AssertionError(radius.log_file.read_text()[-3000:]) from None
        finally:
            supervisor.terminate()
            async with asyncio.timeout(PATIENCE_SECONDS):
                status = await supervisor.wait()
    assert status == 0, radius.log_file.read_text()[-3000:]


async def until(holds: Callable[[], object]) -> None:
    gives_up_at = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < gives_up_at, "it took too long"
        await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_worker_that_is_killed_is_replaced_and_nothing_that_was_answered_is_lost(
    postgres_url: str, tmp_path: Path
) -> None:
    keyring = Keyring.create(tmp_path / "citywifi.key")
    database = Database(postgres_url)
    ports = free_ports(2)
    try:
        await build_city(database, keyring)
        async with serving(postgres_url, tmp_path, (ports[0], ports[1])) as radius:
            assert sorted(radius.workers()) == WORKERS
            gateways = Gateways(ports[1])
            players = [asyncio.create_task(gateways.play(number)) for number in range(GATEWAYS)]
            await until(lambda: gateways.count >= SOME_RECORDS)
            # The one that has the jobs, too.
            await _kill(radius, "radius-accounting-1")
            goal = gateways.count + SOME_RECORDS
            await until(lambda: gateways.count >= goal)
            gateways.is_over = True
            # Each of them was answered in the end, also those whose worker had died.
            await asyncio.gather(*players)
            with connected(ports[0]) as client:
                login = await ask(client, access_request({"User-Name": "nobody", "User-Password": "nothing"}))
            assert login.code is Code.ACCESS_REJECT
            await until(lambda: radius.metric("requests_total", type="access_request", result="rejected") == 1)
            # Limits are sums over the workers that live; those that died are not among them.
            for port in ("authentication", "accounting"):
                assert radius.metric("requests_in_progress_limit", port=port) == 2 * MOST_IN_PROGRESS
                await until(lambda port=port: radius.metric("requests_in_progress", port=port) == 0)  # type: ignore[misc]  # a default binds it
            assert radius.metric("network_access_servers") == 1
        stored = {row.acct_session_id: row for row in await rows(database, accounting_sessions)}
    finally:
        await database.close()
    assert stored.keys() == gateways.answered.keys()
    for name in gateways.answered:
        row = stored[name]
        assert (row.session_seconds, row.output_octets, row.ended_by) == (20, 2000, "stop")


async def _kill(radius: Radius, name: str) -> None:
    """kill -9, and return when a new one serves; the others are the same as before."""
    before, serving_before = radius.workers(), radius.log_file.read_text().count("RADIUS serves")
    os.kill(before[name], signal.SIGKILL)
    await until(lambda: radius.log_file.read_text().count("RADIUS serves") > serving_before)
    after = radius.workers()
    assert {other: after[other] for other in WORKERS if other != name} == {
        other: before[other] for other in WORKERS if other != name
    }
    # What the dead one had in progress is no longer counted.
    assert not list((radius.data_directory / "metrics").glob(f"gauge_live*_{before[name]}.db"))
