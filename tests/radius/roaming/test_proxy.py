"""Requests of guests on their way through the running server, with home servers that misbehave on demand."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import accounting_sessions, authentications, home_servers
from radius import attributes
from radius.authenticators import reveal_password
from radius.authorization import make_class, read_class
from radius.packet import Attribute, Code, Packet
from radius.roaming import metrics
from radius.roaming.forwarding import marker_of
from radius.roaming.health import State
from radius.roaming.table import Address
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.roaming.support import Reply, ScriptedHome, add_realm, add_server, roaming_server, until
from tests.radius.support import (
    SECRET,
    City,
    Client,
    access_request,
    accounting_request,
    add_credential,
    build_city,
    rows,
)
from tests.support.freeradius import SECRET as HOME_SECRET
from tools.free_ports import free_ports

GUEST = "guest@a.example"
ANSWER_SECONDS = 0.3

pytestmark = pytest.mark.usefixtures("city")


@dataclass
class Setting:
    """A running server, its two home servers in their order, and a NAS."""

    server: RadiusServer
    homes: list[ScriptedHome]
    nas: Client
    database: Database

    async def ask(self, name: str = GUEST, *more: tuple[str, Any], identifier: int = 7) -> Packet:
        """The reply to a login."""
        values = [("User-Name", name), ("User-Password", "secret"), *more]
        return await self.nas.ask(access_request(values, identifier=identifier))

    def state(self, number: int) -> State:
        address = Address("udp", "127.0.0.1", self.homes[number].port, HOME_SECRET)
        return self.server.roaming.upstreams.at(address).health.state

    async def last_line(self) -> Any:
        await self.server.log.drain()
        return (await rows(self.database, authentications))[-1]


@pytest.fixture
async def setting(database: Database, keyring: Keyring, city: City, tmp_path: Path) -> AsyncIterator[Setting]:
    homes = [ScriptedHome(), ScriptedHome()]
    realm_id = await add_realm(database, city.council_id, "a.example")
    for priority, home in enumerate(homes):
        await add_server(database, keyring, realm_id, home.port, accounting_port=home.port, priority=priority)
    async with roaming_server(
        database, keyring, tmp_path,
        answer_seconds=ANSWER_SECONDS, status_seconds=1, own_realms=("wifi.coventry.example",),
    ) as server:  # fmt: skip
        with Client(server, Port.AUTHENTICATION) as nas:
            await until(lambda: all(home.probes for home in homes))
            yield Setting(server, homes, nas, database)
    for home in homes:
        home.close()


def silent(_: Packet) -> None:
    return None


def answering(code: Code, *given: Attribute) -> Callable[[Packet], Reply]:
    return lambda _: (code, given)


def drops(reason: str) -> float:
    return float(metrics.proxy_drops.labels(reason)._value.get())


async def test_the_password_reaches_the_home_server_and_no_other_one(setting: Setting) -> None:
    assert (await setting.ask()).code is Code.ACCESS_ACCEPT
    (request,) = setting.homes[0].requests
    hidden = attributes.get_octets(request, "User-Password")
    assert hidden is not None
    assert reveal_password(hidden, HOME_SECRET, request.authenticator) == b"secret"
    assert setting.homes[1].requests == []


async def test_the_nas_gets_its_own_proxy_states_and_not_ours(setting: Setting) -> None:
    reply = await setting.ask(GUEST, ("Proxy-State", b"one"), ("Proxy-State", b"two"))
    assert attributes.get_all_octets(reply, "Proxy-State") == [b"one", b"two"]
    assert len(attributes.get_all_octets(setting.homes[0].requests[0], "Proxy-State")) == 3


async def test_a_silent_server_is_followed_by_the_next_one_with_the_same_request(setting: Setting) -> None:
    setting.homes[0].answer = silent
    began = time.monotonic()
    assert (await setting.ask()).code is Code.ACCESS_ACCEPT
    assert ANSWER_SECONDS <= time.monotonic() - began < 3 * ANSWER_SECONDS
    first, second = setting.homes[0].requests[0], setting.homes[1].requests[0]
    assert attributes.get_text(first, "User-Name") == attributes.get_text(second, "User-Name") == GUEST
    assert first.authenticator != second.authenticator


async def test_a_server_that_is_only_slow_still_wins(setting: Setting) -> None:
    setting.homes[1].answer = silent
    setting.homes[0].answer = silent
    asking = asyncio.create_task(setting.ask())
    await until(lambda: bool(setting.homes[1].requests))
    setting.homes[0].reply(setting.homes[0].requests[0], (Code.ACCESS_ACCEPT, ()))
    assert (await asking).code is Code.ACCESS_ACCEPT
    assert setting.state(0) is State.ALIVE


async def test_silence_to_a_request_but_not_to_status_server_leaves_it_alive(setting: Setting) -> None:
    setting.homes[0].answer = silent
    await setting.ask()
    assert setting.state(0) is State.SUSPECTED
    await until(lambda: setting.state(0) is State.ALIVE)


async def test_a_realm_whose_servers_are_all_silent_ends_in_a_reject(setting: Setting) -> None:
    for home in setting.homes:
        home.answer, home.knows_status = silent, False
    assert (await setting.ask()).code is Code.ACCESS_REJECT
    line = await setting.last_line()
    assert (line.reason, line.detail) == ("no home server of the realm answered", "realm a.example")


async def test_a_closed_port_costs_no_time(setting: Setting) -> None:
    setting.homes[0].close()
    began = time.monotonic()
    assert (await setting.ask()).code is Code.ACCESS_ACCEPT
    assert time.monotonic() - began < ANSWER_SECONDS
    setting.homes[0] = ScriptedHome()


async def test_a_retransmission_of_the_nas_is_one_retransmission_upstream(setting: Setting) -> None:
    setting.homes[0].answer = silent
    request = access_request({"User-Name": GUEST, "User-Password": "secret"})
    setting.nas.send(request.octets)
    await until(lambda: len(setting.homes[0].requests) == 1)
    setting.homes[0].answer = answering(Code.ACCESS_ACCEPT)
    setting.nas.send(request.octets)
    assert (await setting.nas.receive())[0] == Code.ACCESS_ACCEPT
    first, second = setting.homes[0].requests
    assert first.octets == second.octets


async def test_a_conversation_stays_with_the_server_that_began_it(setting: Setting) -> None:
    setting.homes[0].answer = silent
    setting.homes[1].answer = answering(Code.ACCESS_CHALLENGE, (24, b"round two"), (79, b"\x01\x02\x00\x05\x19"))
    challenge = await setting.ask()
    assert challenge.code is Code.ACCESS_CHALLENGE
    assert attributes.get_octets(challenge, "State") == b"round two"
    await until(lambda: setting.state(0) is State.ALIVE)
    setting.homes[0].answer = answering(Code.ACCESS_REJECT)
    setting.homes[1].answer = answering(Code.ACCESS_ACCEPT)
    assert (await setting.ask(GUEST, ("State", b"round two"), identifier=8)).code is Code.ACCESS_ACCEPT


async def test_a_server_that_leaves_a_conversation_is_not_replaced_by_one_that_knows_nothing_of_it(
    setting: Setting,
) -> None:
    setting.homes[0].answer = answering(Code.ACCESS_CHALLENGE, (24, b"round two"))
    await setting.ask()
    setting.homes[0].answer = silent
    reply = await setting.ask(GUEST, ("State", b"round two"), ("EAP-Message", b"\x02\x09\x00\x05\x19"), identifier=8)
    assert reply.code is Code.ACCESS_REJECT
    assert attributes.get_octets(reply, "EAP-Message") == b"\x04\x09\x00\x04"
    assert setting.homes[1].requests == []


async def test_a_reply_that_is_not_signed_is_not_believed(setting: Setting) -> None:
    setting.homes[0].signs = False
    before = metrics.home_server_discards.labels("message_authenticator_missing")._value.get()
    assert (await setting.ask()).code is Code.ACCESS_ACCEPT
    assert len(setting.homes[1].requests) == 1
    assert metrics.home_server_discards.labels("message_authenticator_missing")._value.get() == before + 1


async def test_keys_that_do_not_open_let_nobody_on(setting: Setting) -> None:
    vendor = (311).to_bytes(4, "big") + b"\x10\x24" + bytes(34)
    setting.homes[0].answer = answering(Code.ACCESS_ACCEPT, (26, vendor))
    assert (await setting.ask()).code is Code.ACCESS_REJECT
    assert (await setting.last_line()).detail == f"realm a.example, home server 127.0.0.1:{setting.homes[0].port}"


async def test_a_conversation_with_a_server_that_was_removed_goes_to_the_others(
    setting: Setting, database: Database
) -> None:
    setting.homes[0].answer = answering(Code.ACCESS_CHALLENGE, (24, b"round two"))
    await setting.ask()
    async with database.write() as connection:
        await connection.execute(delete(home_servers).where(home_servers.c.port == setting.homes[0].port))
    await until(lambda: len(setting.server.roaming.realms.addresses()) == 1)
    await asyncio.sleep(0.3)  # until the next look at who is still in the table
    assert (await setting.ask(GUEST, ("State", b"round two"), identifier=8)).code is Code.ACCESS_ACCEPT
    assert len(setting.homes[1].requests) == 1


async def test_a_class_of_our_own_that_a_home_server_has_seen_makes_its_guest_nobody_of_ours(
    setting: Setting, keyring: Keyring, city: City
) -> None:
    stolen = make_class(keyring, city.resident_id, city.device_id)
    setting.homes[0].answer = answering(Code.ACCESS_ACCEPT, (25, stolen), (25, b"its own"))
    classes = attributes.get_all_octets(await setting.ask(), "Class")
    assert classes[0] == b"its own"
    assert read_class(keyring, classes) == (None, None)


async def test_a_nas_may_use_an_identifier_again_while_its_first_request_still_waits(setting: Setting) -> None:
    setting.homes[0].answer = silent
    for _ in range(2):
        setting.nas.send(access_request({"User-Name": GUEST, "User-Password": "x"}).octets)
    await until(lambda: len(setting.homes[0].requests) == 2)
    for request in setting.homes[0].requests:
        setting.homes[0].reply(request, (Code.ACCESS_ACCEPT, ()))
    for _ in range(2):
        assert (await setting.nas.receive())[0] == Code.ACCESS_ACCEPT
    setting.server.sample_metrics()
    assert metrics.in_flight._value.get() == 0


async def test_a_name_that_is_a_credential_of_ours_is_ours(
    setting: Setting, database: Database, keyring: Keyring, city: City
) -> None:
    await add_credential(database, keyring, city, GUEST, "secret")
    assert (await setting.ask()).code is Code.ACCESS_ACCEPT
    assert setting.homes[0].requests == []


async def test_our_own_realm_may_be_written_or_left_out(setting: Setting) -> None:
    for name in ("demo", "demo@wifi.coventry.example", "demo@WIFI.coventry.example"):
        request = access_request({"User-Name": name, "User-Password": "demo"})
        assert (await setting.nas.ask(request)).code is Code.ACCESS_ACCEPT


async def test_a_realm_that_nobody_serves_is_rejected_like_any_name_that_nobody_has(setting: Setting) -> None:
    unknown_realm = await setting.ask("somebody@b.example")
    line = await setting.last_line()
    assert line.reason == "the user name's realm is none that is served here"
    unknown_name = await setting.ask("somebody", identifier=8)
    assert unknown_realm.code is unknown_name.code is Code.ACCESS_REJECT
    assert unknown_realm.attributes[1:] == unknown_name.attributes[1:]


async def test_a_request_that_comes_back_is_rejected(setting: Setting, keyring: Keyring, city: City) -> None:
    before = drops("loop")
    reply = await setting.ask(GUEST, ("Proxy-State", marker_of(keyring, city.council_id)))
    assert reply.code is Code.ACCESS_REJECT
    assert setting.homes[0].requests == []
    assert (await setting.last_line()).reason.startswith("the request came back to us")
    assert drops("loop") == before + 1


async def test_changes_in_the_database_are_effective_within_a_second_or_so(
    setting: Setting, database: Database, keyring: Keyring, city: City
) -> None:
    home = ScriptedHome()
    realm_id = await add_realm(database, city.council_id, "c.example")
    await add_server(database, keyring, realm_id, home.port)
    await until(lambda: setting.server.roaming.realms.table.find(city.council_id, "c.example") is not None, 2.5)
    assert (await setting.ask("guest@c.example")).code is Code.ACCESS_ACCEPT
    assert len(home.requests) == 1
    home.close()


async def test_more_requests_than_may_wait_are_dropped_and_counted(
    database: Database, keyring: Keyring, city: City, tmp_path: Path
) -> None:
    home = ScriptedHome()
    home.answer = silent
    await add_server(database, keyring, await add_realm(database, city.council_id, "a.example"), home.port)
    before = drops("too_many_in_flight")
    async with roaming_server(database, keyring, tmp_path, answer_seconds=0.3, most_proxied=1) as server:
        with Client(server, Port.AUTHENTICATION) as nas:
            for identifier in (1, 2):
                values = {"User-Name": GUEST, "User-Password": "x"}
                nas.send(access_request(values, identifier=identifier).octets)
            await until(lambda: drops("too_many_in_flight") == before + 1)
            assert (await nas.receive())[1] == 1
    home.close()


async def test_accounting_waits_for_a_home_server_and_says_how_long(setting: Setting) -> None:
    for home in setting.homes:
        home.answer = silent
    with Client(setting.server, Port.ACCOUNTING) as nas:
        request = accounting_request({"Acct-Status-Type": "Start", "User-Name": GUEST})
        assert (await nas.ask(request, 1)).code is Code.ACCOUNTING_RESPONSE
    await until(lambda: bool(setting.homes[1].requests))
    for home in setting.homes:
        home.answer = answering(Code.ACCOUNTING_RESPONSE)
    before = metrics.forwarded.labels("a.example")._value.get()
    await until(lambda: metrics.forwarded.labels("a.example")._value.get() == before + 1)
    again = setting.homes[0].requests[-1]
    assert attributes.get_integer(again, "Acct-Delay-Time") == 1


async def test_accounting_that_comes_back_is_answered_and_not_stored_twice(
    setting: Setting, keyring: Keyring, city: City
) -> None:
    marker = marker_of(keyring, city.council_id)
    with Client(setting.server, Port.ACCOUNTING) as nas:
        request = accounting_request({"Acct-Status-Type": "Start", "User-Name": GUEST, "Proxy-State": marker})
        assert (await nas.ask(request)).code is Code.ACCOUNTING_RESPONSE
    assert await rows(setting.database, accounting_sessions) == []
    assert setting.homes[0].requests == []


async def test_our_own_residents_accounting_goes_nowhere(setting: Setting) -> None:
    with Client(setting.server, Port.ACCOUNTING) as nas:
        await nas.ask(accounting_request({"Acct-Status-Type": "Start", "User-Name": "demo@wifi.coventry.example"}))
    await asyncio.sleep(0.05)
    assert setting.homes[0].requests == []


async def test_two_servers_that_point_at_each_other_end_in_a_reject_quickly(
    database: Database, city: City, keyring: Keyring, tmp_path: Path, migrated_sqlite_file: Path
) -> None:
    other_folder, other_keyring = tmp_path / "other", Keyring(bytes(32))
    other_folder.mkdir()
    shutil.copy(migrated_sqlite_file, other_folder / "citywifi.sqlite3")
    other_database = Database(f"sqlite:///{other_folder / 'citywifi.sqlite3'}")
    other_city = await build_city(other_database, other_keyring)
    ports = free_ports(4)
    here = await add_realm(database, city.council_id, "*")
    there = await add_realm(other_database, other_city.council_id, "*")
    await add_server(database, keyring, here, ports[2], secret=SECRET)
    await add_server(other_database, other_keyring, there, ports[0], secret=SECRET)
    async with (
        roaming_server(database, keyring, tmp_path, ports=(ports[0], ports[1])) as server,
        roaming_server(other_database, other_keyring, other_folder, ports=(ports[2], ports[3])),
    ):
        began = time.monotonic()
        with Client(server, Port.AUTHENTICATION) as nas:
            reply = await nas.ask(access_request({"User-Name": "somebody@nowhere.example", "User-Password": "x"}))
        assert reply.code is Code.ACCESS_REJECT
        assert time.monotonic() - began < 1
    await other_database.close()
