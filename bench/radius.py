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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.row import Row
from bench.service import free_port, processor_seconds, running_service
from citywifi.commands.database import prepare_installation
from foundation.credentials import nt_hash
from foundation.runtime import open_runtime
from foundation.schema import councils, credentials, network_access_servers
from foundation.settings import RadiusSettings, Settings

_RESIDENTS = 1_000
_SECONDS = 5
_REPETITIONS = 3
_OUTSTANDING = 64
_WARM_UP_SECONDS = 1
_KINDS = {"pap": "logins by PAP", "chap": "logins by CHAP", "acct": "accounting records, each committed first"}


def measure() -> list[Row]:
    """Requests a second and the 99th percentile of the time to an answer, by kind."""
    with tempfile.TemporaryDirectory(prefix="citywifi-bench-") as name:
        installation = prepare(Path(name))
        generator = build_generator(installation)
        if generator is None:
            return []
        with running_service("radius", installation.settings) as process_id:
            return [row for kind in _KINDS for row in _measure(kind, generator, installation, process_id)]


@dataclass(frozen=True, slots=True)
class Installation:
    """A city of residents with passwords, and one NAS: this machine."""

    settings: Settings
    secret: str
    people: list[tuple[str, str]]

    @property
    def users_file(self) -> Path:
        """Names and passwords, as the generator reads them."""
        return self.settings.data_directory / "users"


def prepare(folder: Path) -> Installation:
    """An installation in an empty folder, ready to be served."""
    radius = RadiusSettings(
        authentication_port=free_port(),
        accounting_port=free_port(),
        requests_per_nas_per_second=1_000_000,  # the load comes from one address
    )
    people = [(f"resident{number}", secrets.token_hex(8)) for number in range(_RESIDENTS)]
    installation = Installation(Settings(data_directory=folder, radius=radius), secrets.token_urlsafe(24), people)
    installation.users_file.write_text("".join(f"{user_name}\t{password}\n" for user_name, password in people))
    asyncio.run(_fill(installation))
    return installation


def build_generator(installation: Installation) -> Path | None:
    """The load generator, or None where it cannot be compiled."""
    program = _build(installation.settings.data_directory)
    if program is None:
        print("left out: no C compiler with libcrypto (apt-get install gcc libssl-dev)")
    return program


def load(generator: Path, installation: Installation, kind: str, seconds: float, *options: str) -> dict[str, Any]:
    """What the generator measured in so many seconds; ``options`` are its own."""
    radius = installation.settings.radius
    port = radius.accounting_port if kind == "acct" else radius.authentication_port
    command: list[str | Path] = [generator, "-t", kind, "-p", str(port), "-k", installation.secret]
    command += ["-u", installation.users_file, "-c", str(_OUTSTANDING), "-d", str(seconds), *options]
    run = subprocess.run(command, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def _build(folder: Path) -> Path | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = folder / "radload"
    source = Path(__file__).parent / "radload.c"
    built = subprocess.run([compiler, "-O2", "-o", program, source, "-lcrypto"], check=False, capture_output=True)
    return program if built.returncode == 0 else None


async def _fill(installation: Installation) -> None:
    settings = installation.settings
    await prepare_installation(settings)
    now = datetime.now(UTC)
    async with open_runtime(settings) as runtime, runtime.database.write() as connection:
        council = councils.insert().values(code="E08000026", name="Coventry", created_at=now).returning(councils.c.id)
        council_id = (await connection.execute(council)).scalar_one()
        nas = {"council_id": council_id, "name": "load", "network": "127.0.0.0/8", "vendor": "coovachilli"}
        sealed = runtime.keyring.encrypt("nas secret", installation.secret.encode())
        await connection.execute(
            network_access_servers.insert().values(**nas, secret_encrypted=sealed, created_at=now, updated_at=now)
        )
        rows = [
            {
                "council_id": council_id,
                "user_name": user_name,
                "nt_hash_encrypted": runtime.keyring.encrypt("nt hash", nt_hash(password)),
                # CHAP needs it.
                "password_encrypted": runtime.keyring.encrypt("credential", password.encode()),
                "created_at": now,
            }
            for user_name, password in installation.people
        ]
        await connection.execute(credentials.insert(), rows)


def _measure(kind: str, generator: Path, installation: Installation, process_id: int) -> list[Row]:
    runs, microseconds = [], []
    for _ in range(_REPETITIONS):
        used = processor_seconds(process_id)
        runs.append(load(generator, installation, kind, _SECONDS))
        used = processor_seconds(process_id) - used
        # The second of warming up is not in the rate.
        microseconds.append(used / (runs[-1]["req_s"] * (_SECONDS + _WARM_UP_SECONDS)) * 1e6)
    what = f"RADIUS: {_KINDS[kind]}, {_OUTSTANDING} outstanding"
    return [
        Row.of(what, [run["req_s"] for run in runs], "a second"),
        Row.of(f"{what}, 99th percentile", [run["ms"]["p99"] for run in runs], "ms"),
        Row.of(f"{what}, processor time of the server", microseconds, "µs a request"),
    ]
