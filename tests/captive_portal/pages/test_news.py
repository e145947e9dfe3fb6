"""News: asked for on a page of its own after being online, never before, and as easily stopped as begun."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from captive_portal.information_rights.marketing import Channel, Controller, Sender, stop_token
from captive_portal.pages import connection as online_page
from captive_portal.pages import news
from captive_portal.storage import marketing
from foundation.schema import marketing_consents, residents, venues
from tests.captive_portal.conftest import City, Phone, get_online, newest_code, start_session, token_names

NEWS = "Email me news about the libraries"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COUNCIL = Sender(Controller.COUNCIL, "Coventry City Council", None, Channel.EMAIL)


async def offer(city: City, sender: Sender = COUNCIL, **texts: str) -> int:
    async with city.database.write() as connection:
        return await marketing.publish_offer(connection, city.council_id, sender, texts or {"en": NEWS}, NOW)


async def online_by_email(phone: Phone, city: City) -> str:
    """The path of the journey, on its page "You are online"."""
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.submit(code=newest_code(city))
    await phone.arrive(res="success", challenge=None)
    await start_session(city, user_name=(await token_names(city))[-1])
    await phone.get(phone.path)
    assert phone.page == "online"
    return phone.path.rpartition("/")[0]


async def consents(city: City) -> list[tuple[int, bool]]:
    """Which offers, and whether they were taken back."""
    async with city.database.read() as connection:
        rows = await connection.execute(select(marketing_consents).order_by(marketing_consents.c.id))
        return [(row.offer_id, row.withdrawn_at is not None) for row in rows]


def box(phone: Phone) -> str:
    """The name of the page's first box."""
    found = re.search(r'name="(offer-\d+)"', phone.text)
    assert found is not None
    return found[1]


async def test_nothing_is_asked_on_the_way_in_and_no_box_is_ticked(phone: Phone, city: City) -> None:
    await offer(city)
    await phone.arrive()
    assert NEWS not in phone.text
    journey = await online_by_email(phone, city)
    assert f'href="{journey}/news"' in phone.text
    await phone.get(f"{journey}/news")
    assert NEWS in phone.text
    assert "Coventry City Council</span> · By email" in phone.text
    assert " checked" not in phone.text
    assert await consents(city) == []


async def test_a_yes_is_kept_with_its_words_and_taken_back_by_the_same_box(phone: Phone, city: City) -> None:
    await offer(city)
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/news")
    ticked = box(phone)
    await phone.submit(**{ticked: "yes"})
    assert "Your choice was kept" in phone.text
    assert " checked" in phone.text
    await phone.submit(**{ticked: "yes"})
    assert await consents(city) == [(1, False)]
    async with city.database.read() as connection:
        row = (await connection.execute(select(marketing_consents))).one()
    assert (row.venue_id, row.council_id) == (city.venue_id, city.council_id)
    await phone.submit()
    assert " checked" not in phone.text
    assert await consents(city) == [(1, True)]


async def test_what_was_read_is_what_is_agreed_to_in_its_language(phone: Phone, city: City) -> None:
    await offer(city, en=NEWS, cy="Anfonwch newyddion ataf")
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/news?lang=cy")
    assert "Anfonwch newyddion ataf" in phone.text
    welsh = box(phone)
    shown = welsh.replace("offer", "shown")
    await phone.get(f"{journey}/news?lang=en")
    await phone.post(f"{journey}/news", **{shown: "yes", welsh: "yes"})
    assert await consents(city) == [(int(welsh.removeprefix("offer-")), False)]
    assert " checked" in phone.text


async def test_another_text_asks_anew_and_keeps_who_said_yes(phone: Phone, city: City) -> None:
    await offer(city)
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/news")
    await phone.submit(**{box(phone): "yes"})
    await offer(city, en="Email me news about libraries and museums")
    await phone.get(f"{journey}/news")
    assert "libraries and museums" in phone.text
    assert NEWS not in phone.text
    assert " checked" in phone.text
    async with city.database.write() as connection:
        assert await marketing.close_offer(connection, city.council_id, 2, NOW)
    await phone.get(f"{journey}/news")
    assert NEWS in phone.text
    await phone.submit()
    assert await consents(city) == [(1, True)]


async def test_each_controller_is_agreed_to_by_itself(phone: Phone, city: City) -> None:
    async with city.database.write() as connection:
        other = {"council_id": city.council_id, "source": "test", "name": "Pool", "created_at": NOW, "updated_at": NOW}
        added = venues.insert().values(**other, reference="2").returning(venues.c.id)
        elsewhere = (await connection.execute(added)).scalar_one()
    await offer(city)
    await offer(city, Sender(Controller.VENUE, "Central Library", city.venue_id, Channel.EMAIL), en="Reading groups")
    await offer(city, Sender(Controller.VENUE, "The pool", elsewhere, Channel.EMAIL), en="Swimming")
    await offer(city, Sender(Controller.OPERATOR, "An operator", None, Channel.SMS), en="Texts about WiFi")
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/news")
    assert "Reading groups" in phone.text
    assert "Swimming" not in phone.text
    assert "Texts about WiFi" not in phone.text
    await phone.post(f"{journey}/news", **{"shown-1": "yes", "shown-2": "yes", "offer-2": "yes", "offer-3": "yes"})
    assert await consents(city) == [(2, False)]


