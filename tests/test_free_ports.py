from __future__ import annotations

import socket
from pathlib import Path

from tools.free_ports import free_ports


def test_they_differ_and_both_kinds_of_socket_can_have_them() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    for port in ports:
        with socket.create_server(("127.0.0.1", port)), socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(("127.0.0.1", port))


def test_none_is_of_those_that_the_kernel_gives_to_connections() -> None:
    first, _last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert max(free_ports(50)) < max(first, 32_768)
