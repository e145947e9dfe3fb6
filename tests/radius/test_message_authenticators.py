"""BlastRADIUS, by equipment: what ``auto`` lets pass, until when, and what is remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import network_access_servers
from radius import metrics
from radius.duplicates import DuplicateCache
from radius.nas import NasDirectory
from radius.packet import Attribute, Code, new_authenticator
from radius.service import Arrival, Port, Request, Service
from tests.radius.support import NOW, access_request, build_city
from tests.support.radius_octets import packet_octets

SOURCE = ("127.0.0.1", 50_000)


class Handler:
    async def handle(self, request: Request) -> tuple[Code, tuple[Attribute, ...]]:
        return Code.ACCESS_ACCEPT, ()


def service_of(equipment: NasDirectory) -> Service:
    return Service(Port.AUTHENTICATION, equipment, Handler(), DuplicateCache(keep_seconds=10), lambda: 1.0)


def admitted(service: Service, octets: bytes) -> bool:
    return isinstance(service.admit(octets, SOURCE, Arrival(NOW, 0.0)), Request)


def without(*more: Attribute) -> bytes:
    """An Access-Request as old equipment sends it."""
    return packet_octets(1, new_authenticator(), [(1, b"demo"), *more])


def with_it() -> bytes:
    return access_request({"User-Name": "demo"}).octets


def counted(mode: str, nas_id: int) -> float:
    return float(metrics.without_message_authenticator.labels(mode, str(nas_id))._value.get())


def discarded(reason: str) -> float:
    return float(metrics.discards.labels(Port.AUTHENTICATION, reason)._value.get())


@pytest.fixture
async def nas_id(database: Database, keyring: Keyring) -> int:
    """Equipment in the mode ``auto``."""
    nas_id = (await build_city(database, keyring)).nas_id
    await change(database, message_authenticator="auto")
    return nas_id


async def change(database: Database, **values: object) -> None:
    table = network_access_servers
    async with database.write() as connection:
        await connection.execute(update(table).values(updated_at=datetime.now(UTC), **values))


async def read(database: Database, keyring: Keyring) -> NasDirectory:
    equipment = NasDirectory(database, keyring)
    await equipment.refresh()
    return equipment


async def test_required_means_that_a_request_without_it_is_discarded_and_counted(
    database: Database, keyring: Keyring
) -> None:
    nas_id = (await build_city(database, keyring)).nas_id
    service = service_of(await read(database, keyring))
    before = counted("require", nas_id)
    assert not admitted(service, without())
    assert counted("require", nas_id) == before + 1
    assert admitted(service, with_it())


async def test_in_auto_requests_without_it_are_answered_and_counted(
    database: Database, keyring: Keyring, nas_id: int
) -> None:
    service = service_of(await read(database, keyring))
    before = counted("auto", nas_id)
    assert admitted(service, without())
    assert admitted(service, without())
    assert counted("auto", nas_id) == before + 2


async def test_in_auto_the_first_valid_one_makes_it_required_at_once(
    database: Database, keyring: Keyring, nas_id: int
) -> None:
    service = service_of(await read(database, keyring))
    assert admitted(service, without())
    assert admitted(service, with_it())
    before = discarded("message_authenticator_missing")
    assert not admitted(service, without())
    assert discarded("message_authenticator_missing") == before + 1


async def test_an_invalid_one_teaches_nothing(database: Database, keyring: Keyring, nas_id: int) -> None:
    service = service_of(await read(database, keyring))
    assert not admitted(service, access_request({"User-Name": "demo"}, secret=b"another secret").octets)
    assert admitted(service, without())


async def test_in_auto_proxy_state_without_it_is_discarded(database: Database, keyring: Keyring, nas_id: int) -> None:
    """BlastRADIUS hides its octets there (CVE-2024-3596)."""
    service = service_of(await read(database, keyring))
    before = discarded("proxy_state_without_message_authenticator")
    assert not admitted(service, without((33, bytes(200))))
    assert discarded("proxy_state_without_message_authenticator") == before + 1


async def test_eap_without_it_is_discarded_in_auto_too(database: Database, keyring: Keyring, nas_id: int) -> None:
    service = service_of(await read(database, keyring))
    assert not admitted(service, without((79, b"\x02\x00\x00\x05\x01")))


async def test_what_was_learnt_is_written_down_and_stands_after_a_restart(
    database: Database, keyring: Keyring, nas_id: int
) -> None:
    equipment = await read(database, keyring)
    service = service_of(equipment)
    assert admitted(service, with_it())
    await equipment.refresh()
    assert not admitted(service, without())
    nas = equipment.table.find("127.0.0.1")
    assert nas is not None
    assert nas.require_message_authenticator
    assert not admitted(service_of(await read(database, keyring)), without())


async def test_it_can_be_taken_back_for_equipment_that_was_replaced_by_older(
    database: Database, keyring: Keyring, nas_id: int
) -> None:
    equipment = await read(database, keyring)
    service = service_of(equipment)
    assert admitted(service, with_it())
    await equipment.refresh()
    await change(database, message_authenticator_seen_at=None)
    await equipment.refresh()
    assert admitted(service, without())


async def test_radsec_needs_none_and_teaches_nothing(database: Database, keyring: Keyring, nas_id: int) -> None:
    await change(database, radsec_name="ap.example", network=None, message_authenticator="auto")
    equipment = await read(database, keyring)
    nas = equipment.table.find_by_radsec_name(["AP.example"])
    assert nas is not None
    service = service_of(equipment)
    for octets in (with_it(), without(), without((33, b"proxy"))):
        assert isinstance(service.admit(octets, SOURCE, Arrival(NOW, 0.0), nas), Request)


async def test_a_previous_secret_is_good_until_its_end_without_the_table_being_read_again(
    database: Database, keyring: Keyring
) -> None:
    await build_city(database, keyring)
    until = datetime.now(UTC) + timedelta(hours=1)
    await change(
        database,
        previous_secret_encrypted=keyring.encrypt("nas secret", b"the one before"),
        previous_secret_until=until,
    )
    service = service_of(await read(database, keyring))
    old = access_request({"User-Name": "demo"}, secret=b"the one before")
    last = service.admit(old.octets, SOURCE, Arrival(until - timedelta(seconds=1), 0.0))
    assert isinstance(last, Request)
    assert last.secret == b"the one before"
    old = access_request({"User-Name": "demo"}, secret=b"the one before")
    assert service.admit(old.octets, SOURCE, Arrival(until, 0.0)) is None
    assert isinstance(service.admit(with_it(), SOURCE, Arrival(until, 0.0)), Request)