async def test_who_gave_no_contact_is_not_asked(phone: Phone, city: City) -> None:
    await offer(city)
    await get_online(phone, city)
    assert "/news" not in phone.text
    journey = phone.path.rpartition("/")[0]
    await phone.get(f"{journey}/news")
    assert phone.page == "online"
    await phone.post(f"{journey}/news", **{"shown-1": "yes", "offer-1": "yes"})
    assert await consents(city) == []


async def test_some_time_after_the_code_the_contact_is_proved_anew(
    phone: Phone, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offer(city)
    journey = await online_by_email(phone, city)
    later = datetime.now(UTC) + timedelta(minutes=16)
    for page in (news, online_page):
        monkeypatch.setattr(page, "clock", lambda: later)
    await phone.get(f"{journey}/online")
    assert "/news" not in phone.text
    await phone.get(f"{journey}/news")
    assert phone.page == "data"


async def test_my_data_has_what_was_agreed_to_and_the_way_to_change_it(phone: Phone, city: City) -> None:
    await offer(city)
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/news")
    await phone.submit(**{box(phone): "yes"})
    await phone.get(f"{journey}/data")
    await phone.submit()
    await phone.submit(code=newest_code(city))
    assert NEWS in phone.text
    assert f'href="{journey}/news"' in phone.text
    await phone.get(f"{journey}/data/export.json")
    assert NEWS in phone.text


async def test_a_message_has_an_address_that_stops_it_by_one_click_and_without_a_log_in(
    phone: Phone, city: City
) -> None:
    await offer(city)
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/news")
    await phone.submit(**{box(phone): "yes"})
    async with city.database.read() as connection:
        [recipient] = await marketing.recipients(connection, city.runtime, city.council_id, COUNCIL)
    assert (recipient.contact, recipient.text) == ("ann@example.org", NEWS)
    assert "ann" not in repr(recipient)
    path = f"/news/stop/{recipient.stop_token}"
    await phone.get(path)
    assert await consents(city) == [(1, False)]
    await phone.post(path, **{"List-Unsubscribe": "One-Click"})
    assert (phone.status, "no more messages" in phone.text) == (200, True)
    assert await consents(city) == [(1, True)]
    async with city.database.read() as connection:
        assert await marketing.recipients(connection, city.runtime, city.council_id, COUNCIL) == []


async def test_an_address_that_stops_nothing_says_the_same(phone: Phone, city: City) -> None:
    for token in (stop_token(city.runtime.keyring, 77), "A" * 50):
        await phone.post(f"/news/stop/{token}")
        assert (phone.status, "no more messages" in phone.text) == (200, True)


async def test_news_by_text_do_not_follow_to_an_email_address(phone: Phone, city: City) -> None:
    journey = await online_by_email(phone, city)
    await offer(city)
    await phone.get(f"{journey}/news")
    await phone.submit(**{box(phone): "yes"})
    async with city.database.write() as connection:
        await connection.execute(update(residents).values(contact_kind="sms"))
        resident = (await connection.execute(select(residents.c.id))).scalar_one()
        assert await marketing.recipients(connection, city.runtime, city.council_id, COUNCIL) == []
        await marketing.stop_other_channels(connection, resident, "sms", NOW)
    assert await consents(city) == [(1, True)]


async def test_deleting_everything_takes_it_along(phone: Phone, city: City) -> None:
    await offer(city)
    journey = await online_by_email(phone, city)
    await phone.get(f"{journey}/news")
    await phone.submit(**{box(phone): "yes"})
    await phone.get(f"{journey}/data")
    await phone.submit()
    await phone.submit(code=newest_code(city))
    await phone.post(f"{journey}/data/delete", confirm="yes")
    assert await consents(city) == []
    await phone.get(f"{journey}/news")
    assert phone.page == "online"


async def test_the_privacy_notice_tells_it_only_where_somebody_asks(phone: Phone, city: City) -> None:
    await phone.get("/councils/E08000026/privacy")
    assert "send you advertising" in phone.text
    await offer(city)
    await phone.get("/councils/E08000026/privacy")
    assert "send you advertising" not in phone.text
    assert "say no and still use the WiFi" in phone.text


async def test_numbers_that_are_none_change_nothing(phone: Phone, city: City) -> None:
    await offer(city)
    journey = await online_by_email(phone, city)
    for number in ("x", "9" * 30, "7", "٣"):
        await phone.post(f"{journey}/news", **{f"shown-{number}": "yes", f"offer-{number}": "yes"})
        assert phone.status == 200
    assert await consents(city) == []
