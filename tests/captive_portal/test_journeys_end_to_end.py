"""Whole journeys over HTTP, as a phone without scripts and cookies makes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp.web import Application
from sqlalchemy import func, select, update

from captive_portal.app import create_app
from captive_portal.gateways.coovachilli import chap_response
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import (
    accounting_sessions,
    devices,
    journeys,
    network_access_servers,
    one_time_tokens,
    residents,
    terms_acceptances,
)
from foundation.settings import Settings
from tests.captive_portal.conftest import (
    LOGIN_URL,
    PORTAL_SECRET,
    City,
    Client,
    Phone,
    build_city,
    get_online,
    newest_code,
    publish_terms,
    start_session,
    token_names,
)
from tests.conftest import insert_council

LOG_ON = f"{LOGIN_URL}/logon"


async def count(city: City, table: object) -> int:
    async with city.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]  # a table


async def age_journeys(city: City, **columns: datetime) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(journeys).values(**columns))


async def test_click_through_leads_from_the_redirect_to_online_and_out_again(phone: Phone, city: City) -> None:
    await phone.arrive()
    assert phone.page == "start"
    assert "Free WiFi at Central Library" in phone.text
    await phone.submit(way="click", accept_terms="yes")
    address = urlsplit(phone.path)
    assert f"{address.scheme}://{address.netloc}{address.path}" == LOG_ON
    [user_name] = await token_names(city)
    password = city.runtime.keyring.one_time_password(user_name)
    expected = chap_response(password, bytes(range(16)), PORTAL_SECRET)
    assert parse_qs(address.query) == {"username": [user_name], "response": [expected]}

    await phone.arrive(res="success", challenge=None)
    assert phone.page == "waiting"
    assert 'http-equiv="refresh"' in phone.text
    await start_session(city, user_name=user_name)
    await phone.get(phone.path)
    assert phone.page == "online"
    assert "You are online" in phone.text

    await phone.get(phone.path.replace("online", "status"))
    assert "42.3 MB" in phone.text
    assert "3 hours 59 minutes" in phone.text or "4 hours" in phone.text
    await phone.submit()
    assert phone.path == f"{LOGIN_URL}/logoff"
    await phone.arrive(res="logoff", challenge=None)
    assert phone.page == "ended"


async def test_the_email_journey_on_both_databases(
    any_database: Database,
    keyring: Keyring,
    settings: Settings,
    aiohttp_client: Callable[[Application], Awaitable[Client]],
) -> None:
    city = await build_city(Runtime(settings, any_database, keyring), await insert_council(any_database))
    phone = Phone(await aiohttp_client(create_app(city.runtime)), city)
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes", remember_device="yes")
    assert phone.page == "email"
    await phone.submit(email="ann@example.org")
    assert phone.page == "code"
    assert "ann@" not in phone.text
    digits = newest_code(city)
    await phone.submit(code=f" {digits[:3]} {digits[3:]} ")
    assert phone.path.startswith(LOG_ON)
    async with city.database.read() as connection:
        resident = (await connection.execute(select(residents))).one()
        device = (await connection.execute(select(devices))).one()
        [accepted] = (await connection.execute(select(terms_acceptances))).all()
    assert keyring.decrypt("contact", resident.contact_encrypted) == b"ann@example.org"
    assert resident.contact_kind == "email"
    assert device.resident_id == accepted.resident_id == resident.id
    assert device.remembered_until > datetime.now(UTC) + timedelta(days=89)
    await phone.arrive(res="success", challenge=None)
    await start_session(city, user_name=(await token_names(city))[0])
    await phone.get(phone.path)
    assert phone.page == "online"
    await phone.get(phone.path.replace("online", "status"))
    assert "This device is remembered" in phone.text
    await phone.post(phone.path.replace("status", "forget"))
    assert "We no longer remember this device" in phone.text
    async with city.database.read() as connection:
        assert (await connection.execute(select(devices.c.remembered_until))).scalar_one() is None


async def test_a_returning_device_presses_one_button(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await phone.arrive()
    assert phone.page == "connect"
    assert await count(city, journeys) == 1
    await phone.submit()
    assert phone.path.startswith(LOG_ON)
    assert await count(city, residents) == 1


async def test_a_device_that_comes_back_after_its_journey_is_over_presses_one_button(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await age_journeys(city, expires_at=datetime.now(UTC))
    await phone.arrive()
    assert phone.page == "connect"
    assert await count(city, journeys) == 2


async def test_new_terms_are_shown_to_those_who_accepted_the_old_ones(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await publish_terms(city, 2)
    await phone.arrive()
    assert phone.page == "start"
    await phone.submit(way="click", accept_terms="yes")
    assert phone.path.startswith(LOG_ON)
    assert await count(city, residents) == 1
    assert await count(city, terms_acceptances) == 2


async def test_reopening_the_page_continues_at_the_same_step(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    path = phone.path
    reopened = await Phone(phone.client, city).arrive()
    assert reopened.path == path
    assert await count(city, journeys) == 1


async def test_probes_and_reloads_write_nothing(phone: Phone, city: City) -> None:
    async def updated_at() -> datetime:
        async with city.database.read() as connection:
            return datetime.fromisoformat(str((await connection.execute(select(journeys.c.updated_at))).scalar_one()))

    await phone.arrive()
    before = await updated_at()
    await phone.arrive()
    assert await updated_at() == before
    await phone.submit(way="click", accept_terms="yes")
    released = await updated_at()
    await phone.arrive(res="success", challenge=None)
    assert await updated_at() == released


async def test_the_language_is_taken_from_the_browser_and_kept_when_it_is_switched(phone: Phone, city: City) -> None:
    phone.headers["Accept-Language"] = "cy-GB,cy;q=0.9,en;q=0.5"
    await phone.arrive()
    assert '<html class="govuk-template" lang="cy" dir="ltr">' in phone.text
    await phone.get(f"{phone.path}?lang=en")
    assert '<html class="govuk-template" lang="en" dir="ltr">' in phone.text
    assert "lang=en" not in phone.path
    await phone.submit()
    assert "There is a problem" in phone.text
    await phone.get(f"{phone.path}?lang=cy")
    await phone.submit(way="click", accept_terms="yes")
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents.c.language))).scalar_one() == "cy"


async def test_the_gateways_word_for_the_language_counts_more_than_the_browsers(phone: Phone) -> None:
    phone.headers["Accept-Language"] = "en"
    await phone.arrive(lang="cy")
    assert '<html class="govuk-template" lang="cy" dir="ltr">' in phone.text


async def test_a_form_with_nothing_chosen_says_what_is_missing_beside_it(phone: Phone) -> None:
    await phone.arrive()
    await phone.submit()
    assert phone.status == 422
    assert "<title>Error: " in phone.text
    for field in ("way", "accept_terms"):
        assert f'href="#{field}"' in phone.text
        assert f'id="{field}"' in phone.text
        assert f'id="{field}-error"' in phone.text
    await phone.submit(way="email")
    assert "Choose how you want to get online" not in phone.text
    assert phone.text.count(" checked") == 1


async def test_terms_that_changed_meanwhile_must_be_read_again(phone: Phone, city: City) -> None:
    await phone.arrive()
    await publish_terms(city, 2)
    await phone.submit(way="click", accept_terms="yes")
    assert phone.status == 422
    assert "The terms have changed" in phone.text
    await phone.submit(way="click", accept_terms="yes")
    assert phone.path.startswith(LOG_ON)


async def test_without_terms_nobody_is_asked_to_accept_any(phone: Phone, city: City) -> None:
    async with city.database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM terms_versions")
    await phone.arrive()
    assert phone.status == 503
    assert "not open yet" in phone.text


async def test_an_old_challenge_is_renewed_on_the_way(phone: Phone, city: City) -> None:
    await phone.arrive()
    async with city.database.write() as connection:
        # As after ten minutes of reading the terms.
        row = (await connection.execute(select(journeys.c.id, journeys.c.details_encrypted))).one()
        keyring = city.runtime.keyring
        details = keyring.decrypt("journey", row.details_encrypted).decode()
        year = str(datetime.now(UTC).year)
        aged = keyring.encrypt("journey", details.replace(f'"{year}-', '"2020-').encode())
        await connection.execute(update(journeys).values(details_encrypted=aged))
    await phone.submit(way="click", accept_terms="yes")
    assert phone.path == f"{LOGIN_URL}/prelogin"
    assert await token_names(city) == []
    await phone.arrive(challenge="ff" * 16)
    [user_name] = await token_names(city)
    password = city.runtime.keyring.one_time_password(user_name)
    expected = chap_response(password, b"\xff" * 16, PORTAL_SECRET)
    assert phone.path == f"{LOG_ON}?username={user_name}&response={expected}"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("reject", "did not let your device on"),
        ("timeout", "did not answer in time"),
        ("mtu", "It was not your fault"),
        ("other", "It was not your fault"),
    ],
)
async def test_a_failure_says_what_to_do_and_can_be_tried_again(phone: Phone, reason: str, words: str) -> None:
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes")
    await phone.arrive(res="failed", reason=reason)
    assert phone.page == "failed"
    assert words in phone.text
    await phone.submit()
    assert phone.path == f"{LOGIN_URL}/prelogin"
    await phone.arrive()
    assert phone.path.startswith(LOG_ON)


async def test_waiting_gives_up_with_help_and_a_way_to_try_again(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes")
    await phone.arrive(res="success", challenge=None)
    path = phone.path
    async with city.database.write() as connection:
        row = (await connection.execute(select(journeys.c.details_encrypted))).one()
        keyring = city.runtime.keyring
        details = keyring.decrypt("journey", row.details_encrypted).decode()
        aged = details.replace(f'"{datetime.now(UTC).year}-', '"2020-')
        await connection.execute(update(journeys).values(details_encrypted=keyring.encrypt("journey", aged.encode())))
    await phone.get(path)
    assert "This is taking too long" in phone.text
    assert "http-equiv" not in phone.text
    await phone.submit()
    assert phone.path == f"{LOGIN_URL}/prelogin"


async def test_only_a_session_since_the_release_is_proof(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    # RADIUS let the device on with the first token, an hour ago, and never heard that the session ended.
    async with city.database.write() as connection:
        await connection.execute(update(one_time_tokens).values(uses=1))
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        await connection.execute(update(accounting_sessions).values(started_at=long_ago))
    await phone.arrive()
    await phone.submit()
    await phone.arrive(res="success", challenge=None)
    assert phone.page == "waiting"
    assert len(await token_names(city)) == 2


async def test_a_gateway_with_a_slow_clock_is_believed_by_the_one_time_name(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="click", accept_terms="yes")
    await phone.arrive(res="success", challenge=None)
    long_ago = datetime.now(UTC) - timedelta(days=60)
    await start_session(city, started_at=long_ago, user_name="somebody-else")
    await phone.get(phone.path)
    assert phone.page == "waiting"
    await start_session(city, started_at=long_ago, user_name=(await token_names(city))[0], number=2)
    await phone.get(phone.path)
    assert phone.page == "online"


async def test_a_device_that_was_on_already_needs_no_new_session(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await phone.arrive()
    await phone.submit()
    await phone.arrive(res="already", challenge=None)
    assert phone.page == "online"


async def test_a_session_that_ended_is_shown_as_offline(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(stopped_at=datetime.now(UTC)))
    await phone.get(phone.path.replace("online", "status"))
    assert phone.page == "ended"
    await phone.submit()
    assert phone.path == f"{LOGIN_URL}/prelogin"


async def test_an_expired_journey_starts_again_at_its_gateway(phone: Phone, city: City) -> None:
    await phone.arrive()
    form = phone.text
    await age_journeys(city, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await phone.get(phone.path)
    assert (phone.page, phone.status) == ("expired", 410)
    await phone.submit()
    assert phone.path == f"{LOGIN_URL}/prelogin"
    phone.text = form
    await phone.submit(way="click", accept_terms="yes")
    assert phone.page == "expired"


async def test_a_journey_nobody_has_seen_can_still_be_told_that_it_failed_or_ended(phone: Phone) -> None:
    for result in ("failed", "logoff", "success", "already"):
        await phone.arrive(res=result, mac="00-00-5E-00-53-77")
        assert phone.status == 200


async def test_who_logs_off_without_having_registered_is_asked_to(phone: Phone, city: City) -> None:
    await phone.arrive(res="success", challenge=None)
    assert phone.page == "waiting"
    await phone.post(phone.path.replace("waiting", "connect"))
    assert phone.page == "start"


async def test_a_gateway_without_a_portal_secret_is_served_unsealed(phone: Phone, city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(portal_secret_encrypted=None))
    await phone.arrive(secret=None)
    assert phone.page == "start"


async def test_the_access_points_venue_is_shown_and_recorded(phone: Phone, city: City) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(venue_id=None))
    await phone.arrive(nasid=None)
    assert "Central Library" in phone.text
    await phone.submit(way="click", accept_terms="yes")
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents.c.registered_venue_id))).scalar_one() == city.venue_id


async def test_a_randomised_address_is_noted(phone: Phone, city: City) -> None:
    await phone.arrive(mac="02-00-5E-00-53-01")
    await phone.submit(way="click", accept_terms="yes")
    async with city.database.read() as connection:
        assert (await connection.execute(select(devices.c.randomised))).scalar_one() is True
