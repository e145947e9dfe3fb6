"""Two servers of ours on one PostgreSQL: what a NAS sends to the primary, then the secondary, is recorded once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, authentications, one_time_tokens
from radius.packet import Code
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.support import (
    DEVICE,
    TOKEN_NAME,
    City,
    Client,
    Values,
    access_request,
    accounting_request,
    add_token,
    build_city,
    rows,
    server_on,
)

PRIMARY, SECONDARY = 0, 1
# What equipment waits for an answer before it goes to the next server.
PATIENCE_SECONDS = 3


@dataclass
class Nas:
    """Access equipment that knows two servers; each packet has an identifier and an authenticator of its own."""

    servers: list[RadiusServer]
    ends: list[AsyncExitStack]
    keyring: Keyring
    _identifiers: Any = field(default_factory=lambda: count(1))

    async def account(self, server: int, values: Values) -> None:
        """Send a record, and see it answered."""
        with Client(self.servers[server], Port.ACCOUNTING) as client:
            reply = await client.ask(accounting_request(values, identifier=next(self._identifiers)))
        assert reply.code == Code.ACCOUNTING_RESPONSE

    async def account_after_silence(self, values: dict[str, Any]) -> None:
        """The primary's answer is lost, so the same record goes to the secondary, seconds older."""
        await self.account(PRIMARY, values)
        await self.account(SECONDARY, values | {"Acct-Delay-Time": PATIENCE_SECONDS})

    async def log_in(self, server: int) -> Code:
        """Ask for the device with its one-time password."""
        values = {
            "User-Name": TOKEN_NAME,
            "User-Password": self.keyring.one_time_password(TOKEN_NAME),
            "Calling-Station-Id": str(DEVICE),
        }
        with Client(self.servers[server], Port.AUTHENTICATION) as client:
            return (await client.ask(access_request(values, identifier=next(self._identifiers)))).code


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    opened = Database(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    return await build_city(database, keyring)


@pytest.fixture
async def nas(city: City, postgres_url: str, keyring: Keyring, tmp_path: Path) -> AsyncIterator[Nas]:
    """Its two servers share the database and the key, and nothing else."""
    assert city.nas_id
    async with AsyncExitStack() as one, AsyncExitStack() as two:
        servers = []
        for name, stack in (("one", one), ("two", two)):
            own = Database(postgres_url)
            stack.push_async_callback(own.close)
            servers.append(await stack.enter_async_context(server_on(own, keyring, tmp_path / name)))
        yield Nas(servers, [one, two], keyring)


def stamped(at: datetime, is_stamped: bool) -> dict[str, Any]:
    """Some equipment says when it happened (RFC 2869 section 5.3), and then always the same."""
    return {"Event-Timestamp": at} if is_stamped else {}


@pytest.mark.parametrize("is_stamped", [True, False], ids=["with Event-Timestamp", "without"])
async def test_a_session_whose_records_went_to_both_servers_is_one_with_right_totals(
    nas: Nas, database: Database, is_stamped: bool
) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=600)
    start = {"Acct-Status-Type": "Start"} | stamped(began, is_stamped)
    interim = {"Acct-Status-Type": "Interim-Update", "Acct-Session-Time": 300, "Acct-Input-Octets": 1000}
    interim |= {"Acct-Output-Octets": 50, "Acct-Output-Gigawords": 1} | stamped(
        began + timedelta(seconds=300), is_stamped
    )
    stop = {"Acct-Status-Type": "Stop", "Acct-Session-Time": 600, "Acct-Input-Octets": 3000, "Acct-Output-Octets": 70}
    stop |= {"Acct-Output-Gigawords": 1, "Acct-Terminate-Cause": "User-Request"}
    stop |= stamped(began + timedelta(seconds=600), is_stamped)
    delays = {"Acct-Delay-Time": 600}, {"Acct-Delay-Time": 300}
    await nas.account_after_silence(start | delays[0])
    await nas.account_after_silence(interim | delays[1])
    await nas.account_after_silence(stop)
    # One of them had waited in the primary's way all the time.
    await nas.account(PRIMARY, interim | {"Acct-Delay-Time": 302})
    (session,) = await rows(database, accounting_sessions)
    assert (session.ended_by, session.session_seconds, session.terminate_cause) == ("stop", 600, 1)
    assert (session.input_octets, session.output_octets) == (3000, (1 << 32) + 70)
    assert abs(session.started_at - began) < timedelta(seconds=2 * PATIENCE_SECONDS)
    assert abs(session.stopped_at - session.started_at - timedelta(seconds=600)) < timedelta(
        seconds=2 * PATIENCE_SECONDS
    )


async def test_first_records_that_reach_both_servers_at_the_same_moment_make_one_session(
    nas: Nas, database: Database
) -> None:
    for number in range(10):
        own = {"Acct-Session-Id": f"{number:04}"}
        await asyncio.gather(
            nas.account(PRIMARY, own | {"Acct-Status-Type": "Start"}),
            nas.account(SECONDARY, own | {"Acct-Status-Type": "Start", "Acct-Delay-Time": 1}),
            nas.account(SECONDARY, own | {"Acct-Status-Type": "Interim-Update", "Acct-Session-Time": 1}),
        )
    found = await rows(database, accounting_sessions)
    assert sorted(session.acct_session_id for session in found) == [f"{number:04}" for number in range(10)]


async def test_when_the_primary_is_gone_the_secondary_goes_on_with_its_sessions(nas: Nas, database: Database) -> None:
    await nas.account(PRIMARY, {"Acct-Status-Type": "Start", "Acct-Delay-Time": 60})
    await nas.ends[PRIMARY].aclose()
    await nas.account(SECONDARY, {"Acct-Status-Type": "Interim-Update", "Acct-Session-Time": 30, "Acct-Delay-Time": 30})
    await nas.account(SECONDARY, {"Acct-Status-Type": "Stop", "Acct-Session-Time": 60, "Acct-Input-Octets": 7})
    (session,) = await rows(database, accounting_sessions)
    assert (session.ended_by, session.session_seconds, session.input_octets) == ("stop", 60, 7)


async def test_a_restart_that_one_server_hears_of_ends_the_sessions_of_the_other(nas: Nas, database: Database) -> None:
    await nas.account(PRIMARY, {"Acct-Status-Type": "Start", "Acct-Delay-Time": 60})
    on = {"Acct-Status-Type": "Accounting-On", "Acct-Session-Id": None, "User-Name": None, "Calling-Station-Id": None}
    await nas.account(SECONDARY, on)
    (session,) = await rows(database, accounting_sessions)
    assert session.ended_by == "restart"


async def test_a_one_time_password_whose_answer_was_lost_is_taken_by_the_other_server_once(
    nas: Nas, database: Database, city: City
) -> None:
    await add_token(database, city)
    verdicts = [await nas.log_in(server) for server in (PRIMARY, SECONDARY, PRIMARY, SECONDARY)]
    assert verdicts == [Code.ACCESS_ACCEPT, Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_REJECT]
    (token,) = await rows(database, one_time_tokens)
    assert token.uses == 2
    assert len(await rows(database, authentications)) == 4
