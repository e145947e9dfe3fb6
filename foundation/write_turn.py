"""Whose turn it is to write to a SQLite file, among all processes that do.

SQLite itself makes a writer that meets a lock sleep and look again, up to a tenth of a second, while whoever is awake
takes the lock once more. A lock on a file beside the database wakes the next writer at once. It only orders the
queue: what keeps the data right is still SQLite's own lock, also against programs that do not know of this one. The
kernel gives the turn back when a process dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path


class WriteTurn:
    """One queuer of a process: at most one task or thread of it waits or writes at a time. Close it at the end."""

    def __init__(self, database_file: Path) -> None:
        self._descriptor = os.open(f"{database_file}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._among_tasks = asyncio.Lock()
        self._waiter = ThreadPoolExecutor(1, thread_name_prefix="sqlite-turn")

    @asynccontextmanager
    async def taken_by_task(self) -> AsyncIterator[None]:
        """Wait for the turn without stopping the event loop."""
        async with self._among_tasks:
            await self._wait()
            try:
                yield
            finally:
                self._give_back()

    @contextmanager
    def taken_by_thread(self) -> Iterator[None]:
        """Wait for the turn in a thread."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            self._give_back()

    def close(self) -> None:
        """Stop queuing."""
        self._waiter.shutdown()
        os.close(self._descriptor)

    async def _wait(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting = asyncio.get_running_loop().run_in_executor(
                self._waiter, fcntl.flock, self._descriptor, fcntl.LOCK_EX
            )
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                # Nobody will use the turn that the thread still waits for.
                waiting.add_done_callback(lambda _waiting: self._give_back())
                raise

    def _give_back(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
