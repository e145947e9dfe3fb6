"""A realm whose home servers are real FreeRADIUSes: its residents are served here, whatever befalls one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, authentications
from radius import attributes
from radius.attribute_values import Value
from radius.authentication.mschap import mppe_keys
from radius.authentication.stored_password import StoredPassword
from radius.authenticators import reveal_salted
from radius.packet import Code, encode_request
from radius.roaming.health import Health, State
from radius.roaming.table import Address
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.roaming.support import add_realm, add_server, roaming_server, until
from tests.radius.support import DEVICE, SECRET, City, Client, access_request, accounting_request, rows
from tests.support.freeradius import SECRET as HOME_SECRET
from tests.support.freeradius import FreeRadius
from tests.support.peers import Peers
from tools.free_ports import free_ports

REALM = "solihull.example"
VISITOR = f"visitor@{REALM}"
USERS = f"""
{VISITOR} Cleartext-Password := "visiting"
    Session-Timeout := 1800, Filter-Id := "everything", Tunnel-Private-Group-Id := "7", Class := "the home's class", \
Reply-Message := "Welcome", Chargeable-User-Identity := "known-to-solihull", User-Name := "{VISITOR}"
"""
THEIR_CLASS = b"the home's class"
_SIGNED = "Message-Authenticator = 0x00"

pytestmark = pytest.mark.peer("freeradius")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[FreeRadius]]:
    """Two servers of the realm."""
    folder = tmp_path_factory.mktemp("freeradius")
    ports = free_ports(4)
    program = Path("/usr/sbin/freeradius")
    if not program.exists():
        yield []
        return
    servers = [FreeRadius(program, folder / str(n), ports[2 * n], ports[2 * n + 1]) for n in range(2)]
    for server in servers:
        server.prepare(USERS, f"radius.{REALM}")
    with servers[0].running(), servers[1].running():
        yield servers


@pytest.fixture
async def server(
    peers: Peers, homes: list[FreeRadius], database: Database, keyring: Keyring, city: City, tmp_path: Path
) -> AsyncIterator[RadiusServer]:
    peers.require("freeradius")
    realm_id = await add_realm(database, city.council_id, REALM)
    for priority, home in enumerate(homes):
        await add_server(
            database,
            keyring,
            realm_id,
            home.authentication_port,
            accounting_port=home.accounting_port,
            priority=priority,
        )
    async with roaming_server(database, keyring, tmp_path, answer_seconds=0.5, status_seconds=1) as running_server:
        yield running_server


@pytest.fixture
def client(server: RadiusServer) -> Iterator[Client]:
    with Client(server, Port.AUTHENTICATION) as made:
        yield made


def health_of(server: RadiusServer, home: FreeRadius) -> Health:
    address = Address("udp", "127.0.0.1", home.authentication_port, HOME_SECRET)
    return server.roaming.upstreams.at(address).health


@pytest.mark.parametrize("proof", ["User-Password", "CHAP"])
async def test_a_guest_is_let_on_by_its_home_and_gets_our_policy(
    client: Client, homes: list[FreeRadius], database: Database, server: RadiusServer, proof: str
) -> None:
    reply = await client.ask(access_request({"User-Name": VISITOR, proof: "visiting"}))
    assert reply.code is Code.ACCESS_ACCEPT
    assert attributes.get_integer(reply, "Session-Timeout") == 1800
    assert attributes.get_octets(reply, "Chargeable-User-Identity") == b"known-to-solihull"
    assert attributes.get_text(reply, "Reply-Message") == "Welcome"
    assert attributes.get_text(reply, "User-Name") == VISITOR
    assert attributes.get_integer(reply, "WISPr-Bandwidth-Max-Down") == 10_000_000
    theirs, ours = attributes.get_all_octets(reply, "Class")
    assert theirs == THEIR_CLASS
    assert ours != theirs
    present = {number for number, _ in reply.attributes}
    assert not present & {11, 81}, "the home server chooses neither filter nor VLAN here"
    seen = homes[0].requested()
    assert 'Operator-Name = "1wifi.coventry.example"' in seen
    assert "Chargeable-User-Identity = 0x00" in seen
    assert "Proxy-State" in seen
    await server.log.drain()
    (line,) = await rows(database, authentications)
    assert line.accepted
    assert line.detail == f"realm {REALM}, home server 127.0.0.1:{homes[0].authentication_port}"


async def test_mschapv2_goes_through_with_its_proof_and_keys(client: Client) -> None:
    request = access_request({"User-Name": VISITOR, "MS-CHAPv2": "visiting"})
    reply = await client.ask(request)
    assert reply.code is Code.ACCESS_ACCEPT
    proof = attributes.get_octets(reply, "MS-CHAP2-Success")
    assert proof is not None
    assert proof[1:3] == b"S="
    nt_hash = StoredPassword.of(b"visiting").nt_hash
    response = attributes.get_octets(request, "MS-CHAP2-Response") or b""
    keys = mppe_keys(nt_hash, response[26:])
    for name, expected in (("MS-MPPE-Send-Key", keys.send), ("MS-MPPE-Recv-Key", keys.receive)):
        hidden = attributes.get_octets(reply, name) or b""
        assert reveal_salted(hidden, SECRET, request.authenticator) == expected


async def test_a_guest_with_a_wrong_password_is_kept_out(
    client: Client, database: Database, server: RadiusServer
) -> None:
    reply = await client.ask(access_request({"User-Name": VISITOR, "User-Password": "wrong"}))
    assert reply.code is Code.ACCESS_REJECT
    await server.log.drain()
    (line,) = await rows(database, authentications)
    assert (line.method, line.reason) == ("proxy/pap", "the realm's home server rejected it")


@pytest.mark.peer("eapol_test")
@pytest.mark.parametrize(
    "inner",
    ['eap=PEAP\nphase2="auth=MSCHAPV2"', 'eap=TTLS\nphase2="auth=PAP"', 'eap=TTLS\nphase2="auth=MSCHAPV2"'],
    ids=["peap-mschapv2", "ttls-pap", "ttls-mschapv2"],
)
async def test_eap_goes_through_with_matching_keys(
    peers: Peers, server: RadiusServer, homes: list[FreeRadius], tmp_path: Path, inner: str
) -> None:
    program = peers.require("eapol_test")
    file = tmp_path / "network.conf"
    file.write_text(
        'network={\nssid="roam"\nkey_mgmt=WPA-EAP\n'
        f'identity="{VISITOR}"\nanonymous_identity="anonymous@{REALM.upper()}"\npassword="visiting"\n'
        f'ca_cert="{homes[0].folder}/ca.pem"\n{inner}\n}}\n'
    )
    host, port = server.transports[Port.AUTHENTICATION].address
    process = await asyncio.create_subprocess_exec(
        program, "-t10", "-c", file, "-a", host, "-p", str(port), "-s", SECRET.decode(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-2000:]
    assert b"MPPE keys OK: 1  mismatch: 0" in output


async def test_accounting_is_stored_here_and_reaches_the_home(
    server: RadiusServer, homes: list[FreeRadius], database: Database, client: Client
) -> None:
    accepted = await client.ask(access_request({"User-Name": VISITOR, "User-Password": "visiting"}))
    classes = [("Class", value) for value in attributes.get_all_octets(accepted, "Class")]
    named = {"Acct-Session-Id": "guest-1", "User-Name": VISITOR, "Calling-Station-Id": str(DEVICE)}
    named["NAS-Identifier"] = "gateway"
    request = accounting_request({**named, "Acct-Status-Type": "Start"})
    with Client(server, Port.ACCOUNTING) as accounting:
        assert (await accounting.ask(request)).code is Code.ACCOUNTING_RESPONSE
        stop: dict[str, Value] = {**named, "Acct-Status-Type": "Stop", "Acct-Session-Time": 60}
        values = [*stop.items(), *classes]
        await accounting.ask(encode_request(Code.ACCOUNTING_REQUEST, 8, attributes.encode_all(values), SECRET))
    (row,) = await rows(database, accounting_sessions)
    assert (row.user_name, row.ended_by) == (VISITOR, "stop")
    await until(lambda: "Acct-Status-Type = Stop" in homes[0].accounted())
    told = homes[0].accounted()
    assert 'Acct-Session-Id = "guest-1"' in told
    # The home's own Class, in FreeRADIUS's hexadecimal; ours stays here.
    assert told.count("Class = ") == 1
    assert f"Class = 0x{THEIR_CLASS.hex()}" in told


@pytest.mark.slow
async def test_the_next_request_is_answered_within_the_nas_retry_when_a_home_server_falls_silent(
    client: Client, homes: list[FreeRadius], server: RadiusServer
) -> None:
    await until(lambda: health_of(server, homes[0]).knows_status)
    homes[0].freeze()
    try:
        began = time.monotonic()
        reply = await client.ask(access_request({"User-Name": VISITOR, "User-Password": "visiting"}), 3)
        assert reply.code is Code.ACCESS_ACCEPT
        assert time.monotonic() - began < 1.5
        await until(lambda: health_of(server, homes[0]).state is State.DOWN)
        began = time.monotonic()
        await client.ask(access_request({"User-Name": VISITOR, "User-Password": "visiting"}), 3)
        assert time.monotonic() - began < 0.4
    finally:
        homes[0].thaw()
    await until(lambda: health_of(server, homes[0]).state is State.ALIVE)


@pytest.mark.slow
@pytest.mark.peer("radclient")
async def test_a_dead_home_server_costs_no_time_and_comes_back_by_status_server(
    peers: Peers, homes: list[FreeRadius], server: RadiusServer
) -> None:
    program = peers.require("radclient")
    host, port = server.transports[Port.AUTHENTICATION].address

    async def ask() -> bytes:
        process = await asyncio.create_subprocess_exec(
            program, "-x", f"{host}:{port}", "auth", SECRET.decode(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        typed = f"User-Name = {VISITOR}\nUser-Password = visiting\n{_SIGNED}\n"
        output, _ = await process.communicate(typed.encode())
        return output

    await until(lambda: health_of(server, homes[0]).knows_status)
    homes[0].stop()
    try:
        began = time.monotonic()
        assert b"Access-Accept" in await ask()
        assert time.monotonic() - began < 3
        await until(lambda: health_of(server, homes[0]).state is State.DOWN)
    finally:
        homes[0].start()
    await until(lambda: health_of(server, homes[0]).state is State.ALIVE)
    assert b"Access-Accept" in await ask()
