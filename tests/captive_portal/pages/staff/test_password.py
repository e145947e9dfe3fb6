"""Staff choose a password that nobody else knows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from foundation.schema import audit_events, staff_accounts, staff_sessions
from foundation.staff import Role
from tests.captive_portal.conftest import City, Client
from tests.captive_portal.pages.staff.test_desk import Desk
from tests.support.staff import PASSWORD, add_staff

PATH = "/staff/password"
NEW = "three words apart"


@pytest.fixture
async def desk(client: Client, city: City) -> Desk:
    account = await add_staff(city.database, city.runtime.keyring, "desk", [city.council_id], Role.HELPER)
    async with city.database.write() as connection:
        await connection.execute(update(staff_accounts).values(password_is_given=True))
    desk = Desk(client, account.key)
    await desk.log_in()
    return desk


async def test_a_new_password_ends_every_other_log_in_and_is_the_only_one_that_is_right(
    desk: Desk, client: Client, city: City
) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(staff_accounts).values(code_step=0))
    elsewhere = Desk(client, desk.key)
    await elsewhere.log_in()
    assert "Somebody else made your password" in desk.page
    await desk.get(PATH)
    await desk.post(PATH, current=PASSWORD, new=NEW)
    assert desk.path == f"{PATH}?changed=yes"
    await desk.get("/staff")
    assert "Somebody else made your password" not in desk.page
    await elsewhere.get("/staff")
    assert elsewhere.path == "/staff/log-in"
    async with city.database.write() as connection:
        await connection.execute(update(staff_accounts).values(code_step=0))
        (event,) = (await connection.execute(select(audit_events))).all()
    assert (event.actor, event.action, event.detail) == ("staff 1", "change own password", {})
    await elsewhere.log_in(PASSWORD)
    assert elsewhere.status == 422
    await elsewhere.log_in(NEW)
    assert elsewhere.path == "/staff"


@pytest.mark.parametrize(
    ("current", "new", "words"),
    [
        ("another password", NEW, "Your present password is another one"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "x" * 1025, "at least 12 characters"),
        (PASSWORD, PASSWORD, "That is your present password"),
        (PASSWORD, "abababababab", "easy to guess"),
        (PASSWORD, "The Desk of 2026", "easy to guess"),
    ],
    ids=["wrong", "short", "endless", "the same", "two letters", "the name"],
)
async def test_what_is_wrong_is_said_and_nothing_is_typed_back(
    desk: Desk, city: City, current: str, new: str, words: str
) -> None:
    await desk.get(PATH)
    await desk.post(PATH, current=current, new=new)
    assert desk.status == 422
    assert words in desk.page
    assert f'"{new}"' not in desk.page
    async with city.database.read() as connection:
        assert (await connection.execute(select(audit_events))).all() == []


async def test_a_stolen_log_in_does_not_let_anybody_try_passwords_fast(desk: Desk) -> None:
    await desk.get(PATH)
    for number in range(6):
        await desk.post(PATH, current=f"a guess {number}", new=NEW)
    assert "tried too often" in desk.page


async def test_who_was_logged_out_changes_nothing(desk: Desk, city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(staff_sessions).values(expires_at=datetime.now(UTC)))
    await desk.post(PATH, current=PASSWORD, new=NEW)
    assert desk.path == "/staff/log-in"
