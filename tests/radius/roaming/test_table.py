"""Realms as they are in memory, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import home_servers, realms
from radius.roaming import metrics
from radius.roaming.table import Address, RealmDirectory
from radius.roaming.upstream import Upstreams
from tests.conftest import insert_council
from tests.radius.roaming.support import add_realm, add_server
from tests.support.freeradius import SECRET as HOME_SECRET


async def test_realms_are_read_with_their_servers_in_order(any_database: Database, keyring: Keyring) -> None:
    council_id = await insert_council(any_database)
    realm_id = await add_realm(any_database, council_id, "a.example")
    await add_server(any_database, keyring, realm_id, 1, priority=2)
    await add_server(any_database, keyring, realm_id, 2, priority=1, accounting_port=3)
    directory = RealmDirectory(any_database, keyring)
    await directory.refresh()
    realm = directory.table.find(council_id, "a.example")
    assert realm is not None
    assert [server.authentication.port for server in realm.servers] == [2, 1]
    assert [server.accounting.port if server.accounting else None for server in realm.servers] == [3, None]
    assert realm.servers[0].authentication.secret == HOME_SECRET
    assert {address.port for address in directory.addresses()} == {1, 2, 3}
    assert directory.table.find(council_id + 1, "a.example") is None


async def test_every_change_is_seen(any_database: Database, keyring: Keyring) -> None:
    council_id = await insert_council(any_database)
    directory = RealmDirectory(any_database, keyring)
    await directory.refresh()
    assert len(directory.table) == 0
    realm_id = await add_realm(any_database, council_id, "a.example")
    await directory.refresh()
    assert len(directory.table) == 1
    server_id = await add_server(any_database, keyring, realm_id, 1)
    await directory.refresh()
    assert len(directory.addresses()) == 1
    async with any_database.write() as connection:
        await connection.execute(delete(home_servers).where(home_servers.c.id == server_id))
    await directory.refresh()
    assert len(directory.addresses()) == 0
    async with any_database.write() as connection:
        await connection.execute(update(realms).values(name="b.example", updated_at=datetime.now(UTC)))
    await directory.refresh()
    assert directory.table.find(council_id, "b.example") is not None


@pytest.mark.parametrize("wrong", [{"transport": "pigeon"}, {"secret": b"of another key"}])
async def test_a_server_that_cannot_be_used_does_not_take_the_others_down(
    database: Database, keyring: Keyring, council_id: int, wrong: dict[str, object]
) -> None:
    realm_id = await add_realm(database, council_id, "a.example")
    other_keyring = Keyring(bytes(32)) if "secret" in wrong else keyring
    await add_server(database, other_keyring, realm_id, 1, **wrong)  # type: ignore[arg-type]  # one of the two
    await add_server(database, keyring, realm_id, 2)
    directory = RealmDirectory(database, keyring)
    await directory.refresh()
    assert {address.port for address in directory.addresses()} == {2}
    assert metrics.unusable_home_servers._value.get() == 1


async def test_accounting_goes_over_the_same_radsec_connection(
    database: Database, keyring: Keyring, council_id: int
) -> None:
    realm_id = await add_realm(database, council_id, "a.example")
    await add_server(
        database, keyring, realm_id, 2083, accounting_port=1, transport="radsec", radsec_name="radius.a.example"
    )
    directory = RealmDirectory(database, keyring)
    await directory.refresh()
    assert len(directory.addresses()) == 1


def test_an_address_shows_no_secret() -> None:
    address = Address("udp", "2001:db8::1", 1812, HOME_SECRET)
    assert address.name == "[2001:db8::1]:1812"
    assert HOME_SECRET.decode() not in repr(address)


class Silent:
    """An exchange that is closed or not."""

    def __init__(self) -> None:
        self.is_closed = False

    def restart(self) -> None: ...

    def close(self) -> None:
        self.is_closed = True


def test_a_server_that_no_realm_has_any_more_is_retired() -> None:
    made: dict[Address, Silent] = {}
    upstreams = Upstreams(lambda address: made.setdefault(address, Silent()), 1, 1)  # type: ignore[arg-type,return-value]
    first, second = (Address("udp", "192.0.2.1", port, HOME_SECRET) for port in (1, 2))
    upstreams.keep(frozenset({first, second}))
    assert metrics.home_server_state.labels("192.0.2.1:1", "alive")._value.get() == 1
    upstreams.keep(frozenset({second}))
    assert made[first].is_closed
    assert not made[second].is_closed
    assert metrics.home_server_state.labels("192.0.2.1:1", "alive")._value.get() == 0
