"""Runs the services as child processes: starts them, starts one again that died, stops them together.

Each child tells that it is ready by systemd's notify protocol, so it can as well be a systemd unit of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from citywifi.errors import CommandError
from foundation.runtime import SUPERVISED_VARIABLE
from foundation.settings import Settings
from foundation.telemetry import configure_logging, forget_process

log = structlog.get_logger()

# A busy machine starts half a dozen processes at the same time.
_READY_WITHIN_SECONDS = 60
_STOPPED_WITHIN_SECONDS = 10
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
# A child that ran for so long was well; if it dies, it is started again without a long pause.
_WELL_AFTER_SECONDS = 60


class ServiceFailedError(Exception):
    """A service did not become ready; what it said is on standard error."""


@dataclass(frozen=True, slots=True)
class Child:
    """One process of a service: its name and the arguments of ``citywifi`` (or another module) that run it."""

    name: str
    arguments: tuple[str, ...]
    module: str = "citywifi"
    # A child that may end by itself is not started again.
    may_end: bool = False


class Supervisor:
    """Children of one installation; use as an asynchronous context manager."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._folder = tempfile.TemporaryDirectory(prefix="citywifi-")
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Supervisor:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._folder.cleanup()

    async def start(self, children: Sequence[Child]) -> None:
        """Start them side by side and return when all are ready. Raises ServiceFailedError."""
        ready = [asyncio.get_running_loop().create_future() for _ in children]
        for child, is_ready in zip(children, ready, strict=True):
            self._tasks.append(asyncio.create_task(self._keep_running(child, is_ready)))
        await asyncio.gather(*ready)

    async def _keep_running(self, child: Child, is_ready: asyncio.Future[None]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            status = await self._run_once(child, is_ready)
            if child.may_end and status == 0:
                return
            if not is_ready.done():
                is_ready.set_exception(ServiceFailedError(f"{child.name} did not start (exit status {status})"))
                return
            if loop.time() - started > _WELL_AFTER_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            log.error("a service died and is started again", died=child.name, exit_status=status, pause_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _run_once(self, child: Child, is_ready: asyncio.Future[None]) -> int:
        """Run a child until it ends; returns its exit status. Stops it when cancelled."""
        with self._notifications(child, is_ready) as address:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", child.module, *child.arguments,
                env={**os.environ, **self._environment, "NOTIFY_SOCKET": address, SUPERVISED_VARIABLE: "1"},
                stdin=asyncio.subprocess.PIPE,
                # Ctrl-C in a terminal reaches us alone; we stop the children in good order.
                start_new_session=True,
            )  # fmt: skip
            try:
                return await _wait(process, is_ready)
            finally:
                await _stop(process)
                forget_process(process.pid)

    @contextlib.contextmanager
    def _notifications(self, child: Child, is_ready: asyncio.Future[None]) -> Iterator[str]:
        """Listen for a child's READY=1; gives the address to tell it."""
        address = Path(self._folder.name) / child.name
        address.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as receiver:
            receiver.bind(str(address))

            def receive() -> None:
                if b"READY=1" in receiver.recv(4096) and not is_ready.done():
                    is_ready.set_result(None)

            loop.add_reader(receiver, receive)
            try:
                yield str(address)
            finally:
                loop.remove_reader(receiver)


@contextlib.asynccontextmanager
async def supervised(
    settings: Settings, environment: Mapping[str, str], children: Sequence[Child]
) -> AsyncIterator[Supervisor]:
    """The children, all ready, while the block runs; this process becomes their supervisor. Raises CommandError."""
    os.environ.update(environment)
    configure_logging(settings.log_level, "supervisor")
    try:
        async with Supervisor(environment) as supervisor:
            await supervisor.start(children)
            yield supervisor
    except ServiceFailedError as error:
        raise CommandError(f"{error}; what it said stands above") from None


async def _wait(process: asyncio.subprocess.Process, is_ready: asyncio.Future[None]) -> int:
    """The exit status, when it ends; -1 at once for a child that takes too long to become ready."""
    ended = asyncio.create_task(process.wait())
    either: set[asyncio.Future[Any]] = {ended, is_ready}
    await asyncio.wait(either, timeout=_READY_WITHIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if ended.done() or is_ready.done():
        return await ended
    ended.cancel()
    return -1


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOPPED_WITHIN_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
