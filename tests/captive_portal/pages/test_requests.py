"""Complaints and requests about data, as who asks sees them: with a journey or without, with a contact or none."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from captive_portal.information_rights import correspondence, handling
from captive_portal.information_rights.requests import Happened, Outcome, answered
from captive_portal.storage import information_requests as storage
from foundation.retention_job import keep
from foundation.schema import information_requests, request_codes, request_events, residents, texts_sent
from foundation.settings import PortalSettings, Settings
from tests.captive_portal.conftest import PORTAL_URL, City, Phone, get_online, newest_code, start_session

FORM = "/councils/E08000026/requests"


async def ask(phone: Phone, kind: str = "access", text: str = "", contact: str = "ann@example.org") -> None:
    await phone.get(FORM)
    await phone.submit(kind=kind, text=text, contact=contact)


async def prove(phone: Phone, city: City) -> None:
    await phone.submit(code=newest_code(city))


async def stored(city: City) -> list[dict[str, object]]:
    async with city.database.read() as connection:
        return [dict(row._mapping) for row in await connection.execute(select(information_requests))]


async def number_of(city: City) -> str:
    [row] = await stored(city)
    return str(row["number"])


async def texts(city: City, number: str) -> list[str]:
    async with city.database.read() as connection:
        asked = await storage.load(connection, city.runtime, number)
        assert asked is not None
        return [one.text for one in await storage.events(connection, city.runtime.keyring, asked.id)]


async def answer(city: City, number: str, text: str, *, gives_data: bool = False) -> None:
    """What an officer does, without their page."""
    now = datetime.now(UTC)
    async with city.database.write() as connection:
        asked = await storage.load(connection, city.runtime, number)
        assert asked is not None
        after = answered(asked, Outcome.DONE, now, gives_data=gives_data)
        await handling.store(connection, city.runtime, after, Happened.ANSWERED, handling.Actor.COUNCIL, now, text)


async def later(city: City, **ago: int) -> None:
    """As if the code had been typed so long ago."""
    async with city.database.write() as connection:
        moment = datetime.now(UTC) - timedelta(**ago)
        await connection.execute(update(information_requests).values(open_until=moment))


async def test_anybody_can_complain_without_account_or_contact_and_has_a_number(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "The WiFi asked for too much.", contact="")
    number = await number_of(city)
    assert phone.status == 200
    assert number in phone.text
    assert "Keep the address of this page" in phone.text
    assert await texts(city, number) == ["The WiFi asked for too much.", ""]
    # Whoever has the address reads along, and need not know what was sent in.
    assert "too much" not in phone.text


async def test_a_double_click_is_one_request_with_one_code(phone: Phone, city: City) -> None:
    await phone.get(FORM)
    twice = [Phone(phone.client, city, text=phone.text, path=phone.path) for _ in range(2)]
    await asyncio.gather(*(each.submit(kind="access", text="", contact="ann@example.org") for each in twice))
    [row] = await stored(city)
    assert all(str(row["number"]) in each.text for each in twice)
    assert len(list(city.runtime.settings.outbox_directory.glob("*.eml"))) == 1


async def test_who_goes_back_and_writes_something_else_sent_a_second_request(phone: Phone, city: City) -> None:
    await phone.get(FORM)
    form = Phone(phone.client, city, text=phone.text, path=phone.path)
    await phone.submit(kind="complaint", text="Slow.", contact="")
    await form.submit(kind="complaint", text="Slow and full of adverts.", contact="")
    first, second = await stored(city)
    assert str(first["number"]) in phone.text
    assert str(second["number"]) in form.text


async def test_a_form_with_a_number_that_it_was_not_given_leads_to_nobody_elses_request(
    phone: Phone, city: City
) -> None:
    await ask(phone, "complaint", "Slow.", contact="")
    number = await number_of(city)
    key = re.findall(rf"{number}/([\w-]+)", phone.path)[0]
    for form in (number, f"{number}.", f"{number}.{key}", "é.é"):
        await phone.get(FORM)
        await phone.submit(kind="complaint", text="Slow.", contact="", form=form)
        assert number not in phone.text
    assert len(await stored(city)) == 5


async def test_what_is_kept_of_it_can_be_read_by_nobody_without_the_key(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "My neighbour looks at my telephone.")
    async with city.database.read() as connection:
        for table in (information_requests, request_events, request_codes):
            rows = repr((await connection.execute(select(table))).all())
            assert "neighbour" not in rows
            assert "ann@example.org" not in rows


async def test_a_complaint_is_acknowledged_at_once_where_its_number_could_be_told(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "Slow.", contact="")
    [row] = await stored(city)
    assert row["acknowledged_at"] is not None
    assert "You get an answer by" in phone.text


async def test_a_complaint_whose_mail_did_not_go_out_is_left_for_somebody_to_acknowledge(
    phone: Phone, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_arguments: object) -> str:
        return "the mail server is away"

    monkeypatch.setattr(correspondence, "hand_over", fails)
    await ask(phone, "complaint", "Slow.")
    [row] = await stored(city)
    assert row["acknowledged_at"] is None
    assert row["due_at"] is not None


async def test_a_journeys_form_knows_the_venue_and_leads_to_my_data_first(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await phone.get(f"{phone.path.rpartition('/')[0]}/requests")
    assert "without waiting" in phone.text
    await phone.submit(kind="complaint", text="Slow.", contact="")
    [row] = await stored(city)
    assert row["venue_id"] == city.venue_id


async def test_every_page_leads_to_the_form(phone: Phone) -> None:
    await phone.arrive()
    assert f'href="{phone.path.rpartition("/")[0]}/requests"' in phone.text
    await phone.get("/councils/E08000026/terms")
    assert f'href="{FORM}"' in phone.text
    await phone.get("/requests")
    assert phone.path == FORM


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "", "contact": "", "text": ""}, "Choose what you want to ask"),
        ({"kind": "everything", "contact": "", "text": "x"}, "Choose what you want to ask"),
        ({"kind": "complaint", "contact": "", "text": " "}, "Write what your complaint is about"),
        ({"kind": "complaint", "contact": "", "text": "x" * 2001}, "Write no more than 2000 characters"),
        ({"kind": "access", "contact": "", "text": ""}, "that you gave us"),
        ({"kind": "access", "contact": "ann", "text": ""}, "Enter an email address"),
    ],
    ids=["nothing", "another kind", "an empty complaint", "too long", "no contact", "no address"],
)
async def test_a_form_with_a_mistake_says_what_to_do_and_keeps_what_was_typed(
    phone: Phone, city: City, fields: dict[str, str], said: str
) -> None:
    await phone.get(FORM)
    await phone.submit(**fields)
    assert phone.status == 422
    assert said in phone.text
    assert await stored(city) == []


async def test_the_month_begins_when_the_code_is_typed(phone: Phone, city: City) -> None:
    await ask(phone)
    [row] = await stored(city)
    assert (row["waits_for"], row["due_at"]) == ("identity", None)
    await prove(phone, city)
    [row] = await stored(city)
    assert row["waits_for"] is None
    assert row["identity_proved_at"] is not None
    assert "You get an answer by" in phone.text


async def test_the_language_of_the_form_is_that_of_the_page_and_of_the_mails(phone: Phone, city: City) -> None:
    await phone.get(f"{FORM}?lang=cy")
    await phone.submit(kind="access", contact="ann@example.org")
    assert '<html class="govuk-template" lang="cy"' in phone.text
    [row] = await stored(city)
    assert row["language"] == "cy"
    await phone.get(phone.path.partition("?")[0])
    assert '<html class="govuk-template" lang="cy"' in phone.text
    await phone.get(f"{phone.path}?lang=pl")
    await prove(phone, city)
    assert '<html class="govuk-template" lang="pl"' in phone.text


async def test_the_mail_has_the_number_and_nothing_of_the_request(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "My secret trouble.")
    [file] = city.runtime.settings.outbox_directory.glob("*.eml")
    mail = file.read_text()
    assert await number_of(city) in mail
    assert "trouble" not in mail
    # The address of the page is told only to a contact that was proved.
    assert "/requests/" not in mail


@pytest.mark.parametrize("code", ["", "12345", "000000"])
async def test_a_wrong_code_opens_nothing_and_five_of_them_wear_it_out(phone: Phone, city: City, code: str) -> None:
    await ask(phone)
    right = newest_code(city)
    if code == right:
        code = "000001"
    await phone.submit(code=code)
    assert phone.status == 422
    if len(code) == 6:
        page = phone.path.rpartition("/")[0]
        for _ in range(4):
            await phone.post(f"{page}/code", code=code)
        await phone.post(f"{page}/code", code=right)
        assert phone.status == 422
        assert "can no longer be used" in phone.text
    [row] = await stored(city)
    assert row["contact_proved_at"] is None


async def test_a_code_of_one_request_opens_no_other(phone: Phone, city: City) -> None:
    await ask(phone)
    first = newest_code(city)
    await ask(phone, contact="bob@example.org")
    if first != newest_code(city):
        await phone.submit(code=first)
        assert phone.status == 422


async def test_so_many_codes_go_to_one_contact_in_an_hour_however_many_requests_name_it(
    phone: Phone, city: City
) -> None:
    for _ in range(7):
        await ask(phone)
    assert len(list(city.runtime.settings.outbox_directory.glob("*.eml"))) == 5
    await phone.submit()
    assert "Wait an hour" in phone.text


async def test_a_page_is_found_by_its_whole_address_only(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "Slow.", contact="")
    number = await number_of(city)
    for path in (f"/requests/{number}/{'a' * 22}", f"/requests/26-AAAAAA/{phone.path.rpartition('/')[2]}"):
        await phone.get(path.partition("?")[0])
        assert phone.status == 404


async def test_what_was_written_shows_after_the_code_for_a_while_only(phone: Phone, city: City) -> None:
    await ask(phone, "correction", "I moved.")
    page = phone.path.partition("?")[0]
    await prove(phone, city)
    assert "I moved." in phone.text
    await later(city, seconds=1)
    await phone.get(page)
    assert "I moved." not in phone.text
    assert "Send the code" in phone.text
    await phone.submit()
    await prove(phone, city)
    assert "I moved." in phone.text


async def test_the_answer_to_who_gave_no_contact_is_on_their_page(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "Slow.", contact="")
    page = phone.path.partition("?")[0]
    await answer(city, await number_of(city), "We have mended it.\n\nThank you.")
    await phone.get(page)
    assert "We have mended it." in phone.text
    assert "Done" in phone.text
    assert "Information Commissioner" in phone.text


async def test_an_answer_can_give_everything_that_is_kept_under_the_contact(phone: Phone, city: City) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.submit(code=newest_code(city))
    await ask(phone)
    page = phone.path.partition("?")[0]
    await phone.get(f"{page}/data.json")
    assert phone.path.partition("?")[0] == page
    await phone.submit(code=newest_code(city))
    await phone.get(f"{page}/data.json")
    assert phone.path.partition("?")[0] == page
    await answer(city, await number_of(city), "Here you are.", gives_data=True)
    await phone.get(page)
    assert f'href="{page}/data.csv"' in phone.text
    await phone.get(f"{page}/data.json")
    assert json.loads(phone.text)["registration"]["contact"] == "ann@example.org"
    await phone.get(f"{page}/data.csv")
    assert "ann@example.org" in phone.text
    await later(city, seconds=1)
    await phone.get(f"{page}/data.json")
    assert "ann@example.org" not in phone.text


async def test_my_data_show_a_residents_requests_and_deleting_everything_deletes_them(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "Slow.")
    await prove(phone, city)
    number = await number_of(city)
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.submit(code=newest_code(city))
    await phone.arrive(res="success", challenge=None)
    await start_session(city)
    await phone.get(phone.path)
    journey = phone.path.rpartition("/")[0]
    await phone.get(f"{journey}/data")
    await phone.submit()
    await phone.submit(code=newest_code(city))
    assert number in phone.text
    assert "resident: Slow." in phone.text
    await phone.get(f"{journey}/data/delete")
    assert "taken back" in phone.text
    await phone.submit(confirm="yes")
    assert await stored(city) == []


async def test_nobody_learns_from_it_who_is_registered(phone: Phone, city: City) -> None:
    pages = []
    for contact in ("ann@example.org", "nobody@example.org"):
        await ask(phone, contact=contact)
        pages.append(phone.text)
        if contact == "ann@example.org":
            async with city.database.write() as connection:
                await connection.execute(information_requests.delete())
    first, second = (page.partition("<main")[2] for page in pages)
    assert first.count("<p") == second.count("<p")
    assert first.count("<form") == second.count("<form")


async def test_a_resident_can_write_more_and_take_it_back(phone: Phone, city: City) -> None:
    await ask(phone, "complaint", "Slow.", contact="")
    page = phone.path.partition("?")[0]
    await phone.submit(text="On Monday.")
    assert "We have what you wrote" in phone.text
    await phone.submit(text="")
    assert phone.status == 422
    await phone.post(f"{page}/withdraw")
    assert "You took it back" in phone.text
    await phone.post(f"{page}/message", text="Again.")
    assert phone.status == 422
    assert await texts(city, await number_of(city)) == ["Slow.", "", "On Monday.", ""]


async def test_without_the_code_nobody_writes_or_withdraws(phone: Phone, city: City) -> None:
    await ask(phone)
    page = phone.path.partition("?")[0]
    await phone.post(f"{page}/message", text="Give it to me.")
    await phone.post(f"{page}/withdraw")
    [row] = await stored(city)
    assert row["closed_at"] is None
    assert await texts(city, await number_of(city)) == [""]


async def test_a_program_cannot_fill_a_page(phone: Phone, city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handling, "_MOST_STEPS", 3)
    await ask(phone, "complaint", "Slow.", contact="")
    await phone.submit(text="Slow.")
    await phone.submit(text="Slow.")
    assert phone.status == 422
    assert "You have written often" in phone.text


class TestWithFewRequests:
    """A council that takes two in an hour."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        portal = PortalSettings(public_url=PORTAL_URL, requests_per_council_per_hour=2)
        return settings.model_copy(update={"portal": portal})

    async def test_more_are_sent_to_the_councils_other_ways(self, phone: Phone, city: City) -> None:
        for _ in range(3):
            await ask(phone, "complaint", "Slow.", contact="")
        assert phone.status == 429
        assert "ask your council" in phone.text
        assert len(await stored(city)) == 2


