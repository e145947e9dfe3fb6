"""Staff who answer for people's data: what is due first, each step of a case, the register, and who may see it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from captive_portal.storage import disclosures as register
from foundation.schema import (
    audit_events,
    councils,
    devices,
    disclosures,
    information_requests,
    one_time_tokens,
    residents,
)
from foundation.staff import Role
from tests.captive_portal.conftest import City, Client, Phone, newest_code
from tests.captive_portal.pages.staff.test_desk import Desk, account
from tests.captive_portal.pages.test_requests import ask, number_of, prove

LogIn = Callable[..., Awaitable[Desk]]


@pytest.fixture
def log_in(client: Client, city: City) -> LogIn:
    async def log_in(role: Role = Role.INFORMATION_OFFICER, council_id: int | None = None) -> Desk:
        desk = Desk(client, await account(city, "desk", council_id or city.council_id, role))
        await desk.log_in()
        return desk

    return log_in


async def step(desk: Desk, number: str, name: str, **fields: str) -> None:
    await desk.get(f"/staff/requests/{number}")
    await desk.post(f"/staff/requests/{number}/{name}", **fields)


async def move_back(city: City, days: int) -> None:
    """As if everything had come so long ago."""
    async with city.database.write() as connection:
        for row in (await connection.execute(select(information_requests))).all():
            names = ("received_at", "identity_proved_at", "contact_proved_at", "due_at")
            earlier = {name: getattr(row, name) - timedelta(days=days) for name in names if getattr(row, name)}
            chosen = information_requests.c.id == row.id
            await connection.execute(update(information_requests).where(chosen).values(earlier))


async def last_mail(city: City) -> str:
    return max(city.runtime.settings.outbox_directory.glob("*.eml")).read_text()


async def test_an_officer_comes_to_the_list_and_sees_what_is_due_first(phone: Phone, city: City, log_in: LogIn) -> None:
    await ask(phone)
    await prove(phone, city)
    await move_back(city, 27)
    urgent = await number_of(city)
    await ask(phone, "complaint", "Slow.", contact="")
    await ask(phone, "erasure", contact="bob@example.org")
    desk = await log_in()
    assert desk.path == "/staff/requests"
    rows = re.findall(r'scope="row"><a class="number" href="/staff/requests/(\S+)">', desk.page)
    assert rows[0] == urgent
    assert len(rows) == 3
    assert re.search(r"<strong>[^<]*days left\)</strong>", desk.page)
    assert "waits for identity" in desk.page
    assert "ann@example.org" not in desk.page


async def test_what_is_overdue_says_so(phone: Phone, city: City, log_in: LogIn) -> None:
    await ask(phone)
    await prove(phone, city)
    await move_back(city, 40)
    assert "overdue since" in (await log_in()).page


async def test_a_case_shows_who_asks_and_what_and_opening_it_is_recorded(
    phone: Phone, city: City, log_in: LogIn
) -> None:
    await ask(phone, "correction", "I <b>moved</b>.")
    number = await number_of(city)
    desk = await log_in()
    await desk.get(f"/staff/requests/{number}")
    assert "ann@example.org" in desk.page
    assert "I &lt;b&gt;moved&lt;/b&gt;." in desk.page
    async with city.database.read() as connection:
        found = (await connection.execute(select(audit_events).where(audit_events.c.action == "read a request"))).one()
    assert (found.actor, found.subject, found.council_id) == ("staff 1", number, city.council_id)


async def test_clarification_stops_the_clock_until_they_answer_on_their_page(
    phone: Phone, city: City, log_in: LogIn
) -> None:
    await ask(phone)
    await prove(phone, city)
    page, number, desk = phone.path, await number_of(city), await log_in()
    await step(desk, number, "ask", text="Which of your devices?")
    assert "waits for clarification" in desk.page
    assert f"/requests/{number}/" in await last_mail(city)
    await phone.get(page)
    assert "Which of your devices?" in phone.text
    await phone.submit(text="My telephone.")
    await desk.get(f"/staff/requests/{number}")
    assert "My telephone." in desk.page
    assert "days left" in desk.page


async def test_an_answer_closes_it_and_tells_who_asked(phone: Phone, city: City, log_in: LogIn) -> None:
    await ask(phone, "objection")
    await prove(phone, city)
    page, number, desk = phone.path, await number_of(city), await log_in()
    await step(desk, number, "answer", text="We stopped it.", outcome="done")
    assert "They were told" in desk.page
    assert "We stopped it." not in await last_mail(city)
    await phone.get(page)
    assert "We stopped it." in phone.text
    await desk.get("/staff/requests")
    assert number not in desk.page
    await desk.get("/staff/requests?closed=yes")
    assert number in desk.page
    await step(desk, number, "write", text="Again.")
    assert desk.status == 422 or "Again." in desk.page


async def test_an_officer_deletes_everything_under_a_proved_contact_but_the_request(
    phone: Phone, city: City, log_in: LogIn
) -> None:
    await phone.arrive()
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.submit(code=newest_code(city))
    await ask(phone, "complaint", "Slow.")
    await ask(phone, "erasure")
    page = phone.path.partition("?")[0]
    number, desk = page.split("/")[2], await log_in()
    await step(desk, number, "answer", text="Done.", outcome="done", erases="yes")
    assert "identity is not proved" in desk.page
    await prove(phone, city)
    await step(desk, number, "answer", text="Done.", outcome="done", erases="yes")
    assert "Closed" not in desk.page
    async with city.database.read() as connection:
        for table in (residents, devices, one_time_tokens):
            assert (await connection.execute(select(table))).all() == []
        assert (await connection.execute(select(information_requests.c.number))).scalars().all() == [number]
        erased = select(audit_events.c.actor).where(audit_events.c.action == "erase")
        assert (await connection.execute(erased)).scalar_one() == f"request {number}"
    await phone.get(page)
    assert "Done." in phone.text


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("answer", {"text": "Yes."}, "Choose how it ends"),
        ("answer", {"text": "", "outcome": "done"}, "Write why"),
        ("answer", {"text": "Yes.", "outcome": "withdrawn"}, "Choose how it ends"),
        ("answer", {"text": "Yes.", "outcome": "done"}, "identity is not proved"),
        ("extend", {"text": "Many."}, "The clock of"),
        ("go-on", {"text": "They rang."}, "does not wait"),
    ],
)
async def test_a_step_that_is_not_possible_says_why(
    phone: Phone, city: City, log_in: LogIn, name: str, fields: dict[str, str], said: str
) -> None:
    await ask(phone)
    await step(desk := await log_in(), await number_of(city), name, **fields)
    assert desk.status == 422
    assert said in desk.page
    # What somebody has written is not lost by it; where the step is gone from the page, its place is, too.
    assert name != "answer" or f">{fields['text']}</textarea>" in desk.page


async def test_what_came_by_letter_is_entered_with_its_day_and_answered_by_letter(city: City, log_in: LogIn) -> None:
    desk, day = await log_in(), datetime.now(UTC) - timedelta(days=10)
    await desk.post("/staff/requests/add", kind="access", received=f"{day:%Y-%m-%d}", contact="", text="By letter.")
    number = await number_of(city)
    assert desk.path == f"/staff/requests/{number}?told=kept"
    await step(desk, number, "identity", text="Came to the desk with a passport.")
    assert "days left" in desk.page
    await step(desk, number, "answer", text="Sent by post.", outcome="partly")
    assert "tell them in another way" in desk.page


async def test_who_wrote_a_letter_with_an_address_is_led_to_their_page_and_proves_it_there(
    phone: Phone, city: City, log_in: LogIn
) -> None:
    desk = await log_in()
    await desk.post("/staff/requests/add", kind="access", received="2026-01-02", contact="ann@example.org", text="Me.")
    assert "They were told" in desk.page
    found = re.search(
        r"http://portal.example(/requests/\S+)", (await last_mail(city)).replace("=\n", "").replace("=3D", "=")
    )
    assert found is not None
    await phone.get(found[1])
    assert "Me." not in phone.text
    await phone.submit()
    await prove(phone, city)
    assert "Me." in phone.text
    await desk.get(desk.path)
    assert "overdue" not in desk.page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "", "received": "2026-01-01"}, "Choose what is asked for"),
        ({"kind": "access", "received": "yesterday"}, "Enter the day"),
        ({"kind": "access", "received": "2999-01-01"}, "Enter the day"),
        ({"kind": "access", "received": "2026-01-01", "contact": "ann"}, "Enter an email address"),
    ],
)
async def test_an_entry_with_a_mistake_says_what_to_do(log_in: LogIn, fields: dict[str, str], said: str) -> None:
    desk = await log_in()
    await desk.post("/staff/requests/add", text="By letter.", **fields)
    assert desk.status == 422
    assert said in desk.page
    assert ">By letter.</textarea>" in desk.page
    assert f'value="{fields["received"]}"' in desk.page


@pytest.mark.parametrize("role", [Role.HELPER, Role.ENGINEER, Role.MANAGER])
async def test_other_staff_see_nothing_of_it(phone: Phone, city: City, log_in: LogIn, role: Role) -> None:
    await ask(phone)
    desk, number = await log_in(role), await number_of(city)
    for path in ("/staff/requests", f"/staff/requests/{number}", "/staff/disclosures"):
        await desk.get(path)
        assert desk.status == 403


async def test_an_officer_of_another_council_finds_nothing(phone: Phone, city: City, log_in: LogIn) -> None:
    await ask(phone)
    number = await number_of(city)
    async with city.database.write() as connection:
        other = {"code": "E08000025", "name": "Birmingham", "created_at": datetime.now(UTC)}
        added = await connection.execute(councils.insert().values(other).returning(councils.c.id))
        elsewhere = added.scalar_one()
    desk = await log_in(council_id=elsewhere)
    assert number not in desk.page
    await desk.post(f"/staff/requests/{number}/write", text="Hello.")
    assert desk.status == 404
    await desk.get("/staff/requests")
    await desk.post("/staff/requests/add", kind="access", received="2026-01-01", council=str(city.council_id))
    assert desk.status == 403


DISCLOSURE = {
    "asked_by": "West Midlands Police",
    "authoriser": "Inspector",
    "statute": "Data Protection Act 2018, schedule 2 part 1",
    "scope": "Sessions at Central Library on 1 November",
}


async def test_the_register_has_each_disclosure_and_its_end_and_the_public_page_its_numbers(
    phone: Phone, city: City, log_in: LogIn
) -> None:
    desk = await log_in()
    await desk.get("/staff/disclosures")
    await desk.post("/staff/disclosures/add", asked="2026-11-02", **DISCLOSURE)
    await desk.post("/staff/disclosures/add", asked="2026-11-03", secret="yes", **DISCLOSURE)
    await desk.post("/staff/disclosures/add", asked="2025-05-01", **DISCLOSURE)
    assert desk.page.count("Inspector") == 3
    async with city.database.read() as connection:
        numbers = list((await connection.execute(select(disclosures.c.number).order_by(disclosures.c.id))).scalars())
        assert "Central Library" not in repr((await connection.execute(select(disclosures))).all())
    await desk.post(f"/staff/disclosures/{numbers[0]}", outcome="partly")
    await desk.post(f"/staff/disclosures/{numbers[2]}", outcome="refused")
    await desk.post(f"/staff/disclosures/{numbers[0]}", outcome="refused")
    assert desk.status == 422
    assert "still to be decided" in desk.page
    await phone.get("/councils/E08000026/disclosures")
    rows = re.findall(r'scope="row">(\d+)</th>' + r'<td class="govuk-table__cell">(\d+)</td>' * 3, phone.text)
    assert rows == [("2026", "1", "1", "0"), ("2025", "1", "0", "1")]
    assert "Police" not in phone.text.partition("<table")[2]


async def test_a_disclosure_that_says_too_little_is_not_entered(city: City, log_in: LogIn) -> None:
    desk = await log_in()
    await desk.get("/staff/disclosures")
    await desk.post("/staff/disclosures/add", asked="2026-11-02", **{**DISCLOSURE, "authoriser": " "})
    assert desk.status == 422
    assert "Authoriser has 1 to 200 characters" in desk.page
    async with city.database.read() as connection:
        assert await register.count_by_year(connection, city.council_id, "Europe/London") == []


async def test_a_code_that_was_sent_is_no_way_into_the_staffs_pages(phone: Phone, city: City) -> None:
    await ask(phone)
    await phone.post("/staff/requests/26-AAAAAA/answer", text=newest_code(city), outcome="done")
    assert phone.path == "/staff/log-in"
