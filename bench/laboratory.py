"""What a comparison needs: the generator, one PostgreSQL, residents in both systems' tables, and the systems."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import FrameType

from pydantic import SecretStr

from bench import freeradius, generator
from bench.generator import GeneratorError, Target
from bench.population import Population, fill, fill_freeradius, fill_freeradius_file
from bench.service import running_service
from citywifi.commands.database import prepare_installation
from foundation.certificate_store import CertificateStore
from foundation.privacy import Keyring
from foundation.settings import RadiusSettings, Settings
from tools.free_ports import free_port
from tools.postgres import PostgresCluster

_REPOSITORY = Path(__file__).parent.parent
# Both systems write to it, so what helps it helps both. Durability stays as it is by default.
POSTGRES_SETTINGS: dict[str, str | int] = {"max_connections": 210, "shared_buffers": "256MB", "max_wal_size": "4GB"}
# The load comes from one address and few devices, which is not what these limits are for.
_NO_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class System:
    """A running RADIUS server."""

    target: Target
    process_id: int


@dataclass(frozen=True, slots=True)
class Variant:
    """How ours is run. ``database`` is postgres or sqlite."""

    population: int = 10_000
    database: str = "postgres"
    workers: int = 1
    cache_entries: int = 0
    log_accepted: bool = True
    # As a wheel installs it; else the checkout's pure Python.
    is_compiled: bool = True
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Laboratory:
    """Open one with ``laboratory``."""

    folder: Path
    generator: Path
    postgres: PostgresCluster
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _populations: dict[int, Population] = field(default_factory=dict)
    _made: dict[str, str] = field(default_factory=dict)
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def population(self, size: int) -> Population:
        """Residents, the same each time."""
        return self._populations.setdefault(size, Population.of(size))

    def users(self, size: int) -> Path:
        """Names and passwords for the generator."""
        file = self.folder / f"users_{size}"
        return file if file.exists() else self.population(size).write_users(file)

    def devices(self, size: int) -> Path:
        """Addresses for the generator."""
        file = self.folder / f"devices_{size}"
        return file if file.exists() else self.population(size).write_devices(file)

    @contextmanager
    def ours(self, variant: Variant) -> Iterator[System]:
        """CityWiFi's RADIUS service."""
        settings = self._settings(variant)
        settings.data_directory.mkdir()
        CertificateStore(settings.certificates_directory).create(["radius.wifi.example.org"], "City", datetime.now(UTC))
        target = Target(settings.radius.authentication_port, settings.radius.accounting_port, self._secret)
        compiled = self.compiled() if variant.is_compiled else {}
        with running_service("radius", settings, compiled | variant.environment) as process_id:
            yield System(target, process_id)

    @contextmanager
    def theirs(self, source: freeradius.Source) -> Iterator[System]:
        """FreeRADIUS with its users somewhere."""
        target = Target(free_port(), free_port(), self._secret)
        with freeradius.running(self.folder / f"freeradius_{next(self._numbers)}", target, source) as process_id:
            yield System(target, process_id)

    def freeradius_in_postgres(self, size: int, *, asks_for_reply: bool = True) -> freeradius.Source:
        """Its users, logins and accounting in the same PostgreSQL."""
        name = f"radius_{size}"
        if name not in self._made:
            self.postgres.execute(f"CREATE DATABASE {name}")
            self.postgres.execute(freeradius.schema("postgresql"), name)
            self._made[name] = self.postgres.url(name)
            fill_freeradius(self._made[name], self.population(size))
        return freeradius.in_postgres(self._made[name], asks_for_reply=asks_for_reply)

    def freeradius_in_sqlite(self, size: int) -> freeradius.Source:
        """The same in an SQLite file."""
        file = self.folder / f"freeradius_{size}.sqlite3"
        if not file.exists():
            fill_freeradius_file(freeradius.make_sqlite_file(file), self.population(size))
        return freeradius.in_sqlite(file)

    def freeradius_in_memory(self, size: int, *, is_logged: bool) -> freeradius.Source:
        """Its users in its memory; with its login log in PostgreSQL, or none."""
        file = self.population(size).write_freeradius_users(self.folder / f"freeradius_users_{size}")
        return freeradius.in_memory(file, self.freeradius_in_postgres(size) if is_logged else None)

    def compiled(self) -> dict[str, str]:
        """The environment of a service whose packet path is compiled. Raises GeneratorError where that cannot be."""
        folder = self.folder / "compiled"
        if not folder.exists():
            command = [sys.executable, "-m", "tools.compiled_install", str(folder)]
            made = subprocess.run(command, cwd=_REPOSITORY, check=False, capture_output=True, text=True)
            if made.returncode:
                raise GeneratorError(made.stderr)
        path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
        return {"PYTHONSAFEPATH": "1", "PYTHONPATH": path}

    def _settings(self, variant: Variant) -> Settings:
        radius = RadiusSettings(
            authentication_port=free_port(),
            accounting_port=free_port(),
            requests_per_nas_per_second=_NO_LIMIT,
            requests_per_device_per_minute=_NO_LIMIT,
            authentication_workers=variant.workers,
            accounting_workers=variant.workers,
            directory_cache_entries=variant.cache_entries,
            log_accepted=variant.log_accepted,
        )
        return Settings(
            data_directory=self.folder / f"citywifi_{next(self._numbers)}",
            key_file=self.folder / "citywifi.key",
            database_url=SecretStr(self._database(variant)),
            radius=radius,
        )

    def _database(self, variant: Variant) -> str:
        """The address of a filled database, made at the first call."""
        name = f"{variant.database}_{variant.population}"
        if name not in self._made:
            in_file = variant.database == "sqlite"
            url = f"sqlite:///{self.folder / name}.sqlite3" if in_file else self.postgres.create_database()
            key_file = self.folder / "citywifi.key"
            prepared = Settings(data_directory=self.folder, key_file=key_file, database_url=SecretStr(url))
            if in_file:
                asyncio.run(prepare_installation(prepared))
            keyring = Keyring.load(key_file) if key_file.exists() else Keyring.create(key_file)
            fill(url, keyring, self.population(variant.population), self._secret)
            self._made[name] = url
        return self._made[name]


def _leave(number: int, _: FrameType | None) -> None:
    """End by an exception, so that what was started is stopped."""
    sys.exit(128 + number)


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Build the generator and start PostgreSQL; everything is removed at the end, also at SIGTERM.

    Raises GeneratorError.
    """
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="citywifi-bench-") as name:
        program = generator.build(Path(name))
        with PostgresCluster.start(POSTGRES_SETTINGS) as postgres:
            yield Laboratory(Path(name), program, postgres)
