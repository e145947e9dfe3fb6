"""Managers give programs keys, shown once, and revoke them; nobody else does, and each change is in the audit."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from captive_portal.storage.api_keys import Scope
from foundation.schema import api_keys, audit_events
from foundation.staff import Role
from tests.captive_portal.api.conftest import Program, make_key
from tests.captive_portal.api.test_staff_actions import another_council
from tests.captive_portal.conftest import City, Client
from tests.captive_portal.pages.staff.test_desk import Desk
from tests.captive_portal.pages.staff.test_essentials import account

KEYS = "/staff/api-keys"
ASKED = {"name": "library desk", "scope-read_waiting": "yes", "rate": "60", "days": "90"}


async def log_in(client: Client, city: City, role: Role) -> Desk:
    staff = Desk(client, await account(city, role, city.council_id))
    await staff.log_in()
    await staff.get(KEYS)
    return staff


async def test_a_key_is_made_shown_once_and_opens_what_was_ticked(client: Client, city: City) -> None:
    manager = await log_in(client, city, Role.MANAGER)
    await manager.post(f"{KEYS}/add", **ASKED)
    found = re.search(r"cwk_[A-Za-z0-9_-]{32}", manager.page)
    assert found is not None
    program = Program(client, found[0])
    assert (await program.ask("GET", "/waiting")).status == 200
    assert (await program.ask("GET", "/sessions")).status == 403
    await manager.get(KEYS)
    assert found[0] not in manager.page
    assert "library desk" in manager.page


async def test_a_key_that_was_revoked_is_no_longer_listed_and_opens_nothing(client: Client, city: City) -> None:
    program = Program(client, await make_key(city))
    manager = await log_in(client, city, Role.MANAGER)
    number = re.search(r'name="key" value="(\d+)"', manager.page)
    assert number is not None
    await manager.post(f"{KEYS}/revoke", key=number[1])
    assert (manager.path, "No program has a key" in manager.page) == (KEYS, True)
    assert (await program.ask("GET", "/waiting")).status == 401
    async with city.database.read() as connection:
        events = (await connection.execute(select(audit_events).where(audit_events.c.actor == "staff 1"))).all()
    assert [(event.action, event.subject) for event in events] == [("revoke api key", "library desk")]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scope-read_waiting": ""}, "Choose at least one thing"),
        ({"rate": "0"}, "Enter a number from 1"),
        ({"rate": "many"}, "Enter a number from 1"),
        ({"name": ""}, "1 to 64 printable characters"),
    ],
    ids=["no scope", "no request", "no number", "no name"],
)
async def test_a_key_that_cannot_be_is_not_made(
    client: Client, city: City, changed: dict[str, str], message: str
) -> None:
    manager = await log_in(client, city, Role.MANAGER)
    await manager.post(f"{KEYS}/add", **{**ASKED, **changed})
    assert manager.status == 422
    assert message in manager.page
    async with city.database.read() as connection:
        assert (await connection.execute(select(api_keys))).all() == []


async def test_a_manager_has_nothing_to_say_for_another_council(client: Client, city: City) -> None:
    other = await another_council(city)
    await make_key(city, Scope.READ_WAITING, name="elsewhere", council_id=other)
    manager = await log_in(client, city, Role.MANAGER)
    assert "elsewhere" not in manager.page
    await manager.post(f"{KEYS}/revoke", key="1")
    assert manager.status == 403
    await manager.get(KEYS)
    await manager.post(f"{KEYS}/add", **ASKED, council=str(other))
    assert manager.status == 403


@pytest.mark.parametrize("role", [Role.HELPER, Role.ENGINEER, Role.INFORMATION_OFFICER])
async def test_nobody_but_a_manager_sees_or_makes_keys(client: Client, city: City, role: Role) -> None:
    staff = await log_in(client, city, role)
    assert staff.status == 403
    await staff.post(f"{KEYS}/add", **ASKED)
    assert staff.status == 403
