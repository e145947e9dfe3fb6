"""Which council an import is for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from citywifi.imports.errors import ImportNotReadyError
from citywifi.imports.store import find_council
from foundation.database import Database
from foundation.schema import councils


async def test_the_only_council_need_not_be_named(database: Database, council_id: int) -> None:
    assert (await find_council(database, None)).id == council_id
    assert (await find_council(database, "E08000026")).name == "Coventry"


async def test_without_a_council_it_says_how_to_add_one(database: Database) -> None:
    with pytest.raises(ImportNotReadyError, match="citywifi council add CODE NAME"):
        await find_council(database, None)


async def test_several_councils_have_to_be_told_apart(database: Database, council_id: int) -> None:
    async with database.write() as connection:
        row = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        await connection.execute(councils.insert().values(**row))
    with pytest.raises(ImportNotReadyError, match="--council CODE: E08000025 Birmingham, E08000026 Coventry"):
        await find_council(database, None)
    assert (await find_council(database, "E08000026")).id == council_id
    with pytest.raises(ImportNotReadyError, match="no council E06000001; there is E08000025 Birmingham"):
        await find_council(database, "E06000001")
