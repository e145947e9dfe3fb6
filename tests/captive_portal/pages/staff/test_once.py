"""A double click on a page for staff is one click, and shows what the first did."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web
from sqlalchemy import func, select

from captive_portal.pages.staff import once
from captive_portal.pages.staff.once import AnsweredForms, fingerprint
from foundation.schema import disclosures
from foundation.staff import Role
from tests.captive_portal.conftest import City, Client
from tests.captive_portal.pages.staff.test_accounts import ACCOUNTS, member, secrets_on
from tests.captive_portal.pages.staff.test_desk import Desk

DISCLOSURES = "/staff/disclosures"
DISCLOSURE = {
    "asked": "2026-11-02",
    "asked_by": "West Midlands Police",
    "authoriser": "Inspector",
    "statute": "Data Protection Act 2018, schedule 2 part 1",
    "scope": "Sessions at Central Library on 1 November",
}


@pytest.fixture
async def officer(client: Client, city: City) -> Desk:
    desk = await member(client, city, "officer", [city.council_id], Role.MANAGER, Role.INFORMATION_OFFICER)
    await desk.log_in()
    return desk


async def count(city: City) -> int:
    async with city.database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(disclosures))).scalar_one())


async def test_two_clicks_make_one_account_and_its_password_is_not_lost(officer: Desk, city: City) -> None:
    await officer.get(ACCOUNTS)
    twice = [replace(officer), replace(officer)]
    fields = {"user_name": "night-shift", f"role-{city.council_id}-engineer": "yes"}
    await asyncio.gather(*(each.post(ACCOUNTS, **fields) for each in twice))
    assert [each.status for each in twice] == [200, 200]
    assert secrets_on(twice[0].page) == secrets_on(twice[1].page)


async def test_two_clicks_enter_one_line(officer: Desk, city: City) -> None:
    await officer.get(DISCLOSURES)
    again = replace(officer)
    await officer.post(f"{DISCLOSURES}/add", **DISCLOSURE)
    await again.post(f"{DISCLOSURES}/add", **DISCLOSURE)
    assert again.path == f"{DISCLOSURES}?kept=yes"
    assert await count(city) == 1


async def test_the_same_from_a_page_that_was_opened_anew_is_meant(officer: Desk, city: City) -> None:
    for _ in range(2):
        await officer.get(DISCLOSURES)
        await officer.post(f"{DISCLOSURES}/add", **DISCLOSURE)
    assert await count(city) == 2


async def test_who_goes_back_and_enters_something_else_is_heard(officer: Desk, city: City) -> None:
    await officer.get(DISCLOSURES)
    back = replace(officer)
    await officer.post(f"{DISCLOSURES}/add", **DISCLOSURE)
    await back.post(f"{DISCLOSURES}/add", **{**DISCLOSURE, "asked_by": "A court"})
    assert await count(city) == 2


class Taker:
    """Counts how often it is called; each time it fails, or answers with the number."""

    def __init__(self, *, failures: int = 0) -> None:
        self.calls = 0
        self._failures = failures

    async def __call__(self) -> web.Response:
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls <= self._failures:
            raise web.HTTPConflict
        return web.Response(text=str(self.calls), headers={"X-Which": str(self.calls)})


async def test_what_failed_is_tried_again() -> None:
    forms, take = AnsweredForms(), Taker(failures=1)
    answers = await asyncio.gather(forms.answer(b"1", take), forms.answer(b"1", take), return_exceptions=True)
    assert isinstance(answers[0], web.HTTPConflict)
    assert isinstance(answers[1], web.Response)
    assert answers[1].text == "2"


async def test_who_waited_and_left_disturbs_nobody() -> None:
    forms, take = AnsweredForms(), Taker()
    first, second = (asyncio.create_task(forms.answer(b"1", take)) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    answer = await first
    assert isinstance(answer, web.Response)
    assert answer.text == "1"


async def test_an_answer_is_the_same_to_the_headers_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_KEPT_SECONDS", 0.01)
    forms, take = AnsweredForms(), Taker()
    first, second = [await forms.answer(b"1", take) for _ in range(2)]
    assert isinstance(second, web.Response)
    assert (second.text, dict(second.headers)) == ("1", dict(first.headers))
    await asyncio.sleep(0.05)
    await forms.answer(b"1", take)
    assert take.calls == 2


async def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_MOST_KEPT", 3)
    forms, take = AnsweredForms(), Taker()
    for number in range(5):
        await forms.answer(bytes([number]), take)
    await forms.answer(bytes([4]), take)
    assert take.calls == 5
    await forms.answer(bytes([0]), take)
    assert take.calls == 6


async def test_what_is_no_page_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_LARGEST_KEPT_OCTETS", 0)
    forms, take = AnsweredForms(), Taker()
    for _ in range(2):
        await forms.answer(b"1", take)
    assert take.calls == 2


def test_log_ins_addresses_and_fields_are_told_apart_and_the_order_of_fields_is_not() -> None:
    one = fingerprint(1, "/staff/a", {"x": "1", "y": "2"})
    assert one == fingerprint(1, "/staff/a", {"y": "2", "x": "1"})
    for other in (
        fingerprint(2, "/staff/a", {"x": "1", "y": "2"}),
        fingerprint(1, "/staff/b", {"x": "1", "y": "2"}),
        fingerprint(1, "/staff/a", {"x": "1", "y": "3"}),
    ):
        assert one != other
