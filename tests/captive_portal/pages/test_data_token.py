"""A resident lets a program at their own data: the token is shown once, ends by itself, and can be withdrawn."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from foundation.schema import resident_tokens
from tests.captive_portal.api.conftest import Program
from tests.captive_portal.conftest import City, Client, Phone
from tests.captive_portal.pages.test_my_data import get_online_by_email, online_by_click, open_by_code


async def tokens_of(city: City) -> list[object]:
    async with city.database.read() as connection:
        return list((await connection.execute(select(resident_tokens))).all())


def shown_token(phone: Phone) -> str:
    found = re.search(r"cwr_[A-Za-z0-9_-]{32}", phone.text)
    assert found is not None
    return found[0]


async def test_a_token_made_on_my_data_opens_it_to_a_program_and_is_shown_once(
    phone: Phone, client: Client, city: City
) -> None:
    journey = await online_by_click(phone, city)
    await phone.get(f"{journey}/data")
    assert f'href="{journey}/data/token"' in phone.text
    await phone.get(f"{journey}/data/token")
    await phone.submit(hours="1")
    token = shown_token(phone)
    assert (await Program(client, token).ask("GET", "/me")).status == 200
    assert (await Program(client, token).ask("DELETE", "/me")).status == 403
    await phone.get(f"{journey}/data/token")
    assert token not in phone.text
    assert "Tokens that you made" in phone.text
    await phone.get(f"{journey}/data")
    assert "Programs that you let at your data" in phone.text
    assert token not in await (await client.get(f"{journey}/data/export.json")).text()


async def test_it_may_delete_where_the_resident_says_so_and_ends_when_they_chose(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    await phone.get(f"{journey}/data/token")
    await phone.submit(hours="24", may_delete="yes")
    (row,) = await tokens_of(city)
    assert row.may_delete  # type: ignore[attr-defined]  # a row
    left = row.expires_at - datetime.now(UTC)  # type: ignore[attr-defined]
    assert timedelta(hours=23) < left <= timedelta(hours=24)


@pytest.mark.parametrize("hours", ["", "0", "25", "9999", "-1", "x"])
async def test_no_token_lasts_for_longer_than_is_offered(phone: Phone, city: City, hours: str) -> None:
    journey = await online_by_click(phone, city)
    await phone.get(f"{journey}/data/token")
    await phone.submit(hours=hours)
    assert phone.status == 422
    assert "Choose for how long" in phone.text
    assert await tokens_of(city) == []


async def test_a_token_that_was_withdrawn_opens_nothing(phone: Phone, client: Client, city: City) -> None:
    journey = await online_by_click(phone, city)
    await phone.get(f"{journey}/data/token")
    await phone.submit(hours="1")
    program = Program(client, shown_token(phone))
    number = re.search(r'name="token" value="(\d+)"', phone.text)
    assert number is not None
    await phone.post(f"{journey}/data/token/withdraw", token=number[1])
    assert "opens nothing any more" in phone.text
    assert (await program.ask("GET", "/me")).status == 401


@pytest.mark.parametrize("number", ["", "x", "9" * 30])
async def test_a_number_that_is_none_withdraws_nothing(phone: Phone, city: City, number: str) -> None:
    journey = await online_by_click(phone, city)
    await phone.post(f"{journey}/data/token/withdraw", token=number)
    assert phone.status == 400


async def test_there_are_only_so_many_at_once(phone: Phone, city: City) -> None:
    journey = await online_by_click(phone, city)
    for _ in range(city.runtime.settings.portal.resident_tokens_per_resident):
        await phone.get(f"{journey}/data/token")
        await phone.submit(hours="1")
        assert phone.status == 200
    await phone.get(f"{journey}/data/token")
    await phone.submit(hours="1")
    assert phone.status == 422
    assert "Withdraw a token first" in phone.text


async def test_whoever_gave_a_contact_proves_it_first(phone: Phone, city: City) -> None:
    journey = await get_online_by_email(phone, city)
    await phone.post(f"{journey}/data/token", hours="1")
    assert (phone.page, await tokens_of(city)) == ("data", [])
    await open_by_code(phone, city, journey)
    await phone.post(f"{journey}/data/token", hours="1")
    assert shown_token(phone)
