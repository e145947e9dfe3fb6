"""Disconnect- and CoA-Requests to a dynamic authorisation port that others wrote: FreeRADIUS's.

It checks the Request Authenticator and Message-Authenticator, and refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from radius.dynamic_authorization import Result, change_session, disconnect_session
from tests.radius.equipment import add_session, is_made_by
from tests.radius.support import SECRET, build_city
from tests.support.freeradius import FreeRadius
from tests.support.peers import Peers
from tools.free_ports import free_ports

pytestmark = pytest.mark.peer("freeradius")

WAITS = (2.0, 2.0)
LIMITS = (("Session-Timeout", 1200), ("WISPr-Bandwidth-Max-Down", 2_000_000))
CONFIGURATION = """
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
pidfile = {folder}/radiusd.pid
proxy_requests = no
log {{
    destination = stdout
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
    require_message_authenticator = yes
}}
modules {{
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
    detail {{
        filename = {folder}/detail
        permissions = 0600
    }}
}}
server coa {{
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {port}
    }}
    recv-coa {{
        detail
        if (&Acct-Session-Id == "gone") {{
            update reply {{
                Error-Cause := Session-Context-Not-Found
            }}
            reject
        }}
        else {{
            ok
        }}
    }}
}}
"""


@pytest.fixture
def gateway(peers: Peers, tmp_path: Path) -> Iterator[tuple[int, FreeRadius]]:
    """Its port, and itself."""
    program = peers.require("freeradius")
    (port,) = free_ports(1)
    folder = tmp_path / "freeradius"
    folder.mkdir()
    text = CONFIGURATION.format(folder=folder, secret=SECRET.decode(), port=port)
    (folder / "radiusd.conf").write_text(text)
    with FreeRadius(program, folder, port, port).running() as running:
        yield port, running


async def test_it_understands_disconnect_and_coa_and_its_refusal_is_understood(
    gateway: tuple[int, FreeRadius], database: Database, keyring: Keyring
) -> None:
    port, peer = gateway
    city = await build_city(database, keyring)
    session_id = await add_session(database, city)
    gone_id = await add_session(database, city, session_key=b"g" * 16, acct_session_id="gone")
    await is_made_by(database, "coovachilli", port)
    ended = await disconnect_session(database, keyring, session_id, waits_seconds=WAITS)
    assert ended.result is Result.DISCONNECTED
    refused = await disconnect_session(database, keyring, gone_id, waits_seconds=WAITS)
    assert (refused.result, refused.error_cause) == (Result.REFUSED, 503)
    changed = await change_session(database, keyring, session_id, LIMITS, waits_seconds=WAITS)
    assert changed.result is Result.CHANGED
    told = peer.accounted()
    for line in (
        "Packet-Type = Disconnect-Request", "Packet-Type = CoA-Request", 'User-Name = "somebody"',
        'Acct-Session-Id = "5f3759df"', "Event-Timestamp = ", "Session-Timeout = 1200",
        "WISPr-Bandwidth-Max-Down = 2000000",
    ):  # fmt: skip
        assert line in told