async def test_texts_take_from_the_councils_month(phone: Phone, city: City) -> None:
    await ask(phone, contact="07400 123456")
    assert "•••456" in phone.text
    [file] = city.runtime.settings.outbox_directory.glob("*.eml")
    found = re.search(r"^(\d{6}) is your code for request", file.read_text(), re.MULTILINE)
    assert found is not None
    await phone.submit(code=found[1])
    [row] = await stored(city)
    assert row["contact_proved_at"] is not None
    async with city.database.read() as connection:
        assert (await connection.execute(select(texts_sent.c.segments))).scalar_one() == 1


async def test_an_open_request_is_kept_however_old_and_a_closed_one_goes_with_all_that_was_written(
    phone: Phone, city: City
) -> None:
    await ask(phone)
    await prove(phone, city)
    settings = city.runtime.settings.retention
    after = datetime.now(UTC) + timedelta(days=settings.request_days + 1)
    await keep(city.database, settings, after)
    assert len(await stored(city)) == 1
    await answer(city, await number_of(city), "Here.")
    await keep(city.database, settings, after)
    assert await stored(city) == []
    async with city.database.read() as connection:
        for table in (request_events, request_codes):
            assert (await connection.execute(select(table))).all() == []


async def test_a_request_makes_nobody_a_resident(phone: Phone, city: City) -> None:
    await ask(phone)
    await prove(phone, city)
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents))).all() == []
