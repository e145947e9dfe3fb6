"""Ports of this machine that nobody has, for programs that are started with one."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack

# Below those that the kernel gives to every connection that is made (net.ipv4.ip_local_port_range), of which
# thousands come and go beside a test: one of them would soon have a port that was free a moment ago.
_FIRST, _LAST = 15_000, 32_000
_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


def free_ports(count: int) -> list[int]:
    """Different ones, free by TCP and by UDP for as long as nobody else takes them."""
    ports: list[int] = []
    while len(ports) < count:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if port not in ports and _is_free(port):
            ports.append(port)
    return ports


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with ExitStack() as stack:
        try:
            for kind in _KINDS:
                stack.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
