from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal.journey import Details, Journey, State
from captive_portal.storage import journeys
from captive_portal.storage.passes import RecentCodes
from captive_portal.ways_in.verification import (
    CodeCheck,
    CodeLimit,
    IssuedCode,
    check_code,
    issue_code,
    limit_met,
    new_digits,
    read_digits,
)
from foundation.schema import verification_codes
from foundation.settings import PortalSettings
from tests.captive_portal.conftest import City

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = timedelta(seconds=10)
ANN, BOB = "ann@example.org", "bob@example.org"


@asynccontextmanager
async def on_journey(city: City, number: int = 1) -> AsyncIterator[tuple[AsyncConnection, Journey]]:
    """A transaction, and a journey of device `number`."""
    journey = Journey(
        id=0,
        council_id=city.council_id,
        nas_id=city.nas_id,
        venue_id=None,
        mac_pseudonym=number.to_bytes(16, "big"),
        resident_id=None,
        state=State.EMAIL,
        language="en",
        details=Details(path_id=f"{number:024}", driver="coovachilli", randomised=False),
        expires_at=NOW + timedelta(hours=1),
    )
    async with city.database.write() as connection:
        stored = await journeys.insert(connection, city.runtime.keyring, journey, NOW)
        yield connection, replace(journey, id=stored)


async def issue(connection: AsyncConnection, city: City, journey: Journey, contact: str, now: datetime) -> str:
    """The digits of a code that must be issued."""
    issued = await issue_code(connection, city.runtime, journey, contact, now)
    assert isinstance(issued, IssuedCode)
    return issued.digits


def other(digits: str) -> str:
    return f"{(int(digits) + 1) % 10**6:06}"


def test_a_code_has_six_digits_even_when_it_is_small() -> None:
    assert all(len(digits) == 6 and digits.isdecimal() for digits in (new_digits() for _ in range(200)))


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("12-34-56", "123456"),
        ("123\u00a0456", "123456"),
        ("123–456", "123456"),
        ("\u200e123456", "123456"),
        ("١٢٣٤٥٦", "123456"),
        ("۱۲۳۴۵۶", "123456"),
        ("12345", None),
        ("1234567", None),
        ("12345a", None),
        ("", None),
        ("½23456", None),
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str, digits: str | None) -> None:
    assert read_digits(typed) == digits


async def test_the_right_code_is_right_once(city: City) -> None:
    async with on_journey(city) as (connection, journey):
        digits = await issue(connection, city, journey, ANN, NOW)
        assert await check_code(connection, city.runtime, journey, ANN, digits, NOW) is CodeCheck.RIGHT
        assert await check_code(connection, city.runtime, journey, ANN, digits, NOW) is CodeCheck.NONE_LEFT


async def test_neither_the_code_nor_the_contact_is_stored(city: City) -> None:
    async with on_journey(city) as (connection, journey):
        digits = await issue(connection, city, journey, ANN, NOW)
        row = (await connection.execute(verification_codes.select())).one()
    assert all(digits.encode() not in bytes(value) for value in row if isinstance(value, bytes))
    assert digits not in repr(row)


async def test_a_code_may_be_tried_only_so_often(city: City) -> None:
    async with on_journey(city) as (connection, journey):
        digits = await issue(connection, city, journey, ANN, NOW)
        for _ in range(city.runtime.settings.portal.verification_attempts):
            wrong = await check_code(connection, city.runtime, journey, ANN, other(digits), NOW)
            assert wrong is CodeCheck.WRONG
        assert await check_code(connection, city.runtime, journey, ANN, digits, NOW) is CodeCheck.NONE_LEFT


async def test_a_code_is_good_for_fifteen_minutes(city: City) -> None:
    almost, over = NOW + timedelta(minutes=14, seconds=59), NOW + timedelta(minutes=15)
    async with on_journey(city) as (connection, journey):
        digits = await issue(connection, city, journey, ANN, NOW)
        assert await check_code(connection, city.runtime, journey, ANN, digits, over) is CodeCheck.NONE_LEFT
        assert await check_code(connection, city.runtime, journey, ANN, digits, almost) is CodeCheck.RIGHT


async def test_a_mail_that_was_slow_still_has_a_good_code(city: City) -> None:
    async with on_journey(city) as (connection, journey):
        first = await issue(connection, city, journey, ANN, NOW)
        await issue(connection, city, journey, ANN, NOW + LATER)
        assert await check_code(connection, city.runtime, journey, ANN, first, NOW + 2 * LATER) is CodeCheck.RIGHT


async def test_a_wrong_code_counts_against_every_code_that_is_out(city: City) -> None:
    async with on_journey(city) as (connection, journey):
        codes = [await issue(connection, city, journey, ANN, NOW + number * LATER) for number in range(3)]
        wrong = next(text for text in map(str, range(100_000, 999_999)) if text not in codes)
        for _ in range(5):
            await check_code(connection, city.runtime, journey, ANN, wrong, NOW + 3 * LATER)
        for code in codes:
            result = await check_code(connection, city.runtime, journey, ANN, code, NOW + 3 * LATER)
            assert result is CodeCheck.NONE_LEFT


async def test_a_code_proves_nothing_about_another_contact_or_journey(city: City) -> None:
    async with on_journey(city) as (connection, journey):
        digits = await issue(connection, city, journey, ANN, NOW)
        await issue(connection, city, journey, BOB, NOW)
        if digits != await issue(connection, city, replace(journey, mac_pseudonym=bytes(16)), BOB, NOW + LATER):
            assert await check_code(connection, city.runtime, journey, BOB, digits, NOW) is CodeCheck.WRONG
    async with on_journey(city, 2) as (connection, second):
        assert await check_code(connection, city.runtime, second, ANN, digits, NOW) is CodeCheck.NONE_LEFT


async def test_a_second_press_of_the_button_sends_no_second_code(city: City) -> None:
    async with on_journey(city) as (connection, journey):
        await issue(connection, city, journey, ANN, NOW)
        assert await issue_code(connection, city.runtime, journey, ANN, NOW + timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("recent", "limit"),
    [
        (RecentCodes(4, 4, 599), None),
        (RecentCodes(5, 0, 0), CodeLimit.CONTACT),
        (RecentCodes(0, 5, 0), CodeLimit.DEVICE),
        (RecentCodes(0, 0, 600), CodeLimit.GATEWAY),
    ],
)
def test_each_limit_stops_one_more_code(recent: RecentCodes, limit: CodeLimit | None) -> None:
    assert limit_met(recent, PortalSettings()) is limit


async def test_one_contact_is_limited_over_all_devices_and_one_device_over_all_contacts(city: City) -> None:
    for number in range(1, 6):
        async with on_journey(city, number) as (connection, journey):
            await issue(connection, city, journey, ANN, NOW)
    async with on_journey(city, 6) as (connection, journey):
        assert await issue_code(connection, city.runtime, journey, ANN, NOW) is CodeLimit.CONTACT
        for number in range(5):
            await issue(connection, city, journey, f"{number}@example.org", NOW)
        assert await issue_code(connection, city.runtime, journey, BOB, NOW) is CodeLimit.DEVICE
        assert isinstance(
            await issue_code(connection, city.runtime, journey, ANN, NOW + timedelta(minutes=61)), IssuedCode
        )
