"""What the open API asks the database, on both kinds of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from captive_portal.journey import Details, Journey, State
from captive_portal.storage import api_keys, journeys, resident_tokens, sessions_of_council, venues
from captive_portal.storage.api_keys import KeyNotMadeError, NewKey, Scope
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import resident_tokens as tokens_table
from foundation.schema import residents
from foundation.settings import Settings
from tests.captive_portal.conftest import City, build_city
from tests.conftest import insert_council

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def any_city(any_database: Database, keyring: Keyring, tmp_path: Path) -> City:
    settings = Settings(demo=True, data_directory=tmp_path)
    return await build_city(Runtime(settings, any_database, keyring), await insert_council(any_database))


async def register(city: City) -> Journey:
    """A resident with a journey."""
    person = {"council_id": city.council_id, "contact_kind": "none", "registered_at": NOW, "last_seen_at": NOW}
    async with city.database.write() as connection:
        added = await connection.execute(residents.insert().values(person).returning(residents.c.id))
        new = Journey(
            id=0,
            council_id=city.council_id,
            nas_id=city.nas_id,
            venue_id=None,
            mac_pseudonym=bytes(16),
            resident_id=added.scalar_one(),
            state=State.ONLINE,
            language="en",
            details=Details(path_id="x" * 24, driver="coovachilli", randomised=False),
            expires_at=NOW + timedelta(hours=1),
        )
        number = await journeys.insert(connection, city.runtime.keyring, new, NOW)
        found = await journeys.load(connection, city.runtime.keyring, number, now=NOW, for_update=False)
    assert found is not None
    return found


async def test_a_key_is_found_by_its_text_until_it_is_revoked(any_city: City) -> None:
    database, keyring = any_city.database, any_city.runtime.keyring
    new = NewKey(any_city.council_id, " desk ", [Scope.LET_ON], 60, NOW + timedelta(days=1))
    async with database.write() as connection:
        text = await api_keys.add(connection, database, keyring, new, NOW)
    async with database.read() as connection:
        key = await api_keys.find(connection, keyring, text)
        assert await api_keys.find(connection, keyring, text[:-1] + "!") is None
    assert key is not None
    assert (key.name, key.scopes, key.is_good(NOW), key.is_good(NOW + timedelta(days=1))) == (
        "desk", frozenset({Scope.LET_ON}), True, False,
    )  # fmt: skip
    await api_keys.note_use(database, key, NOW)
    async with database.write() as connection:
        assert not await api_keys.revoke(connection, any_city.council_id + 1, key.id, NOW)
        assert await api_keys.revoke(connection, any_city.council_id, key.id, NOW)
        assert not await api_keys.revoke(connection, any_city.council_id, key.id, NOW)
        ((council_name, listed),) = await api_keys.of_councils(connection, [any_city.council_id])
    assert (council_name, listed.used_at, listed.is_good(NOW)) == ("Coventry", NOW, False)
    with pytest.raises(KeyNotMadeError, match="another name"):
        async with database.write() as connection:
            await api_keys.add(connection, database, keyring, new, NOW)


async def test_a_token_goes_with_its_resident(any_city: City) -> None:
    database, keyring = any_city.database, any_city.runtime.keyring
    journey = await register(any_city)
    until = NOW + timedelta(hours=1)
    async with database.write() as connection:
        text = await resident_tokens.add(connection, keyring, journey, may_delete=True, expires_at=until, now=NOW)
    async with database.read() as connection:
        token = await resident_tokens.find(connection, keyring, text, NOW)
        assert token is not None
        assert token.may_delete
        assert await resident_tokens.find(connection, keyring, text, until) is None
        assert await resident_tokens.count(connection, journey.resident_id, NOW) == 1
        assert await resident_tokens.of_resident(connection, journey.resident_id, NOW) == [token]
    await resident_tokens.note_use(database, token, NOW)
    async with database.write() as connection:
        assert not await resident_tokens.withdraw(connection, token.resident_id + 1, token.id)
        await connection.execute(delete(residents))
    async with database.read() as connection:
        assert (await connection.execute(select(tokens_table))).all() == []


async def test_venues_and_sessions_are_asked_for_in_parts(any_city: City) -> None:
    async with any_city.database.read() as connection:
        (library,) = await venues.after(connection, after_id=0, most=5, council_code="E08000026", status="open")
        assert await venues.find(connection, library.id) == library
        assert await venues.after(connection, after_id=library.id, most=5, council_code=None, status=None) == []
        for venue_id in (None, library.id):
            found = await sessions_of_council.before(
                connection, council_id=any_city.council_id, before_id=2**63 - 1, most=5, venue_id=venue_id
            )
            assert list(found) == []
        assert not await sessions_of_council.is_open(connection, any_city.council_id, 1)
