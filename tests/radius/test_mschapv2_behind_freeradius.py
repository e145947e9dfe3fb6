"""MS-CHAPv2 in RADIUS by real peers: a FreeRADIUS that ends the tunnels of eapol_test and asks us for the password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from foundation.certificates import Authority, make_authority
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import authentications, network_access_servers
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.support import SECRET, City, add_hashed_credential, rows, server_on
from tests.support.freeradius import FreeRadius
from tests.support.peers import Peers
from tools.free_ports import free_ports

pytestmark = [pytest.mark.peer("freeradius"), pytest.mark.peer("eapol_test")]

PASSWORD = "four-plain-words-here"
_FRONT_SECRET = "what eapol_test and FreeRADIUS share"
_SERVER_NAME = "front.example.org"
_CONFIGURATION = """
libdir = /usr/lib/freeradius
raddbdir = {folder}
run_dir = {folder}
logdir = {folder}
pidfile = {folder}/radiusd.pid
proxy_requests = yes
log {{
    destination = stdout
}}
security {{
    reject_delay = 0
}}
client localhost {{
    ipaddr = 127.0.0.1
    secret = "{front_secret}"
}}
proxy server {{
    default_fallback = no
}}
home_server citywifi {{
    type = auth
    ipaddr = 127.0.0.1
    port = {citywifi_port}
    secret = "{secret}"
    response_window = 5
    status_check = none
}}
home_server_pool citywifi {{
    home_server = citywifi
}}
realm citywifi {{
    auth_pool = citywifi
    nostrip
}}
modules {{
    mschap {{
    }}
    eap {{
        default_eap_type = peap
        tls-config common {{
            private_key_file = {folder}/server.key
            certificate_file = {folder}/server.pem
            ca_file = {folder}/ca.pem
            tls_min_version = "1.2"
            tls_max_version = "1.2"
            ecdh_curve = ""
        }}
        ttls {{
            tls = common
            default_eap_type = mschapv2
            virtual_server = inner
        }}
        peap {{
            tls = common
            default_eap_type = mschapv2
            proxy_tunneled_request_as_eap = no
            virtual_server = inner
        }}
        mschapv2 {{
        }}
    }}
}}
server front {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {authentication_port}
    }}
    authorize {{
        eap
    }}
    authenticate {{
        eap
    }}
    post-proxy {{
        eap
    }}
}}
server inner {{
    authorize {{
        update control {{
            &Proxy-To-Realm := "citywifi"
        }}
    }}
    authenticate {{
        # Never run; the module for EAP-MSCHAPv2 wants to see it.
        Auth-Type MS-CHAP {{
            mschap
        }}
        eap
    }}
    post-proxy {{
        eap
    }}
}}
"""


class Front(FreeRadius):
    """Ends the tunnels and has no residents of its own."""

    def configure(self, citywifi_port: int) -> None:
        """Write configuration and certificates."""
        self.folder.mkdir()
        text = _CONFIGURATION.format(
            folder=self.folder,
            front_secret=_FRONT_SECRET,
            secret=SECRET.decode(),
            citywifi_port=citywifi_port,
            authentication_port=self.authentication_port,
        )
        (self.folder / "radiusd.conf").write_text(text)
        now = datetime.now(UTC)
        authority = make_authority("Front", "", now)
        issued = Authority(authority).issue_server([_SERVER_NAME], now)
        (self.folder / "ca.pem").write_bytes(authority.certificate)
        (self.folder / "server.pem").write_bytes(issued.certificate)
        (self.folder / "server.key").write_bytes(issued.key)


@dataclass(frozen=True)
class Bench:
    """What stands between a supplicant and our server."""

    eapol_test: Path
    front: Front
    server: RadiusServer
    database: Database

    async def log_on(self, method: str, inner: str, password: str) -> tuple[int | None, str]:
        """eapol_test's exit status and output."""
        file = self.front.folder / f"{method}.conf"
        file.write_text(
            "network={\n key_mgmt=IEEE8021X\n eapol_flags=0\n"
            f' eap={method}\n phase2="{inner}"\n ca_cert="{self.front.folder}/ca.pem"\n'
            f' identity="anna"\n anonymous_identity="anonymous"\n password="{password}"\n}}\n'
        )
        process = await asyncio.create_subprocess_exec(
            self.eapol_test, "-t5", "-c", file, "-a", "127.0.0.1", "-p", str(self.front.authentication_port),
            "-s", _FRONT_SECRET,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode, output.decode(errors="replace")

    async def last_verdict(self) -> tuple[str, bool]:
        """What our log tells: method, and whether it was accepted."""
        await self.server.log.drain()
        line = (await rows(self.database, authentications))[-1]
        return line.method, line.accepted


@pytest.fixture
async def bench(peers: Peers, database: Database, keyring: Keyring, city: City, tmp_path: Path) -> AsyncIterator[Bench]:
    program, eapol_test = peers.require("freeradius"), peers.require("eapol_test")
    await add_hashed_credential(database, keyring, city, "anna", PASSWORD)
    async with database.write() as connection:
        # Debian's FreeRADIUS does not sign what it proxies without EAP.
        await connection.execute(update(network_access_servers).values(message_authenticator="auto"))
    async with server_on(database, keyring, tmp_path) as server:
        authentication_port, accounting_port = free_ports(2)
        front = Front(program, tmp_path / "front", authentication_port, accounting_port)
        front.configure(server.transports[Port.AUTHENTICATION].address[1])
        with front.running():
            yield Bench(eapol_test, front, server, database)


@pytest.mark.parametrize(("method", "inner"), [("TTLS", "auth=MSCHAPV2"), ("PEAP", "auth=MSCHAPV2")])
async def test_a_supplicant_behind_another_server_believes_our_success_and_our_failure(
    bench: Bench, method: str, inner: str
) -> None:
    status, output = await bench.log_on(method, inner, PASSWORD)
    assert "MPPE keys OK: 1  mismatch: 0" in output, output + (bench.front.folder / "radius.log").read_text()
    assert status == 0
    assert await bench.last_verdict() == ("mschapv2", True)
    status, output = await bench.log_on(method, inner, "wrong")
    assert status != 0
    assert await bench.last_verdict() == ("mschapv2", False)
