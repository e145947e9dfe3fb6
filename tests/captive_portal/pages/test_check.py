"""Is it me or the WiFi? What the page says, and that time and data left are what the policy gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from foundation.schema import (
    access_points,
    accounting_restarts,
    accounting_sessions,
    devices,
    policies,
    residents,
    venues,
)
from tests.captive_portal.conftest import City, Phone, get_online

OTHER_PEOPLE = "Several are online now"


async def set_policy(city: City, **limits: object) -> None:
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        await connection.execute(
            policies.insert().values(council_id=city.council_id, scope="all", created_at=now, updated_at=now, **limits)
        )


async def hear(city: City, ago: timedelta) -> None:
    """The library's access point was last heard so long ago."""
    async with city.database.write() as connection:
        await connection.execute(update(access_points).values(last_heard_at=datetime.now(UTC) - ago))


async def tell_last(city: City, ago: timedelta) -> None:
    """Accounting last told of every device so long ago."""
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(received_at=datetime.now(UTC) - ago))


async def begin(city: City, ago: timedelta) -> None:
    """The session began so long ago."""
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(started_at=datetime.now(UTC) - ago))


async def put_others_on(city: City, number: int) -> None:
    """So many other residents are on at the library, and were heard of just now."""
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        for each in range(number):
            person = residents.insert().values(
                council_id=city.council_id, contact_kind="none", registered_at=now, last_seen_at=now
            )
            resident_id = (await connection.execute(person.returning(residents.c.id))).scalar_one()
            device = devices.insert().values(
                council_id=city.council_id, resident_id=resident_id, mac_pseudonym=bytes([each]) * 16,
                randomised=False, created_at=now, last_seen_at=now,
            )  # fmt: skip
            device_id = (await connection.execute(device.returning(devices.c.id))).scalar_one()
            await connection.execute(
                accounting_sessions.insert().values(
                    council_id=city.council_id, session_key=bytes([100 + each]) * 16, nas_id=city.nas_id,
                    venue_id=city.venue_id, resident_id=resident_id, device_id=device_id, acct_session_id=f"o{each}",
                    started_at=now, updated_at=now, received_at=now,
                )
            )  # fmt: skip


async def check(phone: Phone) -> str:
    await phone.get(f"/j/{phone.path.split('/')[2]}/check")
    assert (phone.status, phone.page) == (200, "check")
    return phone.text


async def test_a_device_that_is_on_is_told_so_and_what_to_try(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await hear(city, timedelta(seconds=10))
    text = await check(phone)
    assert "We see nothing wrong" in text
    assert "try another: that one may have a fault of its own" in text
    assert "Just now" in text


async def test_the_status_page_has_the_answer_in_short_and_the_way_to_it(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await phone.get(phone.path.replace("online", "status"))
    assert "We see nothing wrong: The WiFi here works, and your device is on it." in phone.text
    assert "/check" in phone.text


async def test_who_has_not_signed_in_is_told_so(phone: Phone) -> None:
    await phone.arrive()
    assert "you have not finished signing in" in await check(phone)


async def test_a_device_that_nobody_tells_of_while_others_are_on_is_told_that_it_is_the_device(
    phone: Phone, city: City
) -> None:
    await get_online(phone, city)
    await tell_last(city, timedelta(hours=1))
    await put_others_on(city, 5)
    text = await check(phone)
    assert "It looks like your device" in text
    assert "1 hour ago" in text
    assert OTHER_PEOPLE in text


async def test_how_many_others_are_on_is_never_told_and_few_are_not_told_of_at_all(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await put_others_on(city, 4)
    await hear(city, timedelta(minutes=1))
    assert OTHER_PEOPLE not in await check(phone)
    await tell_last(city, timedelta(hours=1))
    assert "It could be either" in await check(phone)


async def test_a_venue_that_is_silent_while_open_is_told_of_as_the_wifis_fault(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await hear(city, timedelta(hours=2))
    await tell_last(city, timedelta(hours=1))
    text = await check(phone)
    assert "It looks like the WiFi" in text
    assert "2 hours ago" in text


async def test_silence_of_a_venue_that_is_closed_is_no_fault(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await hear(city, timedelta(hours=2))
    await tell_last(city, timedelta(hours=1))
    async with city.database.write() as connection:
        await connection.execute(update(venues).values(opening_hours={"monday": []}))
    assert "It could be either" in await check(phone)


async def test_a_restart_is_told_of_where_a_device_is_not_let_on(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes")
    await phone.arrive(res="failed", reason="timeout")
    assert phone.page == "failed"
    assert "/check" in phone.text
    await hear(city, timedelta(minutes=1))
    assert "It could be either" in await check(phone)
    async with city.database.write() as connection:
        await connection.execute(
            accounting_restarts.insert().values(
                council_id=city.council_id, nas_id=city.nas_id, nas_identifier="central",
                restarted_at=datetime.now(UTC) - timedelta(minutes=1),
            )
        )  # fmt: skip
    assert "The WiFi here has just started again" in await check(phone)


@pytest.mark.parametrize("limit", [{"daily_seconds": 1}, {"daily_octets": 1_000}])
async def test_a_day_that_is_used_up_is_a_limit_and_no_fault(
    phone: Phone, city: City, limit: dict[str, object]
) -> None:
    await get_online(phone, city)
    await begin(city, timedelta(minutes=1))
    await set_policy(city, **limit)
    text = await check(phone)
    assert "Nothing is broken: a limit was reached" in text
    assert "There is more from midnight on." in text


async def test_the_speeds_and_what_is_left_are_the_policys(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await begin(city, timedelta(seconds=90))
    await set_policy(
        city, session_seconds=1800, daily_octets=142_300_000, download_kilobits_per_second=2000,
        upload_kilobits_per_second=512,
    )  # fmt: skip
    text = await check(phone)
    assert "28 minutes" in text
    assert "100 MB" in text
    assert "2 megabits a second" in text
    assert "512 kilobits a second" in text


async def test_time_and_data_left_on_the_status_page_are_what_the_policy_gives(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await begin(city, timedelta(seconds=90))
    await phone.get(phone.path.replace("online", "status"))
    assert "3 hours 58 minutes" in phone.text
    assert "Data left today" not in phone.text
    assert "When your time is over you can connect again." in phone.text
    await set_policy(city, daily_seconds=600, daily_octets=142_300_000)
    await phone.get(phone.path)
    assert "8 minutes" in phone.text
    assert "100 MB" in phone.text
    assert "you cannot connect again at once" in phone.text


async def test_a_journey_whose_resident_was_erased_has_no_answer(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await phone.get(phone.path.replace("online", "data/delete"))
    await phone.submit(confirm="yes")
    for page in ("check", "report", "carry-on"):
        await phone.get(phone.path.rpartition("/")[0] + f"/{page}")
        assert phone.page == "online"
