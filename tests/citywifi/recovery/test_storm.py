"""A small storm against a real server: everybody gets on, and the database holds each confirmed record once."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from sqlalchemy import func, select

from citywifi.recovery import city as rows
from citywifi.recovery.errors import SimulationError
from citywifi.recovery.plan import Plan, arrivals, is_remembered
from citywifi.recovery.run import play, servers
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import councils, devices, metadata, one_time_tokens
from foundation.settings import RadiusSettings, Settings
from radius.server import running
from tests.radius.support import build_city, radius_settings
from tests.support.network import own_network
from tools.free_ports import free_ports

PLAN = Plan(
    access_points=20, people=5, spread_seconds=1, within_seconds=30, remembered_percent=60,
    network=IPv4Network(own_network()),
)  # fmt: skip


@pytest.fixture
async def runtime(any_database: Database, keyring: Keyring, tmp_path: Path) -> AsyncIterator[Runtime]:
    """A server on free ports, and a city of its own that must not be touched."""
    authentication, accounting = free_ports(2)
    radius = radius_settings(authentication_port=authentication, accounting_port=accounting)
    await build_city(any_database, keyring)
    runtime = Runtime(Settings(data_directory=tmp_path, radius=radius), any_database, keyring)
    async with running(runtime):
        yield runtime


async def counted(database: Database, table: object) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]  # any table


async def test_everybody_is_on_and_confirmed_records_are_stored_once(runtime: Runtime) -> None:
    before = {table.name: await counted(runtime.database, table) for table in metadata.sorted_tables}
    report = await play(runtime, PLAN)
    assert report.is_weathered, report
    assert (report.on, report.rejected, report.differences) == (100, 0, ())
    assert report.records_confirmed == {"Accounting-On": 20, "Start": 100}
    after = {table.name: await counted(runtime.database, table) for table in metadata.sorted_tables}
    # Whatever it wrote, and the server wrote of it, is gone; what tells of changes to the directory goes by itself.
    assert {name for name in before if before[name] != after[name]} <= {"directory_changes"}


async def test_sessions_can_be_played_to_their_stop(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citywifi.recovery.storm._INTERIM_SECONDS", (0.1, 0.2))
    monkeypatch.setattr("citywifi.recovery.storm._STOP_SECONDS", (1.0, 1.1))
    small = dataclasses.replace(PLAN, access_points=2, people=2, whole_sessions=True)
    report = await play(runtime, small)
    assert report.is_weathered, report
    assert report.records_confirmed == {"Accounting-On": 2, "Start": 4, "Interim-Update": 4, "Stop": 4}


async def test_the_rows_are_clearly_marked_and_can_be_left(any_database: Database, keyring: Keyring) -> None:
    await rows.build(any_database, keyring, PLAN, timedelta(minutes=2))
    async with any_database.read() as connection:
        found = (await connection.execute(select(councils.c.code, councils.c.name))).one()
    assert tuple(found) == ("SIMULATED", "Simulated: power returns")
    assert await counted(any_database, devices) == 100
    assert await counted(any_database, one_time_tokens) == 40
    assert await rows.remove(any_database)
    assert await counted(any_database, devices) == 0
    assert not await rows.remove(any_database)


def test_everybody_asks_after_their_access_point_started_and_within_the_spread() -> None:
    for arrival in arrivals(PLAN):
        assert 0 <= arrival.starts_at <= min(arrival.people_ask_at)
        assert max(arrival.people_ask_at) <= PLAN.spread_seconds


def test_the_same_seed_plays_the_same_storm() -> None:
    assert [*arrivals(PLAN)] == [*arrivals(PLAN)] != [*arrivals(dataclasses.replace(PLAN, seed=2))]


@pytest.mark.parametrize(("percent", "remembered"), [(0, 0), (60, 3), (70, 4), (100, 5)])
def test_so_many_of_an_access_points_people_are_remembered(percent: int, remembered: int) -> None:
    plan = dataclasses.replace(PLAN, remembered_percent=percent)
    assert sum(is_remembered(plan, person) for person in range(plan.people)) == remembered


def test_a_server_that_listens_everywhere_is_reached_by_loopback() -> None:
    settings = RadiusSettings(host="0.0.0.0", authentication_port=1, accounting_port=2)
    assert servers(settings) == (("127.0.0.1", 1), ("127.0.0.1", 2))


def test_an_ipv6_server_is_refused_because_loopback_has_one_address_there() -> None:
    with pytest.raises(SimulationError, match="IPv4 address for each access point"):
        servers(RadiusSettings(host="::1"))
