"""Managers say who works for their council, and can do nothing to anybody of another one."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from foundation.schema import audit_events, councils, staff_accounts, staff_roles, staff_sessions
from foundation.staff import Role
from tests.captive_portal.conftest import City, Client
from tests.captive_portal.pages.staff.test_desk import Desk
from tests.support.staff import add_staff, key_in

ACCOUNTS = "/staff/accounts"


@pytest.fixture
async def other_council(city: City) -> int:
    async with city.database.write() as connection:
        row = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        return int((await connection.execute(councils.insert().values(row).returning(councils.c.id))).scalar_one())


async def member(client: Client, city: City, user_name: str, council_ids: list[int], *roles: Role) -> Desk:
    """Somebody with a browser."""
    account = await add_staff(city.database, city.runtime.keyring, user_name, council_ids, *roles)
    return Desk(client, account.key, user_name=user_name)


@pytest.fixture
async def manager(client: Client, city: City) -> Desk:
    desk = await member(client, city, "manager", [city.council_id], Role.MANAGER)
    await desk.log_in()
    await desk.get(ACCOUNTS)
    return desk


async def roles_of(city: City, user_name: str) -> set[tuple[int, str]]:
    question = (
        select(staff_roles.c.council_id, staff_roles.c.role)
        .join(staff_accounts, staff_accounts.c.id == staff_roles.c.account_id)
        .where(staff_accounts.c.user_name == user_name)
    )
    async with city.database.read() as connection:
        return {(row.council_id, row.role) for row in await connection.execute(question)}


async def id_of(city: City, user_name: str) -> int:
    question = select(staff_accounts.c.id).where(staff_accounts.c.user_name == user_name)
    async with city.database.read() as connection:
        return int((await connection.execute(question)).scalar_one())


async def actions(city: City) -> list[tuple[str, str, str]]:
    async with city.database.read() as connection:
        rows = (await connection.execute(select(audit_events).order_by(audit_events.c.id))).all()
    return [(row.actor, row.action, row.subject) for row in rows]


def secrets_on(page: str) -> tuple[str, bytes]:
    """The password and the app's key."""
    password = re.search(r"Password</dt><dd[^>]*><code>([^<]+)</code>", page)
    uri = re.search(r"otpauth://[^<]+", page)
    assert password is not None
    assert uri is not None
    return password[1], key_in(html.unescape(uri[0]))


async def test_somebody_new_logs_in_with_what_is_shown_once(manager: Desk, client: Client, city: City) -> None:
    await manager.post(ACCOUNTS, user_name=" Night-Shift ", **{f"role-{city.council_id}-engineer": "yes"})
    assert manager.status == 200
    assert 'src="data:image/svg+xml' in manager.page
    password, key = secrets_on(manager.page)
    assert await roles_of(city, "night-shift") == {(city.council_id, "engineer")}
    newcomer = Desk(client, key, user_name="night-shift")
    await newcomer.log_in(password)
    assert newcomer.path == "/staff/laboratory"
    assert "Somebody else made your password" in newcomer.page
    await manager.get(ACCOUNTS)
    assert password not in manager.page
    assert await actions(city) == [("staff 1", "add staff", "night-shift")]


@pytest.mark.parametrize(
    ("name", "roles", "words"),
    [
        ("", ["helper"], "1 to 64 characters"),
        ("x" * 65, ["helper"], "1 to 64 characters"),
        ("desk", [], "at least one role"),
        ("MANAGER", ["helper"], "taken"),
        ("desk", ["emperor"], "at least one role"),
    ],
    ids=["no name", "long", "no role", "taken", "no such role"],
)
async def test_what_is_wrong_is_said_and_nobody_is_added(
    manager: Desk, city: City, name: str, roles: list[str], words: str
) -> None:
    await manager.post(ACCOUNTS, user_name=name, **{f"role-{city.council_id}-{role}": "yes" for role in roles})
    assert manager.status == 422
    assert words in manager.page
    assert await actions(city) == []


async def test_nobody_is_given_a_role_for_a_council_that_the_manager_does_not_manage(
    manager: Desk, city: City, other_council: int
) -> None:
    await manager.post(ACCOUNTS, user_name="spy", **{f"role-{other_council}-manager": "yes"})
    assert manager.status == 422
    fields = {f"role-{other_council}-manager": "yes", f"role-{city.council_id}-helper": "yes"}
    await manager.post(ACCOUNTS, user_name="spy", **fields)
    assert await roles_of(city, "spy") == {(city.council_id, "helper")}


