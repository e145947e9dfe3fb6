"""Addresses of this machine that nobody else has."""

from __future__ import annotations

import secrets
import socket


def own_network() -> str:
    """A loopback network for a test's gateways, so that a demo that runs beside it does not matter."""
    return f"127.{20 + secrets.randbelow(200)}.{secrets.randbelow(256)}.0/24"


def free_ports(count: int) -> list[int]:
    """Ports that are free as long as nobody else takes them; held together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
