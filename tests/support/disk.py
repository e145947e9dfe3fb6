"""A small disk of a test's own, which can be full."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Disk:
    """A file system in memory, mounted at the folder."""

    folder: Path

    def fill(self, *, leave_octets: int) -> None:
        """Take all room but so much; what others write meanwhile is taken into account."""
        with self._ballast.open("wb") as file:
            while (room := self.free_octets - leave_octets) > 0:
                with contextlib.suppress(OSError):  # Somebody was quicker.
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, room)

    def make_room(self) -> None:
        """Give it back."""
        self._ballast.unlink()

    @property
    def free_octets(self) -> int:
        """The room that is left."""
        return shutil.disk_usage(self.folder).free

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextmanager
def mounted(megabytes: int, folder: Path | None = None) -> Iterator[Disk | None]:
    """An empty disk, open to every user, as long as the block runs; None where we may not mount one."""
    with tempfile.TemporaryDirectory(prefix="citywifi-disk-") as name:
        place = folder or Path(name)
        options = f"size={megabytes}m,mode=755"
        command: list[str | Path] = ["mount", "-t", "tmpfs", "-o", options, "citywifi-test", place]
        if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
            yield None
            return
        try:
            yield Disk(place)
        finally:
            # Lazily: a process that was killed may not have let go of it yet.
            subprocess.run(["umount", "--lazy", place], check=True)
