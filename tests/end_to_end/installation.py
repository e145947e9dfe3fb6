"""A whole installation for a test: a demo database, and the three services as processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from foundation.settings import Settings, load_settings
from tests.support.network import own_network
from tools.free_ports import free_ports

SERVICES = ("portal", "radius", "monitoring")
_REPOSITORY = Path(__file__).resolve().parent.parent.parent
_READY_WITHIN_SECONDS = 120
_STOPPED_WITHIN_SECONDS = 20


@dataclass
class Installation:
    """Settings, and the processes that run by them."""

    environment: Mapping[str, str]
    settings: Settings
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @classmethod
    def prepare(cls, folder: Path, database_url: str, **more: str) -> Installation:
        """A demo database at the address, and free ports."""
        portal, console, authentication, accounting, metrics = free_ports(5)
        chosen = {
            "CITYWIFI_DEMO": "true",
            "CITYWIFI_DEMO_NETWORK": own_network(),
            "CITYWIFI_DATA_DIRECTORY": str(folder / "data"),
            "CITYWIFI_DATABASE_URL": database_url,
            "CITYWIFI_SETTINGS_FILE": str(folder / "none.toml"),
            "CITYWIFI_PORTAL__PORT": str(portal),
            "CITYWIFI_PORTAL__PUBLIC_URL": f"http://127.0.0.1:{portal}",
            "CITYWIFI_MONITORING__PORT": str(console),
            "CITYWIFI_MONITORING__METRICS_PORT": str(metrics),
            "CITYWIFI_MONITORING__USAGE_INTERVAL_SECONDS": "2",
            "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(authentication),
            "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(accounting),
            # A phone that is new is rejected once; a city of them would wait for minutes.
            "CITYWIFI_RADIUS__REJECT_DELAY_SECONDS": "0",
            **more,
        }
        installation = cls.of(chosen)
        installation.settings.data_directory.mkdir()
        answer = installation.citywifi("database", "prepare", "--demo")
        assert answer.returncode == 0, answer.stderr
        return installation

    @classmethod
    def of(cls, chosen: Mapping[str, str]) -> Installation:
        """What the settings, given as environment, describe; its database is there already."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CITYWIFI_")}
        return cls({**inherited, "PYTHONPATH": str(_REPOSITORY), **chosen}, _settings(chosen))

    @contextmanager
    def running(self, services: Sequence[str] = SERVICES) -> Iterator[Installation]:
        """All services, or those named, stopped at the end."""
        try:
            for name in services:
                self.start(name)
            yield self
        finally:
            self.stop()

    def start(self, name: str, *arguments: str) -> None:
        """Start a service and wait until it says that it is ready, as systemd would."""
        with tempfile.TemporaryDirectory(prefix="notify-") as folder, _listening(f"{folder}/socket") as receiver:
            with (self.settings.data_directory / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "citywifi", "serve", name, *arguments],
                    env={**self.environment, "NOTIFY_SOCKET": f"{folder}/socket"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.settings.data_directory,
                )
            try:
                assert b"READY=1" in receiver.recv(4096)
            except TimeoutError:
                raise AssertionError(f"{name} is not ready: {self.log(name)[-2000:]}") from None

    def kill(self, name: str) -> None:
        """kill -9 of all its processes: nothing can be tidied up."""
        process = self._processes.pop(name)
        # The supervisor first: it would start the others again.
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def kill_worker(self, name: str, worker: str) -> None:
        """kill -9 of one of the processes that a service started, such as radius-accounting-1."""
        running = {child: _arguments(child) for child in children(self._processes[name].pid)}
        found = [child for child, arguments in running.items() if worker in arguments]
        assert found, f"{worker} is not among {[*running.values()]}"
        os.kill(found[0], signal.SIGKILL)

    def log(self, name: str) -> str:
        """What a service said."""
        return (self.settings.data_directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def citywifi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this installation to its end."""
        return subprocess.run(
            [sys.executable, "-m", "citywifi", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            cwd=_REPOSITORY,
            timeout=600,
        )

    @contextmanager
    def in_background(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command while the block runs; it is killed if the block fails."""
        with subprocess.Popen(
            [sys.executable, "-m", "citywifi", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=_REPOSITORY,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def stop(self) -> None:
        """Stop what runs, in good order."""
        for process in self._processes.values():
            process.terminate()
        statuses = {}
        for name, process in self._processes.items():
            try:
                statuses[name] = process.wait(_STOPPED_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                statuses[name] = process.wait()
        self._processes.clear()
        logs = {name: self.log(name)[-2000:] for name, status in statuses.items() if status}
        assert not any(statuses.values()), f"not stopped cleanly: {statuses}, {logs}"


def children(process_id: int) -> list[int]:
    """The processes that a process has started and that still run (Linux, proc_pid_stat)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # State and parent's number stand behind the name, which may have anything in it.
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == process_id and state != "Z":
                found.append(int(folder.name))
    return found


def _arguments(process_id: int) -> list[str]:
    return Path(f"/proc/{process_id}/cmdline").read_text().split("\0")


def _settings(environment: Mapping[str, str]) -> Settings:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        return load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address)
        receiver.settimeout(_READY_WITHIN_SECONDS)
        yield receiver
