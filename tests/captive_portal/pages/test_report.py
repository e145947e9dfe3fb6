"""Reporting a problem: what is kept of it, and how many are taken."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from captive_portal.support.reporting import LONGEST_TEXT, clean_text
from foundation.problem_reports import ProblemKind, open_text
from foundation.schema import problem_reports, residents, way_attempts
from tests.captive_portal.conftest import City, Phone, get_online


async def reports(city: City) -> list[Any]:
    async with city.database.read() as connection:
        return list(await connection.execute(select(problem_reports).order_by(problem_reports.c.id)))


async def forget_presses(city: City) -> None:
    """Some time goes by, for what counts as one press of the button."""
    async with city.database.write() as connection:
        await connection.exec_driver_sql("UPDATE way_attempts SET at = datetime(at, '-10 seconds')")


async def open_form(phone: Phone) -> None:
    await phone.get(f"/j/{phone.path.split('/')[2]}/report")
    assert (phone.status, phone.page) == (200, "report")


async def test_a_report_has_venue_time_and_what_the_portal_thought_and_is_sealed(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await open_form(phone)
    await phone.submit(kind="slow", text="Upstairs,\r\nsince ten  o'clock")
    assert phone.path.endswith("/report?sent=yes")
    assert "The engineers can see your report now." in phone.text
    (report,) = await reports(city)
    assert (report.kind, report.venue_id, report.nas_id) == ("slow", city.venue_id, city.nas_id)
    assert (report.state, report.finding) == ("online", "working")
    assert b"Upstairs" not in report.text_encrypted
    assert open_text(city.runtime.keyring, report.text_encrypted) == "Upstairs, since ten o'clock"


async def test_who_has_not_signed_in_can_report_and_is_nobody(phone: Phone, city: City) -> None:
    await phone.arrive()
    await open_form(phone)
    await phone.submit(kind="sign-in", text="")
    (report,) = await reports(city)
    assert (report.resident_id, report.text_encrypted, report.state) == (None, None, "choose")


async def test_a_residents_reports_are_theirs_to_see_and_go_with_them(phone: Phone, city: City) -> None:
    await get_online(phone, city)
    await open_form(phone)
    await phone.submit(kind="stops", text="By the window")
    journey = phone.path.rpartition("/")[0]
    await phone.get(f"{journey}/data")
    assert "By the window" in phone.text
    await phone.get(f"{journey}/data/export.json")
    assert "By the window" in phone.text
    await phone.get(f"{journey}/data/delete")
    await phone.submit(confirm="yes")
    assert await reports(city) == []
    async with city.database.read() as connection:
        assert (await connection.execute(select(residents))).all() == []


async def test_a_double_click_is_one_report(phone: Phone, city: City) -> None:
    await phone.arrive()
    await open_form(phone)
    form = phone.path
    for _ in range(2):
        await phone.post(form, kind="other", text="")
        assert phone.path.endswith("sent=yes")
    assert len(await reports(city)) == 1


async def test_one_device_can_report_three_times_an_hour(phone: Phone, city: City) -> None:
    await phone.arrive()
    await open_form(phone)
    form = phone.path
    for _ in range(3):
        await phone.post(form, kind="slow")
        await forget_presses(city)
    await phone.post(form, kind="slow", text="still")
    assert phone.status == 422
    assert "Tell a member of staff instead" in phone.text
    assert ">still</textarea>" in phone.text
    assert len(await reports(city)) == 3


async def test_a_venue_can_be_reported_only_so_often(phone: Phone, city: City) -> None:
    await phone.arrive()
    async with city.database.write() as connection:
        now = "datetime('now', '-1 minute')"
        for number in range(60):
            await connection.exec_driver_sql(
                "INSERT INTO way_attempts (council_id, kind, nas_id, venue_id, mac_pseudonym, at)"
                f" VALUES ({city.council_id}, 'report', {city.nas_id}, {city.venue_id}, x'{number:032x}', {now})"
            )
    await open_form(phone)
    await phone.submit(kind="slow")
    assert phone.status == 422
    assert "Many people have reported a problem here" in phone.text
    assert await reports(city) == []
    async with city.database.read() as connection:
        assert len((await connection.execute(select(way_attempts.c.id))).all()) == 60


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose what does not work"),
        ({"kind": "everything"}, "Choose what does not work"),
        ({"kind": "slow", "text": "x" * (LONGEST_TEXT + 1)}, "Write no more than 500 characters"),
    ],
    ids=["nothing chosen", "chosen what is not offered", "too long"],
)
async def test_a_mistake_comes_back_with_what_was_written(
    phone: Phone, city: City, fields: dict[str, str], words: str
) -> None:
    await phone.arrive()
    await open_form(phone)
    await phone.submit(**fields)
    assert phone.status == 422
    assert words in phone.text
    assert await reports(city) == []


async def test_every_kind_is_offered(phone: Phone) -> None:
    await phone.arrive()
    await open_form(phone)
    assert all(f'value="{kind}"' in phone.text for kind in ProblemKind)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("It is slow", "It is slow"),
        ("Call 07700 900 123 please", "Call […] please"),
        ("write to ann.o'hara@example.co.uk, thanks", "write to […] thanks"),
        ("+44 (0)7700 900123", "[…]"),
        ("Room 12, at 14:30, CV1 1FY, 10 Mbit/s", "Room 12, at 14:30, CV1 1FY, 10 Mbit/s"),
        ("a\u202eb\x00c", "a b c"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("x" * 600, "x" * LONGEST_TEXT),
    ],
    ids=["plain", "phone number", "email", "only a number", "short numbers", "invisible", "joiner", "long"],
)
def test_addresses_and_long_numbers_are_left_out_of_what_is_kept(typed: str, kept: str) -> None:
    assert clean_text(typed) == kept
