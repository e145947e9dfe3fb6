"""The RADIUS service over real sockets, into SQLite: logins a second and accounting records a second.

The load comes from `radload.c`, a closed loop in C, so that the generator costs little of the two cores it shares.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.row import Row
from bench.service import free_port, running_service
from citywifi.commands.database import prepare_installation
from foundation.runtime import open_runtime
from foundation.schema import councils, credentials, network_access_servers
from foundation.settings import RadiusSettings, Settings

_RESIDENTS = 1_000
_SECONDS = 5
_REPETITIONS = 3
_OUTSTANDING = 64
_KINDS = {"pap": "logins by PAP", "chap": "logins by CHAP", "acct": "accounting records, each committed first"}


def measure() -> list[Row]:
    """Requests a second and the 99th percentile of the time to an answer, by kind."""
    with tempfile.TemporaryDirectory(prefix="citywifi-bench-") as name:
        folder = Path(name)
        generator = _build(folder)
        if generator is None:
            print("left out: no C compiler with libcrypto (apt-get install gcc libssl-dev)")
            return []
        secret = secrets.token_urlsafe(24)
        ports = free_port(), free_port()
        settings = Settings(
            data_directory=folder,
            radius=RadiusSettings(
                authentication_port=ports[0],
                accounting_port=ports[1],
                requests_per_nas_per_second=1_000_000,  # the load comes from one address
            ),
        )
        people = [(f"resident{number}", secrets.token_hex(8)) for number in range(_RESIDENTS)]
        (folder / "users").write_text("".join(f"{user_name}\t{password}\n" for user_name, password in people))
        asyncio.run(_prepare(settings, people, secret))
        with running_service("radius", settings):
            return [row for kind in _KINDS for row in _measure(kind, generator, settings, folder / "users", secret)]


def _build(folder: Path) -> Path | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = folder / "radload"
    source = Path(__file__).parent / "radload.c"
    built = subprocess.run([compiler, "-O2", "-o", program, source, "-lcrypto"], check=False, capture_output=True)
    return program if built.returncode == 0 else None


async def _prepare(settings: Settings, people: list[tuple[str, str]], secret: str) -> None:
    await prepare_installation(settings)
    now = datetime.now(UTC)
    async with open_runtime(settings) as runtime, runtime.database.write() as connection:
        council = councils.insert().values(code="E08000026", name="Coventry", created_at=now).returning(councils.c.id)
        council_id = (await connection.execute(council)).scalar_one()
        nas = {"council_id": council_id, "name": "load", "network": "127.0.0.0/8", "vendor": "coovachilli"}
        sealed = runtime.keyring.encrypt("nas secret", secret.encode())
        await connection.execute(
            network_access_servers.insert().values(**nas, secret_encrypted=sealed, created_at=now, updated_at=now)
        )
        rows = [
            {
                "council_id": council_id,
                "user_name": user_name,
                "password_encrypted": runtime.keyring.encrypt("credential", password.encode()),
                "created_at": now,
            }
            for user_name, password in people
        ]
        await connection.execute(credentials.insert(), rows)


def _measure(kind: str, generator: Path, settings: Settings, users: Path, secret: str) -> list[Row]:
    port = settings.radius.accounting_port if kind == "acct" else settings.radius.authentication_port
    command: list[str | Path] = [generator, "-t", kind, "-p", str(port), "-k", secret, "-u", users]
    command += ["-c", str(_OUTSTANDING), "-d", str(_SECONDS)]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(_REPETITIONS)]
    what = f"RADIUS: {_KINDS[kind]}, {_OUTSTANDING} outstanding"
    return [
        Row.of(what, [run["req_s"] for run in runs], "a second"),
        Row.of(f"{what}, 99th percentile", [run["ms"]["p99"] for run in runs], "ms"),
    ]
