"""Networks of this machine that nobody else has."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

# Each has a network of two addresses in TEST-NET-2 (RFC 5737), which nobody has.
_CABLES = range(64)


@dataclass(frozen=True)
class Cable:
    """Between the test's own namespace and that of equipment."""

    number: int

    @property
    def here(self) -> str:
        """The address at the test's end."""
        return f"198.51.100.{4 * self.number + 1}"

    @property
    def there(self) -> str:
        """The address at the equipment's end."""
        return f"198.51.100.{4 * self.number + 2}"

    def namespace(self, what: str) -> str:
        """The name of a namespace that goes with it."""
        return f"cw-{what}-{self.number}"

    def lay(self, namespace: str, interface: str) -> None:
        """Have it between here and this interface, which the namespace gets."""
        ip("link", "add", self._name, "type", "veth", "peer", "name", interface, "netns", namespace)
        ip("addr", "add", f"{self.here}/30", "dev", self._name)
        ip("link", "set", self._name, "up")
        ip("-n", namespace, "addr", "add", f"{self.there}/30", "dev", interface)
        ip("-n", namespace, "link", "set", interface, "up")

    def remove(self) -> None:
        """Take away the cable, its namespaces and the programs that run in them, as far as they are there."""
        for namespace in (file.name for file in Path("/run/netns").glob(self.namespace("*"))):
            running = subprocess.run(["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True)
            for process in running.stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)
            shutil.rmtree(Path("/etc/netns") / namespace, ignore_errors=True)
        subprocess.run(["ip", "link", "delete", self._name], check=False, capture_output=True)

    @property
    def _name(self) -> str:
        return f"cw-{self.number}"


def own_network() -> str:
    """A loopback network for a test's gateways, so that a demo that runs beside it does not matter."""
    return f"127.{20 + secrets.randbelow(200)}.{secrets.randbelow(256)}.0/24"


@contextmanager
def own_cable() -> Iterator[Cable]:
    """One that no other test has while the block lasts, of this run or another; whoever uses it lays it.

    Of two cables with the same addresses one would get no answers. So a socket with the cable's number is held, which
    the kernel takes back whatever becomes of the test, and what a test that was killed left is removed first.
    """
    for number in _CABLES:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
            try:
                held.bind(f"\0citywifi test cable {number}")
            except OSError:
                continue
            cable = Cable(number)
            cable.remove()
            try:
                yield cable
            finally:
                cable.remove()
            return
    raise RuntimeError(f"all {len(_CABLES)} cables for tests are in use")


def may_make_namespaces() -> bool:
    """Whether this user may: root in a full system may, root in a container often not."""
    if os.geteuid() != 0:
        return False
    name = f"cw-try-{secrets.token_hex(2)}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
    return made


def require_namespaces() -> None:
    """Leave the test out where this user may not make them."""
    if not may_make_namespaces():
        pytest.skip("this user may not make network namespaces")


def ip(*arguments: str) -> None:
    """Run iproute2's command, which must succeed."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
