"""Whose packet is this?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import access_points, network_access_servers
from radius.accounting.sessions import SessionStore
from radius.nas import AccessPoint, NasDirectory, NasTable
from tests.radius.support import ACCESS_POINT, NAS, SECRET, build_city, insert

CITY = replace(NAS, id=1)
LIBRARY = replace(NAS, id=2)
SIX = replace(NAS, id=3)
TABLE = NasTable(
    [(ip_network("10.0.0.0/8"), CITY), (ip_network("10.1.2.0/24"), LIBRARY), (ip_network("2001:db8::/32"), SIX)],
    {(1, bytes.fromhex("001a2b3c4d5e")): AccessPoint(9, 4)},
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("10.200.0.1", CITY),
        ("10.1.2.3", LIBRARY),
        ("10.1.3.3", CITY),
        ("11.0.0.1", None),
        ("2001:db8:1::5", SIX),
        ("2001:db9::5", None),
        ("::ffff:10.1.2.3", LIBRARY),
        ("fe80::1%eth0", None),
    ],
)
def test_the_longest_prefix_of_the_source_address_decides(source: str, expected: object) -> None:
    assert TABLE.find(source) is expected
    assert TABLE.find(source) is expected  # from memory, too


def test_a_network_of_everything_is_the_last_resort() -> None:
    table = NasTable([(ip_network("0.0.0.0/0"), CITY), (ip_network("10.1.2.3/32"), LIBRARY)])
    assert table.find("192.0.2.1") is CITY
    assert table.find("10.1.2.3") is LIBRARY
    assert table.find("2001:db8::1") is None


@pytest.mark.parametrize("called", [ACCESS_POINT, f"{ACCESS_POINT}:CityWiFi", "001a.2b3c.4d5e"])
def test_an_access_point_is_known_by_any_spelling_of_its_address(called: str) -> None:
    assert TABLE.access_point(1, called) == AccessPoint(9, 4)


@pytest.mark.parametrize("called", [None, "", "hotspot1", "00-00-00-00-00-00"])
def test_a_called_station_that_is_no_known_access_point_is_none(called: str | None) -> None:
    assert TABLE.access_point(1, called) is None


def test_another_councils_access_point_is_not_ours() -> None:
    assert TABLE.access_point(2, ACCESS_POINT) is None


def test_a_secret_is_not_shown_where_the_server_is_printed() -> None:
    assert SECRET.decode() not in repr(NAS)


async def test_the_tables_are_read_with_their_secrets_opened(any_database: Database, keyring: Keyring) -> None:
    city = await build_city(any_database, keyring, networks=["192.0.2.0/24", "198.51.100.7/32"])
    equipment = NasDirectory(any_database, keyring)
    await equipment.refresh()
    found = equipment.table.find("192.0.2.200")
    assert found is not None
    assert (found.id, found.secrets, found.require_message_authenticator) == (city.nas_id, (SECRET,), True)
    assert equipment.table.access_point(city.council_id, ACCESS_POINT) == AccessPoint(
        city.access_point_id, city.venue_id
    )
    assert equipment.table.server_count == 2


async def test_nothing_is_read_again_while_nothing_changed(database: Database, keyring: Keyring) -> None:
    await build_city(database, keyring)
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    table = equipment.table
    await equipment.refresh()
    assert equipment.table is table


async def test_a_new_server_a_rotated_secret_and_a_removed_one_are_seen_at_the_next_refresh(
    database: Database, keyring: Keyring
) -> None:
    city = await build_city(database, keyring)
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    now = datetime.now(UTC) + timedelta(seconds=1)
    new_id = await insert(
        database,
        network_access_servers,
        council_id=city.council_id,
        name="new",
        network="203.0.113.0/24",
        secret_encrypted=keyring.encrypt("nas secret", b"new"),
        vendor="mikrotik",
        created_at=now,
        updated_at=now,
    )
    await equipment.refresh()
    assert equipment.table.find("203.0.113.9") is not None
    async with database.write() as connection:
        await connection.execute(
            update(network_access_servers)
            .where(network_access_servers.c.id == new_id)
            .values(secret_encrypted=keyring.encrypt("nas secret", b"rotated"), updated_at=now + timedelta(seconds=1))
        )
    await equipment.refresh()
    rotated = equipment.table.find("203.0.113.9")
    assert rotated is not None
    assert rotated.secrets == (b"rotated",)
    async with database.write() as connection:
        await connection.execute(network_access_servers.delete().where(network_access_servers.c.id == new_id))
    await equipment.refresh()
    assert equipment.table.find("203.0.113.9") is None


async def test_an_access_point_that_moves_to_another_venue_is_seen_at_the_next_refresh(
    database: Database, keyring: Keyring
) -> None:
    city = await build_city(database, keyring)
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    async with database.write() as connection:
        await connection.execute(update(access_points).values(venue_id=None))
    await equipment.refresh()
    assert equipment.table.access_point(city.council_id, ACCESS_POINT) == AccessPoint(city.access_point_id, None)


async def test_an_access_point_whose_address_was_mended_is_seen_at_the_next_refresh(
    database: Database, keyring: Keyring
) -> None:
    city = await build_city(database, keyring)
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    async with database.write() as connection:
        await connection.execute(update(access_points).values(mac_address="001a2b3c4d5f"))
    await equipment.refresh()
    assert equipment.table.access_point(city.council_id, ACCESS_POINT) is None
    found = equipment.table.access_point(city.council_id, "00-1A-2B-3C-4D-5F")
    assert found == AccessPoint(city.access_point_id, city.venue_id)


async def test_hearing_of_an_access_point_is_no_reason_to_read_the_tables_again(
    database: Database, keyring: Keyring
) -> None:
    city = await build_city(database, keyring)
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    table = equipment.table
    heard = {city.access_point_id: datetime.now(UTC)}
    async with database.direct.writing() as transaction:
        await SessionStore(database).note_heard(transaction, heard)
    await equipment.refresh()
    assert equipment.table is table


async def test_equipment_that_speaks_radsec_is_found_by_its_name_and_not_by_an_address(
    database: Database, keyring: Keyring
) -> None:
    city = await build_city(database, keyring)
    async with database.write() as connection:
        await connection.execute(update(network_access_servers).values(radsec_name="Gateway.Library.example"))
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    assert equipment.table.find("127.0.0.1") is None
    found = equipment.table.find_by_radsec_name(["other.example", "gateway.library.EXAMPLE"])
    assert found is not None
    assert found.id == city.nas_id
    assert equipment.table.find_by_radsec_name([]) is None
    assert equipment.table.find_by_radsec_name(["library.example"]) is None


def test_a_previous_secret_is_good_until_its_end() -> None:
    until = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    nas = replace(NAS, secrets=(b"new", b"old"), previous_secret_until=until)
    assert nas.secrets_at(until - timedelta(seconds=1)) == (b"new", b"old")
    assert nas.secrets_at(until) == (b"new",)
    assert NAS.secrets_at(until) == (SECRET,)


async def test_a_row_that_cannot_be_opened_does_not_take_the_others_down(database: Database, keyring: Keyring) -> None:
    city = await build_city(database, keyring)
    now = datetime.now(UTC)
    for name, network, sealed in (
        ("foreign", "203.0.113.0/24", Keyring(b"\x09" * 32).encrypt("nas secret", b"x")),
        ("nonsense", "not a network", keyring.encrypt("nas secret", b"x")),
    ):
        await insert(
            database,
            network_access_servers,
            council_id=city.council_id,
            name=name,
            network=network,
            secret_encrypted=sealed,
            vendor="other",
            created_at=now,
            updated_at=now,
        )
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    assert equipment.table.server_count == 1
    assert equipment.table.find("127.0.0.1") is not None


async def test_an_access_point_whose_address_is_none_does_not_take_the_others_down(
    database: Database, keyring: Keyring
) -> None:
    city = await build_city(database, keyring)
    owned = {"council_id": city.council_id, "nas_id": city.nas_id, "created_at": datetime.now(UTC)}
    await insert(database, access_points, **owned, name="mistyped", mac_address="lobby")
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    assert equipment.table.access_point_count == 1
