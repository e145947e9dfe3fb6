"""Carrying on in another browser by a short address or its QR code."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import segno
from sqlalchemy import select, update

from captive_portal.storage import carry_on
from foundation.schema import carry_on_addresses
from tests.captive_portal.conftest import PORTAL_URL, City, Phone, get_online


async def address_on(phone: Phone) -> str:
    """The path of the address that the journey's page shows."""
    await phone.get(f"/j/{phone.path.split('/')[2]}/carry-on")
    assert (phone.status, phone.page) == (200, "carry-on")
    found = re.search(r'<p class="value" dir="ltr">(.*)</p>', phone.text)
    assert found is not None
    shown = found[1].replace("<wbr>", "")
    assert shown.startswith(PORTAL_URL)
    return shown.removeprefix(PORTAL_URL)


async def test_another_browser_goes_on_where_the_first_one_was(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    journey = phone.path.rpartition("/")[0]
    address = await address_on(phone)
    browser = Phone(phone.client, city)
    await browser.get(address.upper().replace("/GO/", "/go/"))
    assert browser.path == f"{journey}/email"


async def test_the_qr_code_has_the_short_address_and_never_the_journeys_own(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    identifier = phone.path.split("/")[2]
    address = await address_on(phone)
    found = re.search(r'<img class="qr" src="data:image/svg\+xml;charset=utf-8,([^"]*)"', phone.text)
    assert found is not None
    drawn = segno.make(PORTAL_URL + address, error="m").svg_data_uri(scale=6, light="#fff")
    assert unquote(found[1]) in unquote(drawn)
    assert identifier not in unquote(found[1])
    assert base64.b64encode(identifier.encode()).decode() not in phone.text


async def test_the_address_stays_the_same_while_it_is_worth_showing(phone: Phone, city: City) -> None:
    await phone.arrive()
    first = await address_on(phone)
    assert await address_on(phone) == first
    async with city.database.write() as connection:
        soon = datetime.now(UTC) + timedelta(minutes=1)
        await connection.execute(update(carry_on_addresses).values(expires_at=soon))
    second = await address_on(phone)
    assert second != first
    await phone.get(first)
    assert phone.status == 404


async def test_an_address_is_opened_three_times_at_most(phone: Phone, city: City) -> None:
    await phone.arrive()
    address = await address_on(phone)
    browser = Phone(phone.client, city)
    for _ in range(3):
        await browser.get(address)
        assert browser.page == "start"
    await browser.get(address)
    assert browser.status == 404
    assert "leads nowhere any more" in browser.text
    assert await address_on(phone) != address


async def test_looking_at_an_address_without_opening_it_uses_nothing_up(phone: Phone, city: City) -> None:
    await phone.arrive()
    address = await address_on(phone)
    answer = await phone.client.head(address, allow_redirects=False)
    assert answer.status == 405
    async with city.database.read() as connection:
        assert (await connection.execute(select(carry_on_addresses.c.openings_left))).scalar_one() == 3


async def test_an_address_that_is_over_leads_nowhere(phone: Phone, city: City) -> None:
    await phone.arrive()
    address = await address_on(phone)
    async with city.database.write() as connection:
        await connection.execute(update(carry_on_addresses).values(expires_at=datetime.now(UTC)))
    await phone.get(address)
    assert phone.status == 404


async def test_an_address_that_was_never_given_leads_nowhere(phone: Phone) -> None:
    for wrong in ("/go/abcd-efgh-jkmn", "/go/aaaa-bbbb-ccc1", "/go/abcdefghjkmn"):
        await phone.get(wrong)
        assert phone.status == 404


async def test_the_database_does_not_have_the_address(phone: Phone, city: City) -> None:
    await phone.arrive()
    path = (await address_on(phone)).removeprefix("/go/")
    async with city.database.read() as connection:
        row = (await connection.execute(select(carry_on_addresses))).one()
        assert path.encode() not in row.path_encrypted + row.path_pseudonym
        found = await carry_on.find(connection, city.runtime.keyring, row.journey_id, datetime.now(UTC))
    assert found is not None
    assert found.path == path


async def test_deleting_everything_takes_the_address_too(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    address = await address_on(phone)
    await phone.get(phone.path.replace("carry-on", "data/delete"))
    await phone.submit(confirm="yes")
    assert phone.page == "online"
    await phone.get(address)
    assert phone.status == 404
