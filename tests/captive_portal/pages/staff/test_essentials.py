"""Managers choose what is open before login; nobody else does, and each change is written down."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from captive_portal import metrics
from captive_portal.essentials import watch
from captive_portal.essentials.sites import EssentialSite
from captive_portal.storage.essentials import Checked, load_checks
from foundation.schema import audit_events, councils
from foundation.staff import Role, add_account
from tests.captive_portal.conftest import City, Client, Phone
from tests.captive_portal.pages.staff.test_desk import PASSWORD, Desk

LIST = "/staff/essentials"


@pytest.fixture
async def manager(client: Client, city: City) -> Desk:
    staff = Desk(client, await account(city, Role.MANAGER, city.council_id))
    await staff.log_in()
    await staff.get(LIST)
    return staff


async def account(city: City, role: Role, *council_ids: int) -> bytes:
    async with city.database.write() as connection:
        keyring, now = city.runtime.keyring, datetime.now(UTC)
        uri = await add_account(connection, keyring, "desk", PASSWORD, council_ids, [role], now)
    return base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])


async def actions(city: City) -> list[str]:
    async with city.database.read() as connection:
        wanted = select(audit_events.c.action).where(audit_events.c.actor == "staff 1").order_by(audit_events.c.id)
        return list((await connection.execute(wanted)).scalars())


async def test_a_site_is_added_seen_by_residents_and_removed(manager: Desk, phone: Phone, city: City) -> None:
    assert "NHS 111" in manager.page
    await manager.post(
        f"{LIST}/add", name="Our council", address="https://www.coventry.gov.uk/", hosts="*.coventry.gov.uk\n\n",
        purpose="council",
    )  # fmt: skip
    assert "www.coventry.gov.uk, *.coventry.gov.uk" in manager.page
    await phone.get("/essentials")
    assert "Our council" in phone.text
    await manager.post(f"{LIST}/remove", key="coventry-gov-uk")
    assert "coventry" not in manager.page
    assert await actions(city) == ["add an essential site", "remove an essential site"]


async def test_what_comes_with_us_is_left_out_and_put_back(manager: Desk, phone: Phone) -> None:
    await manager.post(f"{LIST}/remove", key="nhs-111")
    assert "Offer NHS 111 again" in manager.page
    await phone.get("/essentials")
    assert "NHS 111" not in phone.text
    await manager.post(f"{LIST}/put-back", key="nhs-111")
    await phone.get("/essentials")
    assert "NHS 111" in phone.text


async def test_a_mistake_is_told_and_what_was_typed_stays(manager: Desk) -> None:
    await manager.post(f"{LIST}/add", name="Our council", address="http://council.example/")
    assert manager.status == 422
    assert "begins with https://" in manager.page
    assert 'value="http://council.example/"' in manager.page


async def test_a_look_now_is_kept_and_shown(manager: Desk, city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_at(
        _http: object, sites: Sequence[EssentialSite], now: datetime
    ) -> list[tuple[EssentialSite, Checked]]:
        return [(site, Checked(now, "it answers 500" if site.key == "nhs" else None, ("a.example",))) for site in sites]

    monkeypatch.setattr(watch, "look_at", look_at)
    await manager.post(f"{LIST}/check")
    assert "<strong>it answers 500</strong>" in manager.page
    assert "a.example" in manager.page
    async with city.database.read() as connection:
        assert len(await load_checks(connection, city.council_id)) == 6
    # Within a day nobody looks again, and what was found is what is counted.
    monkeypatch.delattr(watch, "look_at")
    await watch.look_at_what_is_due(city.runtime, datetime.now(UTC))
    assert metrics.essential_sites_unreachable._value.get() == 1


async def test_other_roles_and_other_councils_are_shut_out(client: Client, city: City) -> None:
    async with city.database.write() as connection:
        other = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        added = (await connection.execute(councils.insert().values(other).returning(councils.c.id))).scalar_one()
    staff = Desk(client, await account(city, Role.MANAGER, added))
    await staff.log_in()
    await staff.get(f"{LIST}?council={city.council_id}")
    assert staff.status == 403
    await staff.get(LIST)
    await staff.post(f"{LIST}/remove", key="nhs", council=str(city.council_id))
    assert staff.status == 403


async def test_an_engineer_changes_nothing_here(client: Client, city: City) -> None:
    staff = Desk(client, await account(city, Role.ENGINEER, city.council_id))
    await staff.log_in()
    await staff.get(LIST)
    assert staff.status == 403
