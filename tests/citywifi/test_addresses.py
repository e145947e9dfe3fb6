from __future__ import annotations

import socket

import pytest

from citywifi.addresses import Address, addresses, refuse_taken
from citywifi.errors import CommandError
from foundation.settings import Settings


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
