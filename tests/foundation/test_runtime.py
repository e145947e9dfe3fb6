from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import NotReadyError, check_ready, check_schema, notify_ready, serve_until_stopped
from foundation.schema import installation, network_access_servers
from foundation.settings import Settings

REAL = Settings(demo=False)
DEMO = Settings(demo=True)


async def note(database: Database, **facts: str) -> None:
    async with database.write() as connection:
        for name, value in facts.items():
            await connection.execute(installation.insert().values(name=name, value=value))


async def add_nas(database: Database, keyring: Keyring, council_id: int, secret: bytes) -> None:
    now = datetime.now(UTC)
    async with database.write() as connection:
        await connection.execute(
            network_access_servers.insert().values(
                council_id=council_id,
                name="library",
                network="192.0.2.0/24",
                secret_encrypted=keyring.encrypt("nas secret", secret),
                vendor="coovachilli",
                created_at=now,
                updated_at=now,
            )
        )


async def test_a_sound_installation_is_ready(database: Database, keyring: Keyring, council_id: int) -> None:
    await note(database, key_fingerprint=keyring.fingerprint)
    await add_nas(database, keyring, council_id, b"a long random secret")
    await check_ready(REAL, database, keyring)


async def test_an_empty_database_is_refused_with_the_command_that_prepares_it(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with pytest.raises(NotReadyError, match="citywifi database prepare"):
        await check_schema(empty)
    await empty.close()


async def test_a_database_that_is_away_is_refused() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(NotReadyError, match="cannot be reached"):
        await check_schema(away)
    await away.close()


async def test_another_key_than_the_one_that_sealed_the_database_is_refused(database: Database) -> None:
    await note(database, key_fingerprint="another")
    with pytest.raises(NotReadyError, match="restore the right one"):
        await check_ready(REAL, database, Keyring(bytes(32)))


async def test_outside_the_demo_its_database_is_refused(database: Database, keyring: Keyring) -> None:
    await note(database, demo="true")
    with pytest.raises(NotReadyError, match="demo"):
        await check_ready(REAL, database, keyring)
    await check_ready(DEMO, database, keyring)


async def test_outside_the_demo_its_key_is_refused(database: Database) -> None:
    with pytest.raises(NotReadyError, match="demo"):
        await check_ready(REAL, database, Keyring.demo())


async def test_outside_the_demo_a_secret_that_everybody_knows_is_refused(
    database: Database, keyring: Keyring, council_id: int
) -> None:
    await add_nas(database, keyring, council_id, b"testing123")
    with pytest.raises(NotReadyError, match="well-known secret"):
        await check_ready(REAL, database, keyring)


async def test_the_word_that_radsec_prescribes_is_no_secret_and_is_good_only_with_a_certificate(
    database: Database, keyring: Keyring, council_id: int
) -> None:
    await add_nas(database, keyring, council_id, b"radsec")
    with pytest.raises(NotReadyError, match="well-known secret"):
        await check_ready(REAL, database, keyring)
    async with database.write() as connection:
        await connection.execute(network_access_servers.update().values(radsec_name="ap1.example.org"))
    await check_ready(REAL, database, keyring)
    # Removed: nothing can be sent in its name any more.
    async with database.write() as connection:
        await connection.execute(network_access_servers.update().values(radsec_name=None, network=None))
    await check_ready(REAL, database, keyring)


def test_who_started_us_is_told_that_we_are_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(address))
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        notify_ready()
        assert receiver.recv(100).startswith(b"READY=1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_service_stops_at_a_signal(number: signal.Signals) -> None:
    waiting = asyncio.create_task(serve_until_stopped())
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), number)
    await asyncio.wait_for(waiting, 5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_stopped_the_moment_it_says_ready_stops_in_good_order(
    number: signal.Signals,
) -> None:
    # The stop comes before the call that says ready has returned: no earlier one can be.
    program = f"""
import asyncio, os
from foundation import runtime
runtime.notify_ready = lambda: os.kill(os.getpid(), {number.value})
asyncio.run(runtime.serve_until_stopped())
print("in good order")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "in good order\n", "")
