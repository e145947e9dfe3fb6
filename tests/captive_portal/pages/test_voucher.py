"""Getting on with a code from paper, or a sponsor's."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.web import Application
from sqlalchemy import func, select, update

from captive_portal.app import create_app
from captive_portal.ways_in.voucher_codes import Form, new_code
from foundation.runtime import Runtime
from foundation.schema import (
    devices,
    one_time_tokens,
    residents,
    sponsored_devices,
    sponsors,
    voucher_batches,
    voucher_uses,
    way_attempts,
)
from tests.captive_portal.codes_on_paper import add_sponsor, offer, print_code
from tests.captive_portal.conftest import LOGIN_URL, City, Client, Phone

OTHER_PHONE = "00-00-5E-00-53-02"
HOUR = timedelta(hours=1)


async def come(phone: Phone, mac: str | None = None) -> Phone:
    """A device that comes to the page that asks for the code."""
    await (phone.arrive(mac=mac) if mac else phone.arrive())
    return await phone.submit(way="code", accept_terms="yes")


async def come_back(phone: Phone, challenge: str) -> Phone:
    """The same device, some time after its session ended."""
    await phone.arrive(res="logoff", challenge=None)
    return await phone.arrive(challenge=challenge * 16)


def is_on_its_way(phone: Phone) -> bool:
    return phone.path.startswith(f"{LOGIN_URL}/logon")


@pytest.fixture
async def offered(city: City) -> City:
    await offer(city, "code,sponsor")
    return city


async def test_the_first_page_shows_what_the_venue_offers(phone: Phone, city: City) -> None:
    await phone.arrive()
    assert [*re.findall(r'name="way" value="(\w+)"', phone.text)] == ["click", "email"]
    await offer(city, "email,click,code", at_venue=False)
    await phone.get(phone.path)
    assert [*re.findall(r'name="way" value="(\w+)"', phone.text)] == ["email", "click", "code"]
    await offer(city, "sponsor,code")
    await phone.get(phone.path)
    assert [*re.findall(r'name="way" value="(\w+)"', phone.text)] == ["code"]
    assert "checked" in phone.text


@pytest.mark.parametrize("way", ["click", "email", "sms", "grace", "sponsor", ""])
async def test_a_way_that_is_not_offered_is_none(phone: Phone, offered: City, way: str) -> None:
    await phone.arrive()
    await phone.submit(way=way, accept_terms="yes")
    assert (phone.status, phone.page) == (422, "start")


@pytest.mark.parametrize("form", [Form.WORDS, Form.DIGITS])
async def test_a_code_from_paper_lets_its_holder_on_without_any_details(
    phone: Phone, offered: City, form: Form
) -> None:
    code = await print_code(offered, form)
    await come(phone)
    assert phone.page == "voucher"
    before = datetime.now(UTC)
    await phone.submit(code=f" {code.text.upper().replace(' ', '-')} ")
    assert is_on_its_way(phone)
    async with offered.database.read() as connection:
        resident = (await connection.execute(select(residents))).one()
        device = (await connection.execute(select(devices))).one()
        token = (await connection.execute(select(one_time_tokens))).one()
        use = (await connection.execute(select(voucher_uses))).one()
    assert (resident.contact_kind, resident.contact_encrypted) == ("code", None)
    assert device.way_in == "code"
    # The session ends with the right that the code gives, and RADIUS says so to the gateway.
    assert token.access_until == device.access_until == use.access_until
    assert timedelta(0) <= device.access_until - before - 4 * HOUR < timedelta(minutes=1)


async def test_a_code_can_be_typed_again_on_its_device_but_gives_no_more_time(phone: Phone, offered: City) -> None:
    code = await print_code(offered)
    await come(phone)
    await phone.submit(code=code.text)
    async with offered.database.write() as connection:
        until = datetime.now(UTC) + timedelta(minutes=5)
        await connection.execute(update(voucher_uses).values(access_until=until))
        await connection.execute(update(devices).values(access_until=datetime.now(UTC)))
    await come_back(phone, "ff")
    assert phone.page == "start"
    await phone.submit(way="code", accept_terms="yes")
    await phone.submit(code=code.text)
    assert is_on_its_way(phone)
    async with offered.database.read() as connection:
        assert (await connection.execute(select(devices.c.access_until))).scalar_one() == until
        assert (await connection.execute(select(func.count()).select_from(voucher_uses))).scalar_one() == 1


async def test_a_device_whose_time_is_over_comes_to_the_first_page(phone: Phone, offered: City) -> None:
    code = await print_code(offered)
    await come(phone)
    await phone.submit(code=code.text)
    await come_back(phone, "ff")
    assert phone.page == "connect"
    async with offered.database.write() as connection:
        await connection.execute(update(devices).values(access_until=datetime.now(UTC)))
    await come_back(phone, "fe")
    assert phone.page == "start"


async def test_a_device_that_came_by_a_way_which_is_offered_no_longer_chooses_again(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes")
    await come_back(phone, "ff")
    assert phone.page == "connect"
    await offer(city, "email")
    await come_back(phone, "fe")
    assert phone.page == "start"


async def test_remembering_lasts_no_longer_than_the_code(phone: Phone, offered: City) -> None:
    code = await print_code(offered)
    await phone.arrive()
    await phone.submit(way="code", accept_terms="yes", remember_device="yes")
    await phone.submit(code=code.text)
    async with offered.database.read() as connection:
        device = (await connection.execute(select(devices))).one()
    assert device.remembered_until == device.access_until


async def test_so_many_devices_and_no_more(phone: Phone, client: Client, offered: City) -> None:
    code = await print_code(offered, devices_per_code=2)
    for mac in ("00-00-5E-00-53-01", "00-00-5E-00-53-02"):
        await come(phone, mac)
        await phone.submit(code=code.text)
        assert is_on_its_way(phone)
    await come(phone, "00-00-5E-00-53-03")
    await phone.submit(code=code.text)
    assert phone.status == 422
    assert "has been used" in phone.text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"expires_at": datetime.now(UTC) - HOUR}, "too old"),
        ({"revoked_at": datetime.now(UTC) - HOUR}, "too old"),
    ],
    ids=["expired", "taken back"],
)
async def test_a_code_whose_time_is_over_says_so(
    phone: Phone, offered: City, changed: dict[str, datetime], words: str
) -> None:
    code = await print_code(offered, Form.WORDS, **changed)
    await come(phone)
    await phone.submit(code=code.text)
    assert phone.status == 422
    assert words in phone.text


async def test_a_code_is_good_only_where_its_batch_is(phone: Phone, offered: City) -> None:
    code = await print_code(offered, venue_id=offered.venue_id)
    await come(phone)
    await phone.submit(code=code.text)
    assert is_on_its_way(phone)


async def test_a_slip_is_told_from_an_unknown_code_and_is_not_counted(phone: Phone, offered: City) -> None:
    await come(phone)
    await phone.submit(code="acorn acorn acorn hippopotamus")
    assert "Word 4 is not one of ours" in phone.text
    await phone.submit(code="123 456 789")
    assert "There is a slip in the code" in phone.text
    await phone.submit(code="acorn")
    assert "4 words or 9 numbers" in phone.text
    async with offered.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(way_attempts))).scalar_one() == 0
    await phone.submit(code=new_code(Form.WORDS).text)
    assert "We do not know this code" in phone.text
    async with offered.database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(way_attempts))).scalar_one() == 1


@pytest.mark.parametrize("limit", ["device", "venue", "council"])
async def test_after_so_many_wrong_codes_not_even_the_right_one_is_looked_at(
    offered: City, limit: str, aiohttp_client: Callable[[Application], Awaitable[Client]]
) -> None:
    limits = {f"wrong_codes_per_{limit}_per_hour": 2}
    settings = offered.runtime.settings
    settings = settings.model_copy(update={"portal": settings.portal.model_copy(update=limits)})
    runtime = Runtime(settings, offered.database, offered.runtime.keyring)
    phone = Phone(await aiohttp_client(create_app(runtime)), replace(offered, runtime=runtime))
    code = await print_code(offered)
    for attempt in range(2):
        await come(phone, "00-00-5E-00-53-01" if limit == "device" else f"00-00-5E-00-53-1{attempt}")
        await phone.submit(code=new_code(Form.WORDS).text)
    await come(phone, "00-00-5E-00-53-01")
    await phone.submit(code=code.text)
    assert "Too many wrong codes" in phone.text
    async with offered.database.write() as connection:
        await connection.execute(update(way_attempts).values(at=datetime.now(UTC) - HOUR))
    await phone.submit(code=code.text)
    assert is_on_its_way(phone)


async def test_pictures_are_pressed_one_after_the_other(phone: Phone, offered: City) -> None:
    code = await print_code(offered, Form.PICTURES)
    await come(phone)
    await phone.get(phone.path.replace("voucher", "pictures"))
    assert phone.text.count('class="picture"') == 16
    await phone.submit(picture="3")
    await phone.submit(undo="yes")
    for symbol in code.symbols:
        assert phone.page == "pictures"
        await phone.submit(picture=str(symbol))
    assert is_on_its_way(phone)


async def test_wrong_pictures_are_all_pressed_again(phone: Phone, offered: City) -> None:
    code = await print_code(offered, Form.PICTURES)
    await come(phone)
    await phone.get(phone.path.replace("voucher", "pictures"))
    for symbol in (*code.symbols[:-1], (code.symbols[-1] + 1) % 16):
        await phone.submit(picture=str(symbol))
    assert phone.status == 422
    assert 'name="chosen" value=""' in phone.text


@pytest.mark.parametrize("chosen", ["99-1", "x", "1-" * 50, "1-2-3-4-5-6-7-8-9", "-1"])
async def test_what_a_page_hands_on_is_not_trusted(phone: Phone, offered: City, chosen: str) -> None:
    await come(phone)
    await phone.get(phone.path.replace("voucher", "pictures"))
    await phone.post(phone.path, chosen=chosen, picture="77")
    assert phone.status in (200, 422)


async def test_a_sponsors_code_lets_so_many_devices_on_as_a_group(phone: Phone, offered: City) -> None:
    code = await add_sponsor(offered)
    for mac in (None, OTHER_PHONE):
        await come(phone, mac)
        await phone.submit(code=code.text)
        assert is_on_its_way(phone)
    await come(phone, "00-00-5E-00-53-03")
    await phone.submit(code=code.text)
    assert phone.status == 422
    async with offered.database.read() as connection:
        people = (await connection.execute(select(residents.c.contact_kind, residents.c.group_name))).all()
        until = (await connection.execute(select(devices.c.access_until))).scalars().all()
        end = (await connection.execute(select(sponsors.c.expires_at))).scalar_one()
        members = (await connection.execute(select(func.count()).select_from(sponsored_devices))).scalar_one()
    assert people == [("sponsor", "hostel"), ("sponsor", "hostel")]
    assert set(until) == {end}
    assert members == 2


async def test_a_groups_policy_does_not_follow_who_comes_by_another_way(phone: Phone, city: City) -> None:
    await offer(city, "click,sponsor")
    code = await add_sponsor(city)
    await come(phone)
    await phone.submit(code=code.text)
    async with city.database.write() as connection:
        await connection.execute(update(devices).values(access_until=datetime.now(UTC)))
    await come_back(phone, "ff")
    await phone.submit(way="click", accept_terms="yes")
    async with city.database.read() as connection:
        owner = select(residents.c.group_name).join(devices, devices.c.resident_id == residents.c.id)
        assert (await connection.execute(owner)).scalar_one() == ""


async def test_a_code_of_another_kind_than_is_offered_is_unknown(phone: Phone, city: City) -> None:
    await offer(city, "sponsor")
    code = await print_code(city)
    await come(phone)
    await phone.submit(code=code.text)
    assert "We do not know this code" in phone.text


async def test_no_code_is_kept_in_clear(phone: Phone, offered: City) -> None:
    code = await print_code(offered, name="Front desk")
    await come(phone)
    await phone.submit(code=code.text)
    async with offered.database.read() as connection:
        for table in (voucher_batches, voucher_uses, residents, devices):
            rows = str((await connection.execute(select(table))).all())
            assert not any(word in rows for word in code.text.split())
