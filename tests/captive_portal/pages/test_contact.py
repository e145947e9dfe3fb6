"""Codes by text, the council's texts of a month, and ten minutes' grace to fetch a code."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.web import Application
from pydantic import SecretStr
from sqlalchemy import select, update

from captive_portal.app import create_app
from foundation.runtime import Runtime
from foundation.schema import (
    councils,
    devices,
    one_time_tokens,
    residents,
    texts_sent,
    verification_codes,
    way_attempts,
)
from foundation.settings import SmsSettings
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import LOGIN_URL, City, Client, Phone, newest_code, start_session, token_names

NUMBER = "07400 123456"


def texted_code(city: City) -> str:
    """The code in the newest text of the demo's outbox."""
    newest = max(city.runtime.settings.outbox_directory.glob("*.eml"))
    found = re.search(r"\b(\d{6}) is your WiFi code", newest.read_text())
    assert found is not None
    return found[1]


async def ask(phone: Phone, contact: str = NUMBER, *, way: str = "sms") -> Phone:
    """A device for which a code is asked."""
    await phone.arrive()
    await phone.submit(way=way, accept_terms="yes")
    return await phone.submit(**{"phone" if way == "sms" else "email": contact})


def is_on_its_way(phone: Phone) -> bool:
    return phone.path.startswith(f"{LOGIN_URL}/logon")


@pytest.fixture
async def texting(city: City) -> City:
    await offer(city, "email,sms")
    return city


async def sent(city: City) -> int:
    async with city.database.read() as connection:
        return (await connection.execute(select(texts_sent.c.segments))).scalar_one_or_none() or 0


async def test_a_code_by_text_leads_online_and_the_number_is_kept_like_an_address(phone: Phone, texting: City) -> None:
    await ask(phone)
    assert phone.page == "code"
    assert "•••456" in phone.text
    assert "123456" not in phone.text
    code = texted_code(texting)
    await phone.submit(code=f" {code[:3]}-{code[3:]} ")
    assert is_on_its_way(phone)
    keyring = texting.runtime.keyring
    async with texting.database.read() as connection:
        resident = (await connection.execute(select(residents))).one()
    assert resident.contact_kind == "sms"
    assert keyring.decrypt("contact", resident.contact_encrypted) == b"+447400123456"
    assert resident.contact_pseudonym == keyring.contact_pseudonym(texting.council_id, "+447400123456")
    assert await sent(texting) == 1


async def test_the_demos_outbox_shows_texts_beside_mails(phone: Phone, texting: City) -> None:
    await ask(phone)
    await phone.get("/demo/outbox")
    assert f'<p class="code">{texted_code(texting)}</p>' in phone.text
    assert "447400123456@sms.invalid" in phone.text


async def test_a_code_survives_closing_the_page(phone: Phone, texting: City) -> None:
    await ask(phone)
    await phone.arrive()
    assert phone.page == "code"
    await phone.submit(code=texted_code(texting))
    assert is_on_its_way(phone)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter a mobile number"),
        ("12", "Enter a mobile number"),
        ("024 7683 3333", "not a mobile number"),
        ("+48 512 345 678", "numbers of this country"),
        ("<script>", "Enter a mobile number"),
    ],
    ids=["nothing", "short", "landline", "other country", "markup"],
)
async def test_what_cannot_be_texted_is_told(phone: Phone, texting: City, typed: str, words: str) -> None:
    await ask(phone, typed)
    assert phone.status == 422
    assert words in phone.text
    assert await sent(texting) == 0


async def test_when_the_months_texts_are_used_up_the_page_says_what_else_there_is(phone: Phone, texting: City) -> None:
    async with texting.database.write() as connection:
        await connection.execute(update(councils).values(texts_per_month=1))
    await ask(phone)
    assert phone.page == "code"
    assert await sent(texting) == 1
    async with texting.database.write() as connection:
        long_ago = datetime.now(UTC) - timedelta(minutes=1)
        await connection.execute(update(verification_codes).values(created_at=long_ago))
    await phone.post(phone.path.replace("code", "resend"))
    assert phone.status == 422
    assert "Texts have run out for this month" in phone.text
    assert await sent(texting) == 1


