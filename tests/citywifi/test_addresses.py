from __future__ import annotations

import socket
import threading

import pytest

from citywifi.addresses import Address, addresses, radius_addresses, refuse_taken
from citywifi.errors import CommandError
from foundation.settings import RadSecSettings, Settings


def test_the_addresses_are_those_of_the_readme() -> None:
    assert [str(address) for address in addresses(Settings())] == [
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8090",
        "127.0.0.1:1812 UDP",
        "127.0.0.1:1813 UDP",
        "http://127.0.0.1:9108",
    ]


@pytest.mark.parametrize(("scheme", "kind"), [("udp", socket.SOCK_DGRAM), ("http", socket.SOCK_STREAM)])
def test_a_port_that_somebody_else_has_is_named_with_its_setting(scheme: str, kind: int, free_port: int) -> None:
    address = Address("Portal", "127.0.0.1", free_port, scheme, "portal.port")
    refuse_taken((address,))
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", free_port))
        if kind == socket.SOCK_STREAM:
            other.listen()
        with pytest.raises(CommandError, match="CITYWIFI_PORTAL__PORT"):
            refuse_taken((address,))


def test_radsec_is_an_address_where_it_is_enabled(free_port: int) -> None:
    settings = Settings(radsec=RadSecSettings(enabled=True, port=free_port))
    assert [str(address) for address in radius_addresses(settings)] == [
        "127.0.0.1:1812 UDP",
        "127.0.0.1:1813 UDP",
        f"127.0.0.1:{free_port} TCP",
    ]


def test_a_port_that_somebody_would_share_is_found_taken(free_port: int) -> None:
    address = Address("RADIUS", "127.0.0.1", free_port, "udp", "radius.authentication_port")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", free_port))
        assert not address.is_free


def test_who_is_about_to_leave_is_waited_for(free_port: int) -> None:
    address = Address("RADIUS", "127.0.0.1", free_port, "udp", "radius.authentication_port")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", free_port))
        leaving = threading.Timer(0.2, other.close)
        leaving.start()
        refuse_taken((address,), patience_seconds=20)
        leaving.join()
