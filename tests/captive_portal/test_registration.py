from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from captive_portal.journey import Details, Event, Journey, State
from captive_portal.registration import Entry, NotConsentedError, choose_terms, known_device, register
from captive_portal.storage import residents as storage
from captive_portal.storage.published_terms import publish, shorten_remembrance
from captive_portal.storage.residents import Terms
from captive_portal.ways_in.ways import Way
from foundation.schema import councils, devices, residents, terms_acceptances, terms_versions
from tests.captive_portal.conftest import City

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def journey_of(city: City, device: int, *, terms_id: int | None = 1, remember: bool = False) -> Journey:
    """A journey that has come to its registration."""
    return Journey(
        id=1,
        council_id=city.council_id,
        nas_id=city.nas_id,
        venue_id=city.venue_id,
        mac_pseudonym=device.to_bytes(16, "big"),
        resident_id=None,
        state=State.CHOOSE,
        language="cy",
        details=Details(
            path_id="a" * 24,
            driver="coovachilli",
            randomised=True,
            terms_id=terms_id,
            remember=remember,
            contact="ann@example.org",
        ),
        expires_at=NOW + timedelta(hours=1),
    )


async def registered(city: City, journey: Journey, contact: str | None, way: Way | None = None) -> Journey:
    entry = Entry(way or (Way.EMAIL if contact else Way.CLICK), contact)
    async with city.database.write() as connection:
        return await register(connection, city.runtime, journey, entry, Event.REGISTERED, NOW)


async def number_of_residents(city: City) -> int:
    async with city.database.read() as connection:
        return len((await connection.execute(select(residents.c.id))).all())


async def test_click_through_makes_a_resident_without_a_contact(city: City) -> None:
    after = await registered(city, journey_of(city, 1), None)
    async with city.database.read() as connection:
        resident = (await connection.execute(select(residents))).one()
        device = (await connection.execute(select(devices))).one()
        accepted = (await connection.execute(select(terms_acceptances))).one()
    assert (resident.contact_kind, resident.contact_encrypted, resident.contact_pseudonym) == ("none", None, None)
    assert (resident.language, resident.registered_venue_id) == ("cy", city.venue_id)
    assert (device.resident_id, device.randomised, device.remembered_until) == (resident.id, True, None)
    assert (accepted.terms_version_id, accepted.venue_id, accepted.accepted_at) == (1, city.venue_id, NOW)
    assert after.is_registered
    assert after.state is State.RELEASE
    assert after.details.contact is None


async def test_click_through_again_is_the_same_resident(city: City) -> None:
    first = await registered(city, journey_of(city, 1), None)
    second = await registered(city, journey_of(city, 1, remember=True), None)
    assert second.resident_id == first.resident_id
    async with city.database.read() as connection:
        remembered = (await connection.execute(select(devices.c.remembered_until))).scalar_one()
    assert remembered == NOW + timedelta(days=city.runtime.settings.portal.remembered_device_days)


async def test_an_email_address_finds_its_resident_on_another_device(city: City) -> None:
    first = await registered(city, journey_of(city, 1), "ann@example.org")
    second = await registered(city, journey_of(city, 2), " Ann@Example.org")
    assert second.resident_id == first.resident_id
    assert second.details.device_id != first.details.device_id


async def test_who_gives_an_address_after_click_through_stays_the_same_resident(city: City) -> None:
    first = await registered(city, journey_of(city, 1), None)
    second = await registered(city, journey_of(city, 1), "ann@example.org")
    assert second.resident_id == first.resident_id
    assert await number_of_residents(city) == 1
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents.c.contact_kind))).scalar_one() == "email"


async def test_a_device_that_changes_hands_goes_to_its_new_resident(city: City) -> None:
    ann = await registered(city, journey_of(city, 1), "ann@example.org")
    bob = await registered(city, journey_of(city, 1), "bob@example.org")
    assert bob.resident_id != ann.resident_id
    assert bob.details.device_id == ann.details.device_id
    assert await number_of_residents(city) == 2


async def test_nobody_registers_without_accepting_terms(city: City) -> None:
    with pytest.raises(NotConsentedError):
        await registered(city, journey_of(city, 1, terms_id=None), None)
    assert await number_of_residents(city) == 0


async def test_a_known_device_may_be_released_while_its_terms_are_current(city: City) -> None:
    await registered(city, journey_of(city, 1), None)
    async with city.database.read() as connection:
        known, may_release = await known_device(connection, journey_of(city, 1), NOW)
        assert known.is_registered
        assert may_release
        stranger, may_release = await known_device(connection, journey_of(city, 2), NOW)
        assert not stranger.is_registered
        assert not may_release


async def test_a_better_wording_asks_nobody_again_and_a_material_change_does(city: City) -> None:
    await registered(city, journey_of(city, 1), None)
    async with city.database.write() as connection:
        await publish(connection, city.council_id, {"en": "Be very kind"}, is_material=False, now=NOW)
        reworded, may_release = await known_device(connection, journey_of(city, 1), NOW)
        assert (may_release, reworded.details.terms_changed) == (True, False)
        await publish(connection, city.council_id, {"en": "Be kind, and pay"}, is_material=True, now=NOW)
        await publish(connection, city.council_id, {"en": "Be kind and pay"}, is_material=False, now=NOW)
        changed, may_release = await known_device(connection, journey_of(city, 1), NOW)
        assert (may_release, changed.details.terms_changed) == (False, True)
        assert changed.is_registered
        newest = max(text.id for text in await storage.current_terms(connection, city.council_id))
    after = await registered(city, journey_of(city, 1, terms_id=newest), None)
    assert not after.details.terms_changed
    async with city.database.read() as connection:
        assert (await known_device(connection, journey_of(city, 1), NOW))[1] is True


async def test_a_councils_first_terms_are_asked_for_whatever_was_said(city: City) -> None:
    async with city.database.write() as connection:
        added = councils.insert().values(code="E08000025", name="Birmingham", created_at=NOW).returning(councils.c.id)
        other = (await connection.execute(added)).scalar_one()
        assert await publish(connection, other, {"en": "Be kind"}, is_material=False, now=NOW) == 1
        first = select(terms_versions.c.is_material).where(terms_versions.c.council_id == other)
        assert (await connection.execute(first)).scalar_one() is True


async def test_no_device_is_remembered_beyond_the_day_from_which_all_are_asked(city: City) -> None:
    for number in (1, 2):
        await registered(city, journey_of(city, number, remember=number == 1), None)
    day = NOW + timedelta(days=14)
    assert await shorten_remembrance(city.database, city.council_id, day) == 1
    assert await shorten_remembrance(city.database, city.council_id, day) == 0
    async with city.database.read() as connection:
        assert set((await connection.execute(select(devices.c.remembered_until))).scalars()) == {day, None}


def test_terms_are_shown_in_the_residents_language_where_there_is_one() -> None:
    english, welsh = Terms(1, 1, "en", "Be kind"), Terms(2, 1, "cy", "Byddwch yn garedig")
    assert choose_terms([english, welsh], "cy") is welsh
    assert choose_terms([english], "cy") is english
    assert choose_terms([welsh], "pl") is welsh
    assert choose_terms([], "en") is None
