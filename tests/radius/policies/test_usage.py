"""What a resident used today, and which devices are on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.database import Database
from foundation.privacy import Keyring
from radius.policies.usage import Usage, UsageDirectory, device_key, sum_up
from tests.radius.policies.rows import add_session
from tests.radius.support import DEVICE, build_city

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
HERE = device_key(str(DEVICE), None)


def session(start: float, stop: float | None, octets: int = 0, updated: float | None = None, **more: Any) -> Any:
    """Hours after midnight."""
    at = {"started_at": start, "stopped_at": stop, "updated_at": updated if stop is None else stop}
    moments = {name: None if hours is None else MIDNIGHT + timedelta(hours=hours) for name, hours in at.items()}
    return SimpleNamespace(
        **{"id": 1, "octets": octets, "calling_station_id": str(DEVICE), "device_id": 2} | moments | more
    )


def test_a_session_of_today_counts_whole() -> None:
    assert sum_up([session(8, 9, 500)], MIDNIGHT, NOON) == Usage(3600, 500)


def test_of_a_session_that_began_yesterday_only_todays_part_counts() -> None:
    assert sum_up([session(-3, 1, 4000)], MIDNIGHT, NOON) == Usage(3600, 1000)


def test_an_open_session_counts_up_to_now_with_the_data_that_is_known() -> None:
    used = sum_up([session(-1, None, 4000, updated=3)], MIDNIGHT, NOON)
    assert used == Usage(12 * 3600, 3000, frozenset({HERE}))


def test_sessions_of_several_devices_add_up() -> None:
    used = sum_up([session(8, 9, 1), session(8, 9, 2, calling_station_id="02-00-5E-00-53-02")], MIDNIGHT, NOON)
    assert used == Usage(7200, 3)


def test_one_device_in_two_spellings_is_one_device() -> None:
    sessions = [
        session(8, None, updated=8, calling_station_id="02005e005301"),
        session(9, None, updated=9, calling_station_id="02-00-5E-00-53-01:CityWiFi"),
        session(9, None, updated=9, calling_station_id="0200.5e00.5302"),
    ]
    assert len(sum_up(sessions, MIDNIGHT, NOON).devices) == 2


def test_a_device_without_an_address_is_told_by_its_number_else_by_its_session() -> None:
    sessions = [
        session(8, None, updated=8, calling_station_id=None, device_id=5),
        session(8, None, updated=8, calling_station_id="a modem", device_id=None, id=77),
    ]
    assert sum_up(sessions, MIDNIGHT, NOON).devices == {"device 5", "session 77"}
    assert device_key(None, None) == ""


@given(st.lists(st.tuples(st.floats(-48, 12), st.none() | st.floats(-48, 12), st.integers(0, 2**62)), max_size=5))
def test_whatever_the_clocks_of_equipment_say_usage_is_never_negative_nor_more_than_was_counted(
    spans: list[tuple[float, float | None, int]],
) -> None:
    sessions = [session(start, stop, octets, updated=start) for start, stop, octets in spans]
    used = sum_up(sessions, MIDNIGHT, NOON)
    assert 0 <= used.seconds <= 12 * 3600 * len(spans)
    assert 0 <= used.octets <= sum(octets for _, _, octets in spans) * 1.001


async def test_the_database_tells_each_resident_their_own(any_database: Database, keyring: Keyring) -> None:
    city = await build_city(any_database, keyring)
    for start, stop, octets in ((-30, -29, 7), (-1, 1, 100), (8, 9, 10), (11, None, 1)):
        started = MIDNIGHT + timedelta(hours=start)
        stopped = None if stop is None else MIDNIGHT + timedelta(hours=stop)
        more = {"input_octets": octets, "output_octets": 2 * octets, "updated_at": stopped or started}
        await add_session(any_database, city, started, stopped_at=stopped, **more)
    usage = UsageDirectory(any_database)
    mine, nobodys, later = await asyncio.gather(
        usage.usage(city.resident_id, MIDNIGHT, NOON),
        usage.usage(city.resident_id + 1, MIDNIGHT, NOON),
        usage.usage(city.resident_id, MIDNIGHT + timedelta(hours=10), NOON),
    )
    assert mine == Usage(3 * 3600, 150 + 30 + 3, frozenset({HERE}))
    assert nobodys == Usage()
    assert later == Usage(3600, 3, frozenset({HERE}))


async def test_what_waits_is_asked_in_one_query(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, fetch = [], database.direct.fetch

    async def counted(*arguments: Any, **more: Any) -> Any:
        asked.append(arguments)
        return await fetch(*arguments, **more)

    monkeypatch.setattr(database.direct, "fetch", counted)
    usage = UsageDirectory(database)
    await asyncio.gather(*(usage.usage(number, MIDNIGHT, NOON) for number in range(200)))
    assert len(asked) == 1
