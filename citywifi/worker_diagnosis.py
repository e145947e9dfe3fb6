"""What `citywifi doctor` finds about RADIUS workers: more than the database can serve, sockets that hold too little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from foundation.settings import Settings, SettingsError
from radius.workers import workers_of

# Level, check, finding, remedy: what a Finding is made of.
WorkerFinding = tuple[Literal["ok", "note", "problem"], str, str, str]

LARGEST_BUFFER_FILE: Final = Path("/proc/sys/net/core/rmem_max")
_CHECK: Final = "workers"


def check_workers(settings: Settings, largest_buffer_file: Path = LARGEST_BUFFER_FILE) -> Iterator[WorkerFinding]:
    """The processes that the settings ask for, and the buffer that each of their sockets can have."""
    try:
        names = [worker.name for worker in workers_of(settings)]
    except SettingsError as error:
        yield "problem", _CHECK, str(error), "change the setting; RADIUS does not start with it"
        return
    yield "ok", _CHECK, f"RADIUS runs as {len(names)} processes: {', '.join(names)}", ""
    wanted = settings.radius.receive_buffer_octets
    try:
        largest = int(largest_buffer_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    if largest < wanted:
        yield (
            "note", _CHECK, f"the kernel gives a service that is not root {largest} octets for received datagrams",
            f"a burst needs more: sysctl net.core.rmem_max={wanted}, and in a file of /etc/sysctl.d/",
        )  # fmt: skip
