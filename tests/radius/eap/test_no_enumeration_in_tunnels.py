"""Inside the tunnels, too, nobody can find out which user names there are: a refusal has its packets and lengths."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from tests.radius.eap.support import BEN, PASSWORD, EapBench, eap_bench, eapol_test
from tests.support.peers import Peers

pytestmark = pytest.mark.peer("eapol_test")

# Of the length of Ben's, whose NT hash is kept.
NOBODY = "bob"
# Packets before the tunnel stands; the length of the signature in them is chance.
_HANDSHAKE = 4


@pytest.fixture
async def bench(database: Database, keyring: Keyring, tmp_path: Path) -> AsyncIterator[EapBench]:
    async with eap_bench(database, keyring, tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("tunnel", "inner"),
    [
        ("PEAP", "auth=MSCHAPV2"),
        ("PEAP", "auth=GTC"),
        ("TTLS", "auth=PAP"),
        ("TTLS", "auth=CHAP"),
        ("TTLS", "auth=MSCHAPV2"),
        ("TTLS", "autheap=MSCHAPV2"),
        ("TTLS", "autheap=GTC"),
        ("TTLS", "autheap=MD5"),
    ],
)
async def test_an_unknown_name_and_a_wrong_password_look_the_same(
    peers: Peers, bench: EapBench, tunnel: str, inner: str
) -> None:
    program = peers.require("eapol_test")
    seen = []
    for name, password in ((BEN, "wrong-password"), (NOBODY, "wrong-password"), (NOBODY, PASSWORD)):
        network = {
            "eap": tunnel,
            "phase2": f'"{inner}"',
            "identity": f'"{name}"',
            "anonymous_identity": '"anonymous"',
            "password": f'"{password}"',
            "ca_cert": f'"{bench.certificates.folder}/ca.pem"',
        }
        status, output = await eapol_test(program, bench, network)
        assert status != 0
        line = await bench.last_line()
        assert not line.accepted
        received = re.findall(r"Received (\d+) bytes from RADIUS server", output)
        seen.append((len(received), received[_HANDSHAKE:]))
    assert seen[0][0] > _HANDSHAKE
    assert seen[0] == seen[1] == seen[2]
