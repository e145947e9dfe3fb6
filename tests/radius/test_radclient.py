"""A real radclient against the running server."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Callable
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import access_points, accounting_sessions, authentications, one_time_tokens
from radius.packet import Code
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.support import (
    ACCESS_POINT,
    DEVICE,
    SECRET,
    TOKEN_NAME,
    City,
    add_hashed_credential,
    add_token,
    rows,
)
from tests.support.peers import Peers
from tests.support.relay import Relay, relay

Radclient = Callable[..., Any]


@pytest.fixture
def radclient(peers: Peers, server: RadiusServer) -> Radclient:
    program = peers.require("radclient")

    async def run(
        kind: str, *attributes: str, port: Port = Port.AUTHENTICATION, via: Relay | None = None, options: str = ""
    ) -> str:
        """radclient's output; its last line tells the exit status. An empty line begins another request."""
        host, number = via.address if via else server.transports[port].address
        process = await asyncio.create_subprocess_exec(
            program, "-x", "-t", "2", "-r", "2", *options.split(), f"{host}:{number}", kind, SECRET.decode(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate("\n".join(attributes).encode() + b"\n")
        return f"{output.decode()}\nexit {process.returncode}"

    return run


SIGNED = "Message-Authenticator = 0x00"


@pytest.mark.peer("radclient")
@pytest.mark.parametrize("proof", ["User-Password", "CHAP-Password"])
async def test_radclient_authenticates_by_pap_and_chap(radclient: Radclient, proof: str) -> None:
    output = await radclient("auth", "User-Name = demo", f"{proof} = demo", SIGNED)
    assert "Received Access-Accept" in output
    assert "Session-Timeout = 14400" in output
    assert "WISPr-Bandwidth-Max-Down = 10000000" in output
    assert output.endswith("exit 0")
    wrong = await radclient("auth", "User-Name = demo", f"{proof} = wrong", SIGNED)
    assert "Received Access-Reject" in wrong


SPELLINGS = [
    "02-00-5E-00-53-01",
    "02:00:5e:00:53:01",
    "02005e005301",
    "0200.5e00.5301",
    "0200-5E00-5301",
    "02005E-005301",
]


@pytest.mark.peer("radclient")
@pytest.mark.parametrize("proof", ["User-Password", "CHAP-Password"])
async def test_radclient_authenticates_a_remembered_device_in_six_spellings_and_both_styles_of_password(
    radclient: Radclient, proof: str
) -> None:
    cases = [(name, password) for name in SPELLINGS for password in (name, "password")]
    requests = [
        line
        for name, password in cases
        for line in (
            f'User-Name = "{name}"',
            f'{proof} = "{password}"',
            f'Calling-Station-Id = "{name}"',
            SIGNED,
            "",
        )
    ]
    output = await radclient("auth", *requests)
    assert output.count("Received Access-Accept") == len(cases) == 12
    assert output.endswith("exit 0")


@pytest.mark.peer("radclient")
async def test_radclient_authenticates_by_mschapv2_with_the_rfcs_own_numbers(
    radclient: Radclient, database: Database, keyring: Keyring, city: City
) -> None:
    # RFC 2759 section 9.2 and RFC 3079 section 3.5.3; radclient reveals the key itself.
    await add_hashed_credential(database, keyring, city, "User", "clientPass")
    response = (
        "0x0700" "21402324255e262a28295f2b3a337c7e" "0000000000000000"
        "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"
    )  # fmt: skip
    request = [
        "User-Name = User",
        "MS-CHAP-Challenge = 0x5b5d7c7d7b3f2f3e3c2c602132262628",
        f"MS-CHAP2-Response = {response}",
        SIGNED,
    ]
    output = await radclient("auth", *request)
    assert "Received Access-Accept" in output
    digits = b"407A5589115FD0D6209F510FE9C04566932CDA56"
    assert f"MS-CHAP2-Success = 0x07{(b'S=' + digits).hex()}" in output
    assert "MS-MPPE-Send-Key = 0x8b7cdc149b993a1ba118cb153f56dccb" in output
    assert re.search("MS-MPPE-Recv-Key = 0x[0-9a-f]{32}\n", output)
    request[0] = "User-Name = user"
    wrong = await radclient("auth", *request)
    assert "Received Access-Reject" in wrong
    # Of the identifier in front radclient knows that it is none of the text.
    assert re.search(r'MS-CHAP-Error = "\\007E=691 R=0 C=[0-9A-F]{32} V=3 M=', wrong)


@pytest.mark.peer("radclient")
async def test_the_first_version_of_mschap_is_rejected_with_its_name_in_the_log(
    radclient: Radclient, server: RadiusServer, database: Database
) -> None:
    output = await radclient("auth", "User-Name = demo", "MS-CHAP-Password = demo", SIGNED)
    assert "Received Access-Reject" in output
    await server.log.drain()
    (line,) = await rows(database, authentications)
    assert "MS-CHAPv1 is not offered" in line.reason


@pytest.mark.peer("radclient")
async def test_radclient_authenticates_with_a_one_time_password(
    radclient: Radclient, database: Database, keyring: Keyring, city: City
) -> None:
    await add_token(database, city)
    output = await radclient(
        "auth",
        f"User-Name = {TOKEN_NAME}",
        f"CHAP-Password = {keyring.one_time_password(TOKEN_NAME)}",
        f"Calling-Station-Id = {DEVICE}",
        SIGNED,
    )
    assert "Received Access-Accept" in output
    (token,) = await rows(database, one_time_tokens)
    assert token.uses == 1


@pytest.mark.peer("radclient")
async def test_radclient_accounts_a_session(radclient: Radclient, database: Database, city: City) -> None:
    names = [
        "Acct-Session-Id = 5f3759df",
        f"Calling-Station-Id = {DEVICE}",
        f'Called-Station-Id = "{ACCESS_POINT}:CityWiFi"',
        "Framed-IP-Address = 10.0.0.5",
    ]
    for status in (
        ["Acct-Status-Type = Start"],
        ["Acct-Status-Type = Interim-Update", "Acct-Session-Time = 60", "Acct-Input-Octets = 10"],
        [
            "Acct-Status-Type = Stop",
            "Acct-Session-Time = 90",
            "Acct-Output-Octets = 5",
            "Acct-Output-Gigawords = 1",
            "Acct-Terminate-Cause = Idle-Timeout",
        ],
    ):
        output = await radclient("acct", *names, *status, port=Port.ACCOUNTING)
        assert "Received Accounting-Response" in output
        assert output.endswith("exit 0")
    (row,) = await rows(database, accounting_sessions)
    assert (row.session_seconds, row.input_octets, row.output_octets) == (90, 10, 2**32 + 5)
    assert (row.ended_by, row.terminate_cause, row.venue_id) == ("stop", 4, city.venue_id)
    assert (row.network_name, row.framed_ip_address) == ("CityWiFi", "10.0.0.5")
    (point,) = await rows(database, access_points)
    assert point.last_heard_at is not None


@pytest.mark.peer("radclient")
@pytest.mark.parametrize("port", list(Port))
async def test_radclient_gets_the_servers_status_on_both_ports(radclient: Radclient, port: Port) -> None:
    output = await radclient("status", SIGNED, port=port)
    assert output.endswith("exit 0")


@pytest.mark.peer("radclient")
async def test_radclient_gets_its_proxy_states_back_in_their_order(radclient: Radclient) -> None:
    states = ["0x0203", "0x01", "0x0203ff"]
    lines = [f"Proxy-State = {state}" for state in states]
    for password, verdict in (("demo", "Accept"), ("wrong", "Reject")):
        output = await radclient("auth", "User-Name = demo", f"User-Password = {password}", *lines, SIGNED)
        _, received = output.split(f"Received Access-{verdict}")
        assert re.findall(r"Proxy-State = (0x[0-9a-f]+)", received) == states


@pytest.mark.peer("radclient")
async def test_a_request_that_comes_twice_gets_the_same_octets_and_counts_once(
    radclient: Radclient, server: RadiusServer, database: Database
) -> None:
    async with relay(server.transports[Port.AUTHENTICATION].address, copies=3) as doubling:
        output = await radclient("auth", "User-Name = demo", "User-Password = demo", SIGNED, via=doubling)
    assert output.endswith("exit 0")
    assert (len(doubling.requests), len(doubling.replies), len(set(doubling.replies))) == (1, 3, 1)
    async with relay(server.transports[Port.ACCOUNTING].address, copies=3) as doubling:
        session = ["Acct-Status-Type = Start", "Acct-Session-Id = 5f3759df"]
        output = await radclient("acct", *session, via=doubling)
    assert output.endswith("exit 0")
    assert (len(doubling.requests), len(doubling.replies), len(set(doubling.replies))) == (1, 3, 1)
    await server.log.drain()
    assert len(await rows(database, authentications)) == 1
    assert len(await rows(database, accounting_sessions)) == 1


@pytest.mark.peer("radclient")
async def test_the_same_identifier_with_a_new_authenticator_is_a_new_request(
    radclient: Radclient, server: RadiusServer, database: Database
) -> None:
    # There are 256 identifiers, so that at least one of 257 requests has that of an earlier one.
    async with relay(server.transports[Port.AUTHENTICATION].address) as one_port:
        output = await radclient(
            "auth", "User-Name = demo", "User-Password = demo", SIGNED, via=one_port, options="-c 257"
        )
    assert output.count("Received Access-Accept") == 257
    assert len({octets[1] for octets in one_port.requests}) < 257
    assert len({octets[4:20] for octets in one_port.requests}) == len(set(one_port.replies)) == 257
    await server.log.drain()
    assert len(await rows(database, authentications)) == 257


@pytest.mark.peer("radclient")
async def test_every_reply_to_an_access_request_or_status_server_begins_with_message_authenticator(
    radclient: Radclient, server: RadiusServer
) -> None:
    async with relay(server.transports[Port.AUTHENTICATION].address) as watched:
        for password in ("demo", "wrong"):
            await radclient("auth", "User-Name = demo", f"User-Password = {password}", SIGNED, via=watched)
        await radclient("status", SIGNED, via=watched)
    assert [reply[0] for reply in watched.replies] == [Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_ACCEPT]
    for request, reply in zip(watched.requests, watched.replies, strict=True):
        assert reply[20:22] == bytes((80, 18))
        # RFC 3579 section 3.2, computed by hand: over the reply with the request's authenticator and sixteen zeros.
        signed = reply[:4] + request[4:20] + reply[20:22] + bytes(16) + reply[38:]
        assert hmac.digest(SECRET, signed, "md5") == reply[22:38]