async def test_a_text_that_was_not_taken_is_not_paid_for(
    texting: City, free_port: int, aiohttp_client: Callable[[Application], Awaitable[Client]]
) -> None:
    sms = SmsSettings(
        provider="http", http_url=SecretStr(f"http://127.0.0.1:{free_port}/"), attempts=2, pause_seconds=0
    )
    settings = texting.runtime.settings.model_copy(update={"sms": sms})
    runtime = Runtime(settings, texting.database, texting.runtime.keyring)
    phone = Phone(await aiohttp_client(create_app(runtime)), replace(texting, runtime=runtime))
    await ask(phone)
    assert (phone.status, phone.page) == (422, "phone")
    assert "could not send the text" in phone.text
    assert await sent(texting) == 0


async def test_pages_of_a_way_that_is_not_offered_lead_to_the_first_one(phone: Phone, texting: City) -> None:
    await ask(phone, "ann@example.org", way="email")
    await offer(texting, "email")
    await phone.get(phone.path.replace("code", "phone"))
    assert phone.page == "start"
    code_path = phone.path.replace("start", "code")
    await phone.post(code_path.replace("code", "phone"), phone=NUMBER)
    assert phone.page == "code"
    assert await sent(texting) == 0


async def test_grace_lets_the_device_on_for_ten_minutes_and_the_code_lifts_the_limit(
    phone: Phone, texting: City
) -> None:
    await ask(phone, "ann@example.org", way="email")
    assert "Get online for 10 minutes" in phone.text
    await phone.post(phone.path.replace("code", "grace"))
    assert is_on_its_way(phone)
    async with texting.database.read() as connection:
        token = (await connection.execute(select(one_time_tokens))).one()
        resident = (await connection.execute(select(residents))).one()
        device = (await connection.execute(select(devices))).one()
    assert resident.contact_kind == "none"
    assert device.access_until == token.access_until
    assert timedelta(minutes=9) < token.access_until - datetime.now(UTC) <= timedelta(minutes=10)
    await phone.arrive(res="success", challenge=None)
    [user_name] = await token_names(texting)
    await start_session(texting, user_name=user_name)
    await phone.get(phone.path)
    assert phone.page == "online"
    assert "You are on for 10 minutes" in phone.text
    await phone.get(phone.path.replace("online", "code"))
    assert phone.page == "code"
    await phone.submit(code=newest_code(texting))
    assert phone.page == "online"
    assert "Your code was right" in phone.text
    async with texting.database.read() as connection:
        resident = (await connection.execute(select(residents))).one()
        device = (await connection.execute(select(devices))).one()
    assert (resident.contact_kind, device.access_until, device.way_in) == ("email", None, "email")
    # The session that grace began ends on time; the next one needs no code.
    await phone.arrive(res="logoff", challenge=None)
    await phone.arrive(challenge="ff" * 16)
    assert phone.page == "connect"


async def test_when_grace_is_over_the_code_is_asked_for_again_and_there_is_no_second_one_that_day(
    phone: Phone, texting: City
) -> None:
    await ask(phone, "ann@example.org", way="email")
    grace = phone.path.replace("code", "grace")
    await phone.post(grace)
    async with texting.database.write() as connection:
        await connection.execute(update(devices).values(access_until=datetime.now(UTC)))
    await phone.arrive(res="logoff", challenge=None)
    await phone.arrive(challenge="ff" * 16)
    assert phone.page == "code"
    assert "Get online for 10 minutes" not in phone.text
    await phone.post(grace)
    assert phone.page == "code"
    assert len(await token_names(texting)) == 1
    async with texting.database.write() as connection:
        await connection.execute(update(way_attempts).values(at=datetime.now(UTC) - timedelta(days=1)))
    await phone.get(phone.path)
    assert "Get online for 10 minutes" in phone.text


async def test_grace_is_for_a_code_that_was_sent_and_not_where_everybody_gets_on_without(
    phone: Phone, city: City
) -> None:
    await ask(phone, "ann@example.org", way="email")
    assert "Get online for 10 minutes" not in phone.text
    await phone.post(phone.path.replace("code", "grace"))
    assert phone.page == "code"
    await offer(city, "email")
    await phone.get(phone.path.replace("code", "start"))
    await phone.submit(way="email", accept_terms="yes")
    await phone.post(phone.path.replace("email", "grace"))
    assert phone.page == "email"
    assert await token_names(city) == []
