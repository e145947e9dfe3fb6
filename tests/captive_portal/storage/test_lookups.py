"""What the first page finds by one statement of its own is what the other pages find, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from captive_portal.journey import Details, Journey, State
from captive_portal.registration import choose_terms
from captive_portal.storage import journeys
from captive_portal.storage.lookups import Lookups
from captive_portal.storage.residents import current_terms
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import councils, network_access_servers, terms_versions, venues
from foundation.settings import PortalSettings, Settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATH_ID = "a" * 24
URL = "http://portal.example"


@pytest.fixture
async def runtime(any_database: Database, keyring: Keyring) -> Runtime:
    """With a venue, its gateway and a journey in Polish behind it."""
    dates = {"created_at": NOW, "updated_at": NOW}
    async with any_database.write() as connection:
        council = insert(councils).values(code="E08000026", name="Coventry", created_at=NOW)
        council_id = (await connection.execute(council.returning(councils.c.id))).scalar_one()
        venue = insert(venues).values(council_id=council_id, source="tests", reference="1", name="Library", **dates)
        venue_id = (await connection.execute(venue.returning(venues.c.id))).scalar_one()
        nas = insert(network_access_servers).values(
            council_id=council_id,
            venue_id=venue_id,
            name="Library",
            network="10.1.0.1/32",
            vendor="coovachilli",
            login_url="http://10.1.0.1:3990",
            secret_encrypted=keyring.encrypt("nas secret", b"a secret"),
            portal_secret_encrypted=keyring.encrypt("portal secret", b"another"),
            **dates,
        )
        nas_id = (await connection.execute(nas.returning(network_access_servers.c.id))).scalar_one()
        details = Details(PATH_ID, "coovachilli", randomised=True, hand_over={"challenge": "00"}, handed_over_at=NOW)
        journey = Journey(
            0, council_id, nas_id, venue_id, b"m" * 16, None, State.CHOOSE, "pl", details, NOW + timedelta(hours=1)
        )
        await journeys.insert(connection, keyring, journey, NOW)
    return Runtime(Settings(demo=True, portal=PortalSettings(public_url=f"{URL}/")), any_database, keyring)


async def publish(runtime: Runtime, version: int, *languages: str) -> None:
    rows = [
        {"council_id": 1, "version": version, "language": one, "text": one, "published_at": NOW} for one in languages
    ]
    async with runtime.database.write() as connection:
        await connection.execute(insert(terms_versions), rows)


async def test_the_visit_is_the_one_that_other_pages_load(runtime: Runtime) -> None:
    async with runtime.database.read() as connection:
        loaded = await journeys.load_visit(connection, runtime.keyring, PATH_ID, URL, now=NOW, for_update=False)
    found = await Lookups(runtime).first_visit(PATH_ID, NOW)
    assert loaded is not None
    assert found == (loaded, None)


async def test_a_path_that_leads_nowhere_finds_nothing(runtime: Runtime) -> None:
    assert await Lookups(runtime).first_visit("b" * 24, NOW) is None


@pytest.mark.parametrize(
    "published",
    [(("en", "pl"),), (("en", "cy"),), (("cy",),), (("pl", "en"), ("en",)), (("en",), ("cy", "pl", "en"))],
    ids=["theirs", "English", "any", "theirs only of an older version", "the newest version"],
)
async def test_the_terms_are_chosen_as_on_every_other_page(
    runtime: Runtime, published: tuple[tuple[str, ...], ...]
) -> None:
    for version, languages in enumerate(published, start=1):
        await publish(runtime, version, *languages)
    async with runtime.database.read() as connection:
        chosen = choose_terms(await current_terms(connection, 1), "pl")
    found = await Lookups(runtime).first_visit(PATH_ID, NOW)
    assert found is not None
    assert found[1] is not None
    assert chosen is not None
    assert found[1].id == chosen.id


async def test_a_gateway_that_is_given_another_secret_is_another_gateway_at_once(
    runtime: Runtime, keyring: Keyring
) -> None:
    lookups = Lookups(runtime)
    before = await lookups.first_visit(PATH_ID, NOW)
    changed = update(network_access_servers).values(portal_secret_encrypted=keyring.encrypt("portal secret", b"new"))
    async with runtime.database.write() as connection:
        await connection.execute(changed)
    after = await lookups.first_visit(PATH_ID, NOW)
    assert before is not None
    assert after is not None
    assert (before[0].gateway.portal_secret, after[0].gateway.portal_secret) == (b"another", b"new")
