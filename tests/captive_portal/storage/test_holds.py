"""A hold keeps what it is about from the retention job and from its resident's deletion, and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, update

from captive_portal.information_rights.holds import (
    LONGEST,
    LONGEST_SPAN,
    HeldDevice,
    HeldResident,
    HeldVenue,
    HoldError,
    Order,
    Subject,
    end_problems,
    problems,
)
from captive_portal.journey import Event, Journey
from captive_portal.registration import Entry, register
from captive_portal.storage import erasure, holds, journeys, my_data
from captive_portal.ways_in.ways import Way
from foundation.holds import active_holds
from foundation.mac_address import MacAddress
from foundation.retention_job import keep
from foundation.schema import (
    accounting_sessions,
    authentications,
    credentials,
    devices,
    held_records,
    one_time_tokens,
    residents,
)
from foundation.schema import holds as holds_table
from foundation.settings import RetentionSettings
from tests.captive_portal.conftest import City
from tests.captive_portal.test_registration import journey_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LONG_AFTER = NOW + timedelta(days=800)
ADDRESS = MacAddress.parse("00-00-5E-00-53-01")
ANN = "ann@example.org"
ORDER = Order("C-17", "Head of Legal Services", "threats sent from the library", LONG_AFTER + timedelta(days=1))


class Somebody:
    """A resident with everything that a hold is about."""

    def __init__(self, city: City, journey: Journey) -> None:
        self.city, self.journey = city, journey

    @property
    def number(self) -> int:
        assert self.journey.resident_id is not None
        return self.journey.resident_id


async def somebody(city: City, contact: str, address: MacAddress, at: datetime = NOW) -> Somebody:
    keyring = city.runtime.keyring
    arriving = journey_of(city, 1)
    pseudonym = keyring.device_pseudonym(city.council_id, address)
    async with city.database.write() as connection:
        details = replace(arriving.details, path_id=contact[:3] * 8)
        arriving = replace(arriving, mac_pseudonym=pseudonym, details=details)
        arriving = replace(arriving, id=await journeys.insert(connection, keyring, arriving, at))
        journey = await register(connection, city.runtime, arriving, Entry(Way.EMAIL, contact), Event.REGISTERED, at)
        await journeys.save(connection, keyring, journey, at)
        owner = {"council_id": city.council_id, "resident_id": journey.resident_id}
        device_id = journey.details.device_id
        await connection.execute(
            insert(one_time_tokens).values(
                **owner, device_id=device_id, nas_id=city.nas_id, user_name=f"t{contact}", created_at=at, expires_at=at
            )
        )
        await connection.execute(
            insert(credentials).values(**owner, user_name=f"calm-{contact}", created_at=at, revoked_at=at)
        )
        await connection.execute(
            insert(accounting_sessions).values(
                **owner, device_id=device_id, nas_id=city.nas_id, venue_id=city.venue_id,
                session_key=pseudonym, acct_session_id="1", user_name=f"t{contact}", calling_station_id=str(address),
                framed_ip_address="10.1.0.23", started_at=at, updated_at=at, received_at=at,
            )
        )  # fmt: skip
        for name in (str(address), f"t{contact}"):
            user = keyring.pseudonym("user", city.council_id, name.encode())
            await connection.execute(
                insert(authentications).values(
                    council_id=city.council_id, at=at, nas_id=city.nas_id, venue_id=city.venue_id, method="mac",
                    accepted=True, reason="", user_pseudonym=user, milliseconds=1.0,
                )
            )  # fmt: skip
    return Somebody(city, journey)


async def place(city: City, subject: Subject, order: Order = ORDER) -> int:
    async with city.database.write() as connection:
        return await holds.place(connection, city.runtime, city.council_id, order, subject, NOW)


async def count(city: City, table: Table) -> int:
    async with city.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def erase(city: City, person: Somebody, now: datetime = NOW) -> None:
    async with city.database.write() as connection:
        assert await erasure.erase(connection, city.runtime, person.journey, now) is not None


async def contents(city: City, hold: int, now: datetime = NOW) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    async with city.database.read() as connection:
        return await holds.contents(connection, city.runtime, hold, now)


SUBJECTS: dict[str, Any] = {
    "resident": lambda _city: HeldResident(ANN),
    "device": lambda _city: HeldDevice(ADDRESS),
    "venue": lambda city: HeldVenue(city.venue_id, NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
}


@pytest.mark.parametrize("kind", SUBJECTS)
async def test_the_job_deletes_and_clears_nothing_that_is_held_and_all_else(city: City, kind: str) -> None:
    await somebody(city, ANN, ADDRESS)
    await somebody(city, "bob@example.org", MacAddress.parse("00-00-5E-00-53-02"), NOW - timedelta(hours=2))
    await place(city, SUBJECTS[kind](city))
    await keep(city.database, RetentionSettings(), LONG_AFTER)
    for table in (residents, devices, accounting_sessions, one_time_tokens, credentials):
        assert await count(city, table) == 1, table.name
    async with city.database.read() as connection:
        session = (await connection.execute(select(accounting_sessions))).one()
        assert session.calling_station_id == str(ADDRESS)
        assert session.device_id is not None
    assert await count(city, authentications) == (1 if kind == "device" else 2)


async def test_a_session_that_is_nobodys_is_deleted_while_somebody_else_is_held(city: City) -> None:
    """Comparing nobody with somebody gives neither yes nor no."""
    await somebody(city, ANN, ADDRESS)
    await place(city, HeldResident(ANN))
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(resident_id=None, device_id=None, venue_id=None))
    await keep(city.database, RetentionSettings(), LONG_AFTER)
    assert await count(city, accounting_sessions) == 0


@pytest.mark.parametrize("kind", SUBJECTS)
async def test_a_resident_who_has_everything_deleted_is_gone_and_the_hold_has_it(city: City, kind: str) -> None:
    person = await somebody(city, ANN, ADDRESS)
    hold = await place(city, SUBJECTS[kind](city))
    await erase(city, person)
    for table in (residents, devices, one_time_tokens, credentials, authentications):
        assert await count(city, table) == 0, table.name
    _rows, [record] = await contents(city, hold)
    assert record["residents"][0]["contact"] == ANN
    assert record["accounting_sessions"][0]["calling_station_id"] == str(ADDRESS)
    assert len(record["devices"]) == len(record["one_time_tokens"]) == len(record["credentials"]) == 1
    assert "nt_hash_encrypted" not in record["credentials"][0]
    assert len(record["authentications"]) == (1 if kind == "device" else 2)
    async with city.database.read() as connection:
        [sealed] = (await connection.execute(select(held_records.c.rows_encrypted))).scalars()
    assert ANN.encode() not in sealed


async def test_of_somebody_who_is_not_held_nothing_is_put_aside(city: City) -> None:
    await somebody(city, ANN, ADDRESS)
    bob = await somebody(city, "bob@example.org", MacAddress.parse("00-00-5E-00-53-02"), NOW - timedelta(hours=2))
    for kind in SUBJECTS:
        await place(city, SUBJECTS[kind](city))
    await erase(city, bob)
    assert await count(city, held_records) == 0
    assert await count(city, residents) == 1


async def test_when_the_hold_ends_what_it_kept_is_deleted_by_the_job_and_the_hold_is_still_seen(city: City) -> None:
    person = await somebody(city, ANN, ADDRESS)
    hold = await place(city, HeldDevice(ADDRESS))
    await erase(city, person)
    async with city.database.write() as connection:
        await holds.move_end(connection, hold, NOW)
    assert await contents(city, hold) == ({}, [])
    assert (await keep(city.database, RetentionSettings(), NOW + timedelta(seconds=1)))["kept by a hold"] == 1
    async with city.database.read() as connection:
        [listed] = await holds.list_holds(connection, [city.council_id])
        assert await active_holds(connection, NOW) == ()
    assert (listed.case_number, listed.kind, listed.records, listed.is_active(NOW)) == ("C-17", "device", 0, False)


async def test_a_hold_ends_by_itself_and_then_the_job_goes_on(city: City) -> None:
    await somebody(city, ANN, ADDRESS)
    await place(city, HeldResident(ANN), Order("C-17", "Legal", "threats", NOW + timedelta(days=30)))
    await keep(city.database, RetentionSettings(), LONG_AFTER)
    assert await count(city, residents) == 0
    assert await count(city, holds_table) == 0


async def test_a_new_contact_does_not_lose_the_old_one_that_is_held(city: City) -> None:
    person = await somebody(city, ANN, ADDRESS)
    hold = await place(city, HeldResident(ANN))
    async with city.database.write() as connection:
        assert await my_data.set_contact(
            connection, city.runtime, city.council_id, person.number, "anna@example.org", "email", NOW
        )
    rows, [record] = await contents(city, hold)
    assert record["residents"][0]["contact"] == ANN
    assert rows["residents"][0]["contact"] == "anna@example.org"


async def test_who_is_not_registered_cannot_be_held(city: City) -> None:
    with pytest.raises(HoldError, match="nobody is registered"):
        await place(city, HeldResident("nobody@example.org"))
    with pytest.raises(HoldError, match="no such venue"):
        await place(city, HeldVenue(city.venue_id + 1, NOW - timedelta(hours=1), NOW))


async def test_another_councils_hold_holds_nothing_here(city: City) -> None:
    await somebody(city, ANN, ADDRESS)
    await place(city, HeldDevice(ADDRESS))
    async with city.database.read() as connection:
        assert await active_holds(connection, NOW, city.council_id + 1) == ()
        assert await holds.list_holds(connection, [city.council_id + 1]) == []


def test_a_hold_has_a_case_an_authoriser_a_reason_and_an_end() -> None:
    nothing = Order("", "", "", NOW)
    assert [name for name, _text in problems(nothing, None, NOW)] == ["case_number", "authoriser", "reason", "expires"]
    complete = Order("C-17", "Legal", "threats", NOW + LONGEST)
    assert problems(complete, None, NOW) == []
    assert end_problems(NOW + LONGEST + timedelta(seconds=1), NOW) != []


@pytest.mark.parametrize(
    ("begin", "end", "is_right"),
    [
        (NOW - timedelta(hours=2), NOW - timedelta(hours=1), True),
        (NOW - timedelta(hours=1), NOW - timedelta(hours=2), False),
        (NOW - timedelta(hours=1), NOW + timedelta(hours=1), False),
        (NOW - LONGEST_SPAN - timedelta(hours=1), NOW, False),
    ],
    ids=["past", "backwards", "to come", "too long"],
)
def test_a_venue_is_held_for_a_time_that_is_past_and_short(begin: datetime, end: datetime, is_right: bool) -> None:
    complete = Order("C-17", "Legal", "threats", NOW + LONGEST)
    assert (problems(complete, HeldVenue(1, begin, end), NOW) == []) is is_right


def test_nothing_personal_shows_in_a_traceback() -> None:
    assert ANN not in repr(HeldResident(ANN))
    assert str(ADDRESS) not in repr(HeldDevice(ADDRESS))
