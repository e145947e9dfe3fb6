"""Codes, sponsors and texts, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from captive_portal.journey import Details, Journey, State
from captive_portal.storage import journeys, vouchers
from captive_portal.ways_in.voucher_codes import Form, new_code
from captive_portal.ways_in.vouchers import CodeRefusal, redeem
from captive_portal.ways_in.ways import Way
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import councils, sponsored_devices, voucher_uses, way_attempts
from foundation.settings import Settings
from foundation.text_budgets import add_segments, month_of, read_budget, read_budgets
from tests.captive_portal.codes_on_paper import add_sponsor, print_code
from tests.captive_portal.conftest import City, build_city

NOW = datetime.now(UTC)
WAYS = (Way.CODE, Way.SPONSOR)


@pytest.fixture
async def either(any_database: Database, keyring: Keyring, settings: Settings) -> City:
    async with any_database.write() as connection:
        row = councils.insert().values(code="E08000026", name="Coventry", created_at=NOW)
        council_id = int((await connection.execute(row.returning(councils.c.id))).scalar_one())
    return await build_city(Runtime(settings, any_database, keyring), council_id)


async def journey_of(city: City, number: int) -> Journey:
    journey = Journey(
        id=0,
        council_id=city.council_id,
        nas_id=city.nas_id,
        venue_id=None,
        mac_pseudonym=number.to_bytes(16, "big"),
        resident_id=None,
        state=State.VOUCHER,
        language="en",
        details=Details(path_id=f"{number:024}", driver="coovachilli", randomised=False, terms_id=1),
        expires_at=NOW + timedelta(hours=1),
    )
    async with city.database.write() as connection:
        await journeys.insert(connection, city.runtime.keyring, journey, NOW)
    return journey


async def test_codes_let_devices_on_and_wrong_ones_are_counted(either: City) -> None:
    voucher, sponsor = await print_code(either), await add_sponsor(either, most_devices=1)
    outcomes: list[object] = []
    for number, code in enumerate((voucher, voucher, sponsor, sponsor, new_code(Form.WORDS)), 1):
        journey = await journey_of(either, number)
        async with either.database.write() as connection:
            outcome = await redeem(connection, either.runtime, journey, code, WAYS, NOW)
        outcomes.append(outcome.state if isinstance(outcome, Journey) else outcome)
    release, used = State.RELEASE, CodeRefusal.USED_UP
    assert outcomes == [release, used, release, used, CodeRefusal.UNKNOWN]
    async with either.database.read() as connection:
        assert len((await connection.execute(select(voucher_uses))).all()) == 1
        assert len((await connection.execute(select(sponsored_devices))).all()) == 1
        attempts = (await connection.execute(select(way_attempts))).all()
        assert len(attempts) == 3
        last = vouchers.Attempt("code", either.council_id, either.nas_id, None, (5).to_bytes(16, "big"), NOW)
        counted = await vouchers.count_attempts(connection, last, NOW - timedelta(hours=1))
    assert (counted.by_device, counted.by_venue, counted.by_council) == (1, 3, 3)


async def test_a_months_texts_add_up_and_what_was_not_sent_is_given_back(either: City) -> None:
    async with either.database.write() as connection:
        before = await read_budget(connection, either.council_id, 10, NOW)
        for segments in (2, 1, -1):
            await add_segments(connection, either.database, before, segments)
        [after] = await read_budgets(connection, 10, NOW)
    assert (before.sent, before.left) == (0, 10)
    assert (after.sent, after.left, after.council_code) == (2, 8, "E08000026")


def test_a_month_is_that_of_the_councils_clocks() -> None:
    # Half past midnight in London is still the day before in UTC in summer.
    assert month_of(datetime(2026, 7, 31, 23, 30, tzinfo=UTC), "Europe/London") == "2026-08"
