"""A service in a process of its own, for as long as it is measured."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.settings import Settings


@contextmanager
def running_service(name: str, settings: Settings) -> Iterator[int]:
    """Run ``citywifi serve NAME`` with these settings; gives its process number when it is ready."""
    address = settings.data_directory / "ready"
    environment = {**os.environ, **_environment(settings), "NOTIFY_SOCKET": str(address)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
        notification.bind(str(address))
        notification.settimeout(30)
        process = subprocess.Popen([sys.executable, "-m", "citywifi", "serve", name], env=environment)
        try:
            notification.recv(100)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
            Path(address).unlink()


def processor_seconds(process_id: int) -> float:
    """What all threads of a process have used of a processor so far (Linux, proc_pid_schedstat)."""
    tasks = Path(f"/proc/{process_id}/task")
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(settings: Settings) -> dict[str, str]:
    """The settings that benchmarks change, as the service reads them."""
    return {
        "CITYWIFI_DEMO": str(settings.demo).lower(),
        "CITYWIFI_DATA_DIRECTORY": str(settings.data_directory),
        "CITYWIFI_LOG_LEVEL": "warning",
        "CITYWIFI_PORTAL__PORT": str(settings.portal.port),
        "CITYWIFI_PORTAL__PUBLIC_URL": settings.portal.public_url,
        "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(settings.radius.authentication_port),
        "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(settings.radius.accounting_port),
        "CITYWIFI_RADIUS__REQUESTS_PER_NAS_PER_SECOND": str(settings.radius.requests_per_nas_per_second),
    }
