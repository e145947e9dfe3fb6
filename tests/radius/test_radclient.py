"""A real radclient against the running server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import access_points, accounting_sessions, one_time_tokens
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.support import (
    ACCESS_POINT,
    DEVICE,
    SECRET,
    TOKEN_NAME,
    City,
    add_token,
    rows,
)
from tests.support.peers import Peers

Radclient = Callable[..., Any]


@pytest.fixture
def radclient(peers: Peers, server: RadiusServer) -> Radclient:
    program = peers.require("radclient")

    async def run(kind: str, *attributes: str, port: Port = Port.AUTHENTICATION, secret: bytes = SECRET) -> str:
        """radclient's output; its last line tells the exit status."""
        host, number = server.transports[port].address
        process = await asyncio.create_subprocess_exec(
            program, "-x", "-t", "2", "-r", "2", f"{host}:{number}", kind, secret.decode(),
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


@pytest.mark.peer("radclient")
@pytest.mark.parametrize("password", ["password", "02-00-5e-00-53-01"])
async def test_radclient_authenticates_a_remembered_device_by_its_address(radclient: Radclient, password: str) -> None:
    output = await radclient(
        "auth",
        "User-Name = 02005e005301",
        f"User-Password = {password}",
        "Calling-Station-Id = 02-00-5E-00-53-01",
        SIGNED,
    )
    assert "Received Access-Accept" in output


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
