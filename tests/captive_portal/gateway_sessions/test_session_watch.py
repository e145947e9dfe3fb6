from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from captive_portal.errands.controllers import Controllers
from captive_portal.gateway_sessions.session_watch import Ending, check, judge
from captive_portal.gateways.base import Usage
from captive_portal.storage import sessions
from captive_portal.storage.sessions import EndedBy, OpenSession, Source, TerminateCause
from captive_portal.storage.watched import claim
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions
from foundation.settings import Settings
from radius.policies.effective import EffectivePolicy
from radius.policies.opening import Opening
from radius.policies.usage import NO_USAGE
from radius.policies.usage import Usage as UsedToday
from tests.captive_portal.conftest import City, build_city
from tests.captive_portal.storage.test_sessions import released
from tests.conftest import insert_council

BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEVICE = MacAddress.parse("02-00-00-00-00-01")
SESSION = OpenSession(
    id=1,
    anchored_at=BEGAN,
    council_id=1,
    nas_id=1,
    venue_id=None,
    resident_id=1,
    device_id=1,
    source=Source.API,
    started_at=BEGAN,
    updated_at=BEGAN + timedelta(minutes=5),
    access_until=None,
    network_name=None,
    user_name="t-one",
    calling_station_id=str(DEVICE),
)
POLICY = EffectivePolicy(
    session_seconds=14_400, idle_seconds=900, download_kilobits_per_second=1000, upload_kilobits_per_second=1000
)
IS_ON = {DEVICE: Usage()}


def look(
    after: timedelta,
    session: OpenSession = SESSION,
    policy: EffectivePolicy = POLICY,
    *,
    on_now: dict[MacAddress, Usage] | None = None,
    today: UsedToday = NO_USAGE,
) -> Ending | None:
    return judge(session, policy, UTC, today, on_now, BEGAN + after)


def test_a_session_goes_on_while_it_may() -> None:
    assert look(HOUR) is None
    assert look(HOUR, on_now=IS_ON) is None


def test_it_ends_when_its_time_is_over_at_that_moment() -> None:
    ending = look(5 * HOUR, on_now=IS_ON)
    assert ending == Ending(BEGAN + 4 * HOUR, EndedBy.STOP, TerminateCause.SESSION_TIMEOUT)


@pytest.mark.parametrize(
    ("right_ends", "session_ends"),
    [
        (timedelta(minutes=10), timedelta(minutes=10)),
        (timedelta(seconds=5), timedelta(minutes=1)),
        (9 * HOUR, 4 * HOUR),
    ],
    ids=["grace", "shortest", "later"],
)
def test_it_ends_when_the_right_to_be_on_does(right_ends: timedelta, session_ends: timedelta) -> None:
    ending = look(5 * HOUR, replace(SESSION, access_until=BEGAN + right_ends), on_now=IS_ON)
    assert ending is not None
    assert ending.stopped_at == BEGAN + session_ends


def test_a_gateway_that_reports_ends_is_given_time_to_say_what_was_used() -> None:
    reported = replace(SESSION, source=Source.AUTHMON)
    over = timedelta(seconds=POLICY.session_seconds)
    assert look(over + timedelta(minutes=2), reported) is None
    ending = look(over + timedelta(minutes=3), reported)
    assert ending is not None
    assert ending.stopped_at == BEGAN + over


def test_it_ends_at_closing_time_and_when_the_day_s_share_is_used_up() -> None:
    closed = replace(POLICY, opening=Opening.parse("08:00", "12:30"))
    limited = replace(POLICY, daily_octets=1000)
    for ending in (look(HOUR, policy=closed), look(HOUR, policy=limited, today=UsedToday(octets=1000))):
        assert ending == Ending(BEGAN + HOUR, EndedBy.STOP, TerminateCause.SESSION_TIMEOUT)
    assert look(HOUR, policy=limited, today=UsedToday(octets=999)) is None


def test_who_is_not_seen_is_given_the_idle_time() -> None:
    assert look(timedelta(minutes=19), on_now={}) is None
    ending = look(timedelta(minutes=20), on_now={})
    assert ending == Ending(SESSION.updated_at, EndedBy.LOST, TerminateCause.LOST_CARRIER)


def test_who_cannot_be_seen_is_not_missed() -> None:
    assert look(3 * HOUR, on_now=None) is None


@pytest.fixture
async def any_city(any_database: Database, keyring: Keyring, settings: Settings) -> City:
    return await build_city(Runtime(settings, any_database, keyring), await insert_council(any_database))


async def test_where_nobody_tells_who_is_on_a_session_lasts_as_long_as_was_granted(any_city: City) -> None:
    length = timedelta(seconds=any_city.runtime.settings.radius.session_timeout_seconds)
    controllers, began = Controllers(), datetime.now(UTC).replace(microsecond=0)
    owner = sessions.owner_of(await released(any_city), Source.BROWSER)
    async with any_city.database.write() as connection:
        await sessions.begin(connection, any_city.runtime.keyring, owner, began)
    for after in (HOUR, length + HOUR):
        await check(any_city.runtime, controllers, began + after)
        async with any_city.database.read() as connection:
            row = (await connection.execute(select(accounting_sessions))).one()
        assert row.session_seconds == min(after, length).total_seconds()
        assert row.stopped_at == (None if after < length else began + length)


async def test_one_process_at_a_time_looks(any_database: Database) -> None:
    interval = timedelta(seconds=30)
    assert await claim(any_database, BEGAN, interval)
    assert not await claim(any_database, BEGAN + interval / 2, interval)
    assert await claim(any_database, BEGAN + interval, interval)


def test_one_that_its_resident_had_erased_lasts_as_long_as_was_granted() -> None:
    erased = replace(SESSION, resident_id=None, device_id=None, user_name=None, calling_station_id=None)
    assert look(2 * HOUR, erased, on_now={}) is None
    ending = look(5 * HOUR, erased, on_now={})
    assert ending == Ending(BEGAN + 4 * HOUR, EndedBy.STOP, TerminateCause.SESSION_TIMEOUT)
