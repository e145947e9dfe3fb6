"""Tests that lay cables to equipment of their own do not get into each other's way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.network import ip, own_cable, require_namespaces
from tests.support.peers import Peers


@pytest.mark.peer("ip")
def test_two_cables_at_a_time_are_different(peers: Peers) -> None:
    peers.require("ip")
    with own_cable() as one, own_cable() as another:
        assert one.here != another.here
        assert one.namespace("nas") != another.namespace("nas")


@pytest.mark.peer("ip")
def test_what_a_test_that_was_killed_left_is_removed(peers: Peers) -> None:
    peers.require("ip")
    require_namespaces()
    with own_cable() as cable:
        namespace = cable.namespace("nas")
        ip("netns", "add", namespace)
        cable.lay(namespace, "uplink")
        # Its word tells that it is in there.
        command = ["ip", "netns", "exec", namespace, "sh", "-c", "echo here; exec sleep 60"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as left:
            assert left.stdout is not None
            left.stdout.readline()
            assert cable.here in addresses()

            cable.remove()

            assert left.wait(timeout=10) != 0
        assert cable.here not in addresses()
        assert not Path("/run/netns", namespace).exists()


def addresses() -> set[str]:
    """Of all interfaces of the test's own namespace."""
    told = subprocess.run(["ip", "-json", "address"], check=True, capture_output=True).stdout
    return {address["local"] for interface in json.loads(told) for address in interface["addr_info"]}
