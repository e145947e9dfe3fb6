"""A real FreeRADIUS as a RadSec peer: it brings requests, and takes Disconnect and CoA over the same connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions
from radius.dynamic_authorization import Result, change_session, disconnect_session
from radius.server import RadiusServer
from tests.radius.support import City, rows
from tests.radius.transport.support import NAME, Certificates, add_equipment, address_of
from tests.support.freeradius import FreeRadius
from tests.support.peers import Peers
from tools.free_ports import free_ports

pytestmark = [pytest.mark.peer("freeradius"), pytest.mark.peer("radclient")]

SECRET = "between client and proxy"
LIMITS = (("Session-Timeout", 1200), ("WISPr-Bandwidth-Max-Down", 2_000_000))
CONFIGURATION = """
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
pidfile = {folder}/radiusd.pid
proxy_requests = yes
log {{
    destination = stdout
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = "{secret}"
}}
proxy server {{
    default_fallback = no
}}
home_server city {{
    type = auth+acct+coa
    ipaddr = 127.0.0.1
    port = {radsec}
    proto = tcp
    secret = radsec
    status_check = status-server
    recv_coa {{
        virtual_server = coa
    }}
    tls {{
        certificate_file = {certificate}
        private_key_file = {key}
        ca_file = {authority}
        tls_min_version = "1.2"
        tls_max_version = "1.2"
        ecdh_curve = ""
    }}
}}
home_server_pool city {{
    home_server = city
}}
realm city {{
    auth_pool = city
    acct_pool = city
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
server equipment {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {authentication}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {accounting}
    }}
    authorize {{
        update control {{
            Proxy-To-Realm := "city"
        }}
    }}
    preacct {{
        update control {{
            Proxy-To-Realm := "city"
        }}
    }}
}}
server coa {{
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
async def nas_id(database: Database, keyring: Keyring, city: City) -> int:
    """Equipment that takes new limits."""
    return await add_equipment(database, keyring, city, vendor="coovachilli")


@pytest.fixture
async def proxy(
    peers: Peers, radsec: RadiusServer, certificates: Certificates, tmp_path: Path
) -> AsyncIterator[FreeRadius]:
    """FreeRADIUS with a certificate of ours."""
    program = peers.require("freeradius")
    authentication, accounting = free_ports(2)
    folder = tmp_path / "freeradius"
    folder.mkdir()
    certificate = certificates.equipment()
    text = CONFIGURATION.format(
        folder=folder, secret=SECRET, radsec=address_of(radsec)[1], authentication=authentication,
        accounting=accounting, certificate=certificate, key=certificate.with_suffix(".key"),
        authority=certificates.directory / "ca.pem",
    )  # fmt: skip
    (folder / "radiusd.conf").write_text(text)
    made = FreeRadius(program, folder, authentication, accounting)
    # In a thread: while it starts, our server answers it.
    await asyncio.to_thread(made.start)
    yield made
    made.stop()


async def test_requests_come_in_and_disconnect_and_coa_go_back_the_same_way(
    peers: Peers, proxy: FreeRadius, radsec: RadiusServer, database: Database, keyring: Keyring, nas_id: int
) -> None:
    program = peers.require("radclient")

    async def ask(port: int, kind: str, *attributes: str) -> str:
        process = await asyncio.create_subprocess_exec(
            program, "-x", "-t", "2", "-r", "4", f"127.0.0.1:{port}", kind, SECRET,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate("\n".join(attributes).encode() + b"\n")
        return output.decode()

    login = await ask(proxy.authentication_port, "auth", "User-Name = demo", "User-Password = demo")
    assert "Received Access-Accept" in login
    for name in ("here", "gone"):
        session = ["User-Name = demo", f"Acct-Session-Id = {name}", "Acct-Status-Type = Start"]
        assert "Received Accounting-Response" in await ask(proxy.accounting_port, "acct", *session)
    here, gone = await rows(database, accounting_sessions)
    assert here.nas_id == gone.nas_id == nas_id
    changed = await change_session(database, keyring, here.id, LIMITS)
    assert changed.result is Result.CHANGED
    ended = await disconnect_session(database, keyring, here.id)
    assert ended.result is Result.DISCONNECTED
    refused = await disconnect_session(database, keyring, gone.id)
    assert (refused.result, refused.error_cause) == (Result.REFUSED, 503)
    told = proxy.accounted()
    for line in (
        "Packet-Type = CoA-Request", "Packet-Type = Disconnect-Request", 'User-Name = "demo"',
        'Acct-Session-Id = "here"', "Session-Timeout = 1200", "WISPr-Bandwidth-Max-Down = 2000000",
    ):  # fmt: skip
        assert line in told
    assert radsec.radsec is not None
    assert {connection.peer.names for connection in radsec.radsec._connections} == {(NAME,)}