async def test_accounts_of_another_council_are_not_seen_and_not_found(
    manager: Desk, client: Client, city: City, other_council: int
) -> None:
    await member(client, city, "birmingham-desk", [other_council], Role.HELPER)
    number = await id_of(city, "birmingham-desk")
    await manager.get(ACCOUNTS)
    assert "birmingham" not in manager.page.casefold()
    for path in ("roles", "renew", "disable"):
        await manager.post(f"{ACCOUNTS}/{number}/{path}", **{f"role-{city.council_id}-helper": "yes"})
        assert manager.status == 404
        await manager.get(ACCOUNTS)
    assert await roles_of(city, "birmingham-desk") == {(other_council, "helper")}


async def test_who_works_for_another_council_too_keeps_what_they_have_there(
    manager: Desk, client: Client, city: City, other_council: int
) -> None:
    """To renew their password would be to become a manager of the other council."""
    await member(client, city, "both", [city.council_id, other_council], Role.MANAGER)
    number = await id_of(city, "both")
    await manager.get(f"{ACCOUNTS}/{number}")
    assert "works for another council too" in manager.page
    for path in ("renew", "disable"):
        await manager.post(f"{ACCOUNTS}/{number}/{path}")
        assert manager.status == 403
        await manager.get(f"{ACCOUNTS}/{number}")
    await manager.post(f"{ACCOUNTS}/{number}/roles")
    assert manager.path == ACCOUNTS
    assert await roles_of(city, "both") == {(other_council, "manager")}


async def test_roles_are_given_and_taken_away_at_once(manager: Desk, client: Client, city: City) -> None:
    desk = await member(client, city, "desk", [city.council_id], Role.HELPER)
    await desk.log_in()
    assert desk.path == "/staff"
    number = await id_of(city, "desk")
    await manager.get(f"{ACCOUNTS}/{number}")
    assert manager.page.count(" checked") == 1
    await manager.post(f"{ACCOUNTS}/{number}/roles", **{f"role-{city.council_id}-information": "yes"})
    assert "Kept." in manager.page
    await desk.post("/staff/let-on", number="1234")
    assert desk.status == 403
    await desk.get("/staff")
    assert desk.path == "/staff/requests"
    assert ("staff 1", "give roles", "desk") in await actions(city)


async def test_an_account_keeps_at_least_one_role_or_is_disabled(manager: Desk, client: Client, city: City) -> None:
    await member(client, city, "desk", [city.council_id], Role.HELPER)
    number = await id_of(city, "desk")
    await manager.post(f"{ACCOUNTS}/{number}/roles")
    assert manager.status == 422
    assert await roles_of(city, "desk") == {(city.council_id, "helper")}


async def test_a_renewed_account_is_logged_out_and_let_in_with_the_new_secrets(
    manager: Desk, client: Client, city: City
) -> None:
    desk = await member(client, city, "desk", [city.council_id], Role.HELPER)
    await desk.log_in()
    number = await id_of(city, "desk")
    await manager.post(f"{ACCOUNTS}/{number}/renew")
    password, key = secrets_on(manager.page)
    await desk.get("/staff")
    assert desk.path == "/staff/log-in"
    renewed = Desk(client, key, user_name="desk")
    await renewed.log_in(password)
    assert renewed.path == "/staff"


async def test_a_disabled_account_is_out_at_once(manager: Desk, client: Client, city: City) -> None:
    desk = await member(client, city, "desk", [city.council_id], Role.HELPER)
    await desk.log_in()
    await manager.post(f"{ACCOUNTS}/{await id_of(city, 'desk')}/disable")
    assert "disabled on" in manager.page
    await desk.get("/staff")
    assert desk.path == "/staff/log-in"
    async with city.database.read() as connection:
        assert len((await connection.execute(select(staff_sessions))).all()) == 1


async def test_managers_cannot_lock_themselves_out(manager: Desk, city: City) -> None:
    await manager.post(f"{ACCOUNTS}/1/roles", **{f"role-{city.council_id}-helper": "yes"})
    assert manager.status == 422
    assert "your own role as a manager" in manager.page
    for path in ("renew", "disable"):
        await manager.post(f"{ACCOUNTS}/1/{path}")
        assert manager.status == 403
        await manager.get(f"{ACCOUNTS}/1")


async def test_the_pages_are_in_english_whatever_the_browser_wants(manager: Desk, client: Client) -> None:
    headers = {"Cookie": manager.cookie, "Accept-Language": "ar"}
    page = await (await client.get(ACCOUNTS, headers=headers)).text()
    assert '<html class="govuk-template" lang="en" dir="ltr">' in page
    assert 'hreflang="ar"' not in page
