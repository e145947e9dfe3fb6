"""A council's list of what is open before login, on both databases and in both kinds of transactions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import insert

from captive_portal.essentials.sites import MOST_SITES, EssentialsError, default_sites, make_site
from captive_portal.storage.essentials import (
    Checked,
    list_sites,
    load_checks,
    offered_sites,
    put_back,
    put_site,
    remove_site,
    store_check,
)
from foundation.database import Database
from foundation.schema import councils

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWN = make_site("The council", "https://www.coventry.gov.uk/", ["*.coventry.gov.uk"])


async def add_council(database: Database) -> int:
    row = {"code": "E08000026", "name": "Coventry", "created_at": NOW}
    async with database.write() as connection:
        return int((await connection.execute(insert(councils).values(row).returning(councils.c.id))).scalar_one())


@pytest.mark.parametrize("kind", ["write", "short_write"])
async def test_a_councils_own_site_is_kept_as_it_was_entered(any_database: Database, kind: str) -> None:
    council_id = await add_council(any_database)
    async with getattr(any_database, kind)() as connection:
        await put_site(connection, council_id, OWN, NOW)
        await store_check(connection, council_id, OWN.key, Checked(NOW, None, ("a.example",)))
        await store_check(connection, council_id, OWN.key, Checked(NOW, "it answers 404", ()))
    async with any_database.short_read() as connection:
        assert await offered_sites(connection, council_id) == [OWN, *default_sites()]
        assert await load_checks(connection, council_id) == {OWN.key: Checked(NOW, "it answers 404", ())}
    async with getattr(any_database, kind)() as connection:
        assert await remove_site(connection, council_id, OWN.key, NOW)
        assert not await remove_site(connection, council_id, OWN.key, NOW)
        assert await offered_sites(connection, council_id) == list(default_sites())
        assert await load_checks(connection, council_id) == {}


async def test_one_that_comes_with_us_keeps_its_place_when_it_is_changed_left_out_and_put_back(
    database: Database, council_id: int
) -> None:
    changed = make_site("Universal Credit help", "https://help.example.gov.uk/", [], key="universal-credit")
    async with database.write() as connection:
        await put_site(connection, council_id, changed, NOW)
        assert [one.site.key for one in await list_sites(connection, council_id)] == [
            site.key for site in default_sites()
        ]
        assert changed in await offered_sites(connection, council_id)
        await remove_site(connection, council_id, changed.key, NOW)
        assert len(await offered_sites(connection, council_id)) == len(default_sites()) - 1
        assert await put_back(connection, council_id, changed.key)
        assert await offered_sites(connection, council_id) == list(default_sites())
        assert not await put_back(connection, council_id, "nothing")


async def test_a_list_has_an_end(database: Database, council_id: int) -> None:
    async with database.write() as connection:
        for number in range(MOST_SITES - len(default_sites())):
            await put_site(connection, council_id, make_site("One", f"https://n{number}.example/", []), NOW)
        with pytest.raises(EssentialsError, match="remove one"):
            await put_site(connection, council_id, OWN, NOW)
