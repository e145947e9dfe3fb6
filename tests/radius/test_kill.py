"""kill -9 in the middle of accounting: each record that was answered is in the database, matched one by one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions
from radius.packet import Code, Packet, decode, encode_request, verify_reply
from tests.radius.support import SECRET, accounting_request, build_city, free_ports, rows

REPOSITORY = Path(__file__).resolve().parents[2]
SESSIONS_AT_ONCE = 64
SERVE = (
    "import asyncio; from foundation.settings import load_settings; from radius.server import serve;"
    " asyncio.run(serve(load_settings()))"
)
RECORDS_BEFORE_A_KILL = 300
KILLS = 2


@dataclass
class Gateway:
    """Plays sessions of Start, Interim-Update and Stop, and remembers what it was answered."""

    port: int
    answered: dict[str, int] = field(default_factory=dict)
    unanswered: list[tuple[str, int]] = field(default_factory=list)
    begun: int = 0
    count: int = 0

    async def play(self) -> None:
        """Session after session, until a record gets no answer; that one is kept."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected:
            connected.setblocking(False)
            connected.connect(("127.0.0.1", self.port))
            while True:
                self.begun += 1
                name = f"session {self.begun}"
                for step in range(3):
                    if not await self.report(connected, name, step):
                        self.unanswered.append((name, step))
                        return

    async def until_answered(self, records: int) -> None:
        """Return in the middle of things, when so many more records were answered."""
        goal = self.count + records
        async with asyncio.timeout(30):
            while self.count < goal:  # noqa: ASYNC110  any answer of any player counts
                await asyncio.sleep(0.005)

    async def report(self, connected: socket.socket, name: str, step: int) -> bool:
        """Whether the record of that step was answered."""
        request = accounting_request(
            {
                "Acct-Session-Id": name,
                "Acct-Status-Type": ("Start", "Interim-Update", "Stop")[step],
                "Acct-Session-Time": step * 10,
                "Acct-Output-Octets": step * 1000,
            },
            identifier=self.begun % 256,
        )
        try:
            await exchange(connected, request, 3)
        except (TimeoutError, ConnectionRefusedError):
            return False
        self.answered[name] = step
        self.count += 1
        return True


async def exchange(connected: socket.socket, request: Packet, timeout_seconds: float) -> None:
    """Send, and return when the verified reply is here."""
    connected.send(request.octets)
    async with asyncio.timeout(timeout_seconds):
        while True:
            reply = decode(await asyncio.get_running_loop().sock_recv(connected, 4096))
            if reply.identifier == request.identifier:
                return verify_reply(reply, request, SECRET)


@asynccontextmanager
async def served(environment: dict[str, str], port: int) -> AsyncIterator[Any]:
    """The server as a process of its own, ready; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE,
        env={**os.environ, **environment}, cwd=REPOSITORY,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _wait_until_ready(port)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _wait_until_ready(port: int) -> None:
    request = encode_request(Code.STATUS_SERVER, 0, (), SECRET)
    deadline = time.monotonic() + 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected:
        connected.setblocking(False)
        connected.connect(("127.0.0.1", port))
        while True:
            try:
                return await exchange(connected, request, 0.2)
            except (TimeoutError, ConnectionRefusedError):
                assert time.monotonic() < deadline, "the server did not come up"
                await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_answered_record_survives_kill_9(any_database_url: str, tmp_path: Path) -> None:
    key_file = tmp_path / "citywifi.key"
    keyring = Keyring.create(key_file)
    database = Database(any_database_url)
    await build_city(database, keyring)
    authentication_port, accounting_port = free_ports(2)
    environment = {
        "CITYWIFI_DATABASE_URL": any_database_url,
        "CITYWIFI_DATA_DIRECTORY": str(tmp_path),
        "CITYWIFI_KEY_FILE": str(key_file),
        "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(authentication_port),
        "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(accounting_port),
        "CITYWIFI_SETTINGS_FILE": str(tmp_path / "none.toml"),
    }
    gateway = Gateway(accounting_port)
    try:
        for _ in range(KILLS):
            async with served(environment, accounting_port) as process:
                players = [asyncio.create_task(gateway.play()) for _ in range(SESSIONS_AT_ONCE)]
                await gateway.until_answered(RECORDS_BEFORE_A_KILL)
                process.send_signal(signal.SIGKILL)
                await process.wait()
                await asyncio.sleep(0.1)
                for player in players:
                    player.cancel()
                await asyncio.gather(*players, return_exceptions=True)
            await _check_what_was_answered(database, gateway)
        async with served(environment, accounting_port):
            await _send_again_what_was_not_answered(gateway)
        await _check_what_was_answered(database, gateway)
    finally:
        await database.close()


async def _check_what_was_answered(database: Database, gateway: Gateway) -> None:
    stored = {row.acct_session_id: row for row in await rows(database, accounting_sessions)}
    assert len(gateway.answered) > SESSIONS_AT_ONCE
    for name, step in gateway.answered.items():
        row = stored[name]
        assert row.session_seconds >= step * 10
        assert row.output_octets >= step * 1000
        assert step < 2 or row.ended_by == "stop"


async def _send_again_what_was_not_answered(gateway: Gateway) -> None:
    """As equipment does; afterwards each of them is answered and stored."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected:
        connected.setblocking(False)
        connected.connect(("127.0.0.1", gateway.port))
        for name, step in gateway.unanswered:
            assert await gateway.report(connected, name, step)
