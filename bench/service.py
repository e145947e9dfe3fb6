"""A service of ours in a process of its own, for as long as it is measured."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foundation.settings import Settings

_START_SECONDS = 120
_STOP_SECONDS = 60


@contextmanager
def running_service(name: str, settings: Settings, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run ``citywifi serve NAME`` with these settings; gives its process number when it is ready.

    ``environment`` is added to that of the service. It runs outside of the checkout, so that PYTHONPATH can choose
    another installation of the packages.
    """
    address = settings.data_directory / "ready"
    variables = {**os.environ, **_variables(settings), "NOTIFY_SOCKET": str(address), **(environment or {})}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification:
        notification.bind(str(address))
        notification.settimeout(_START_SECONDS)
        command = [sys.executable, "-m", "citywifi", "serve", name]
        process = subprocess.Popen(command, env=variables, cwd=settings.data_directory)
        try:
            notification.recv(100)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_STOP_SECONDS)
            address.unlink()


def _variables(settings: Settings) -> dict[str, str]:
    """The settings that are not the defaults, as the service reads them."""
    found = {"CITYWIFI_LOG_LEVEL": "warning", "CITYWIFI_DATA_DIRECTORY": str(settings.data_directory.absolute())}
    for name, value in settings.model_dump(exclude_defaults=True, exclude={"data_directory", "database_url"}).items():
        if isinstance(value, dict):
            found |= {f"CITYWIFI_{name}__{key}".upper(): _text(one) for key, one in value.items()}
        else:
            found[f"CITYWIFI_{name}".upper()] = _text(value)
    if settings.database_url:
        found["CITYWIFI_DATABASE_URL"] = settings.database_url.get_secret_value()
    return found


def _text(value: Any) -> str:
    if isinstance(value, (str, Path)):
        return str(value)
    return json.dumps(value)
