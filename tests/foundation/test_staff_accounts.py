"""Whom a manager sees: everybody with a role for one of their councils, and what else they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import councils
from foundation.staff import Role, disable_account, give_roles
from foundation.staff_accounts import read_accounts, read_user_name
from tests.support.staff import add_staff

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def two(any_database: Database) -> list[int]:
    """Two councils."""
    rows = [{"code": code, "name": code, "created_at": NOW} for code in ("E08000025", "E08000026")]
    async with any_database.write() as connection:
        inserted = [await connection.execute(councils.insert().values(row).returning(councils.c.id)) for row in rows]
        return [int(one.scalar_one()) for one in inserted]


async def test_accounts_are_those_of_the_councils_with_all_their_roles(
    any_database: Database, keyring: Keyring, two: list[int]
) -> None:
    first, second = two
    await add_staff(any_database, keyring, "both", two, Role.ENGINEER, Role.MANAGER)
    await add_staff(any_database, keyring, "desk", [first], Role.HELPER)
    await add_staff(any_database, keyring, "elsewhere", [second], Role.HELPER)
    async with any_database.write() as connection:
        await disable_account(connection, 2, NOW)
        both, desk = await read_accounts(connection, [first])
        assert await read_accounts(connection, []) == []
    assert (both.user_name, desk.user_name) == ("both", "desk")
    assert both.roles == dict.fromkeys(two, frozenset({Role.ENGINEER, Role.MANAGER}))
    assert (both.works_only_for([first]), both.works_only_for(two), desk.works_only_for([first])) == (False, True, True)
    assert (both.disabled_at, desk.disabled_at) == (None, NOW)


async def test_roles_that_are_given_take_the_place_of_those_for_that_council_only(
    any_database: Database, keyring: Keyring, two: list[int]
) -> None:
    first, second = two
    await add_staff(any_database, keyring, "both", two, Role.ENGINEER)
    async with any_database.write() as connection:
        await give_roles(connection, 1, first, [Role.HELPER])
        (account,) = await read_accounts(connection, [second])
    assert account.roles == {first: frozenset({Role.HELPER}), second: frozenset({Role.ENGINEER})}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [(" Central-Library ", "central-library"), ("x" * 64, "x" * 64), ("x" * 65, None), (" ", None), ("a\tb", None)],
    ids=["small letters", "longest", "too long", "nothing", "not printable"],
)
def test_a_user_name_is_kept_as_it_is_compared(typed: str, kept: str | None) -> None:
    assert read_user_name(typed) == kept
