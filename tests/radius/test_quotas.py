"""Sessions whose time has come are ended, each once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, councils, network_access_servers, residents
from foundation.settings import Settings
from radius import quotas
from radius.dynamic_authorization import Outcome, Result
from radius.packet import Code
from radius.policies.directory import PolicyDirectory
from radius.policies.usage import UsageDirectory
from radius.quotas import QuotaKeeper
from radius.server import RadiusServer
from tests.radius.equipment import Equipment, acknowledge
from tests.radius.policies.rows import add_policy, add_session, remove_policies
from tests.radius.support import City, build_city, insert, radius_settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AN_HOUR_AGO = NOON - timedelta(hours=1)


@dataclass
class Job:
    """A quota keeper, and what it asked equipment to end; ``result`` is what equipment does."""

    keeper: QuotaKeeper
    policies: PolicyDirectory
    ended: list[int] = field(default_factory=list)
    result: Result = Result.DISCONNECTED

    async def check(self, now: datetime = NOON) -> list[int]:
        """Which sessions were asked to end in this check."""
        await self.policies.refresh()
        self.ended.clear()
        await self.keeper.check(now)
        return sorted(self.ended)


def make_job(database: Database) -> Job:
    policies = PolicyDirectory(database, radius_settings())

    async def end(session_id: int) -> Outcome:
        job.ended.append(session_id)
        return Outcome(job.result, "as the test wants")

    job = Job(QuotaKeeper(database, policies, UsageDirectory(database), end), policies)
    return job


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


async def stop(database: Database, session_id: int) -> None:
    async with database.write() as connection:
        stopped = update(accounting_sessions).where(accounting_sessions.c.id == session_id)
        await connection.execute(stopped.values(stopped_at=NOON, ended_by="stop"))


async def test_sessions_of_a_resident_whose_day_is_used_up_are_ended(any_database: Database, city: City) -> None:
    job = make_job(any_database)
    await add_policy(any_database, city, daily_octets=10_000)
    other = await insert(
        any_database, residents, council_id=city.council_id, contact_kind="none", registered_at=NOON, last_seen_at=NOON
    )
    ended = {"stopped_at": NOON, "input_octets": 6_000}
    await add_session(any_database, city, AN_HOUR_AGO, **ended)
    first = await add_session(any_database, city, AN_HOUR_AGO, output_octets=4_000)
    second = await add_session(any_database, city, AN_HOUR_AGO)
    await add_session(any_database, city, AN_HOUR_AGO, resident_id=other, output_octets=9_999)
    await add_session(any_database, city, AN_HOUR_AGO, resident_id=None, output_octets=99_999)
    assert await job.check() == [first, second]


async def test_daily_time_is_counted_over_all_devices(any_database: Database, city: City) -> None:
    job = make_job(any_database)
    await add_policy(any_database, city, daily_seconds=7200)
    sessions = [await add_session(any_database, city, AN_HOUR_AGO) for _ in range(2)]
    assert await job.check(NOON - timedelta(seconds=1)) == []
    assert await job.check(NOON) == sessions


async def test_sessions_that_go_on_a_minute_after_closing_time_are_ended(any_database: Database, city: City) -> None:
    job = make_job(any_database)
    await add_policy(any_database, city, venue_id=city.venue_id, opens_at="08:00", closes_at="12:00")
    here = await add_session(any_database, city, AN_HOUR_AGO, resident_id=None, device_id=None)
    await add_session(any_database, city, AN_HOUR_AGO, venue_id=None)
    assert await job.check(NOON + timedelta(seconds=59)) == []
    assert await job.check(NOON + timedelta(minutes=1)) == [here]


async def test_a_session_is_judged_by_its_networks_and_its_residents_groups_policy(
    any_database: Database, city: City
) -> None:
    job = make_job(any_database)
    await add_policy(any_database, city, daily_octets=100)
    await add_policy(any_database, city, network_name="Secure", daily_octets=10_000)
    await add_policy(any_database, city, group_name="staff", daily_octets=0)
    await add_session(any_database, city, AN_HOUR_AGO, network_name="Secure")
    opened = await add_session(any_database, city, AN_HOUR_AGO, input_octets=100)
    assert await job.check() == [opened]
    async with any_database.write() as connection:
        await connection.execute(update(residents).values(group_name="staff"))
    assert await make_job(any_database).check() == []


@pytest.mark.parametrize("result", [Result.DISCONNECTED, Result.REFUSED])
async def test_equipment_that_answers_is_asked_once(any_database: Database, city: City, result: Result) -> None:
    job = make_job(any_database)
    job.result = result
    await add_policy(any_database, city, daily_octets=1)
    session = await add_session(any_database, city, AN_HOUR_AGO, input_octets=1)
    assert await job.check() == [session]
    for hours in range(1, 4):
        assert await job.check(NOON + timedelta(hours=hours)) == []


async def test_equipment_that_does_not_answer_is_asked_three_times_after_longer_and_longer_waits(
    database: Database, keyring: Keyring
) -> None:
    job = make_job(database)
    city = await build_city(database, keyring)
    job.result = Result.NO_ANSWER
    await add_policy(database, city, daily_octets=1)
    await add_session(database, city, AN_HOUR_AGO, input_octets=1)
    asked = [minute for minute in range(60) if await job.check(NOON + timedelta(minutes=minute))]
    assert asked == [0, 2, 6]


async def test_what_ended_is_forgotten(database: Database, keyring: Keyring) -> None:
    job = make_job(database)
    city = await build_city(database, keyring)
    await add_policy(database, city, daily_octets=1)
    session = await add_session(database, city, AN_HOUR_AGO, input_octets=1)
    await job.check()
    assert list(job.keeper._attempts) == [session]
    await stop(database, session)
    assert await job.check() == []
    assert job.keeper._attempts == {}


async def test_no_more_than_a_limit_is_remembered(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MOST_REMEMBERED", 3)
    job = make_job(database)
    city = await build_city(database, keyring)
    await add_policy(database, city, daily_octets=1)
    for _ in range(10):
        await add_session(database, city, AN_HOUR_AGO, input_octets=1)
    assert len(await job.check()) == 10
    assert len(job.keeper._attempts) == 3


async def test_a_check_ends_no_more_than_so_many_and_the_next_one_the_others(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MOST_PER_CHECK", 4)
    job = make_job(database)
    city = await build_city(database, keyring)
    await add_policy(database, city, daily_octets=1)
    sessions = [await add_session(database, city, AN_HOUR_AGO, input_octets=1) for _ in range(6)]
    assert await job.check() == sessions[:4]
    assert await job.check() == sessions[4:]
    assert await job.check() == []


async def test_another_councils_sessions_are_not_even_read(database: Database, keyring: Keyring) -> None:
    job = make_job(database)
    city = await build_city(database, keyring)
    elsewhere = await insert(database, councils, code="E08000025", name="Birmingham", created_at=NOON)
    await add_policy(database, replace(city, council_id=elsewhere), daily_octets=1)
    await add_session(database, city, AN_HOUR_AGO, input_octets=1)
    assert await job.check() == []


async def test_without_such_limits_sessions_are_not_even_read(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(database)
    city = await build_city(database, keyring)
    await add_policy(database, city, session_seconds=60, vlan=20, simultaneous_devices=1)
    await add_session(database, city, AN_HOUR_AGO)
    await job.policies.refresh()

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(database, "run", fail)
    assert await job.keeper.check(NOON) == 0
    monkeypatch.undo()
    await remove_policies(database)
    assert await job.check() == []


async def test_a_database_that_is_away_does_not_end_the_job(
    database: Database, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(database)
    checked = asyncio.Event()

    async def check(_: datetime) -> int:
        if not failures:
            checked.set()
            return 0
        raise failures.pop()

    failures: list[Exception] = [OSError("away"), TimeoutError()]
    monkeypatch.setattr(job.keeper, "check", check)
    task = asyncio.create_task(job.keeper.keep(0.01))
    async with asyncio.timeout(5):
        await checked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def total(reason: str, result: str) -> float:
    labels = {"reason": reason, "result": result}
    return REGISTRY.get_sample_value("citywifi_radius_quota_endings_total", labels) or 0.0


async def test_endings_are_counted_by_why_and_by_what_the_equipment_did(database: Database, keyring: Keyring) -> None:
    job = make_job(database)
    city = await build_city(database, keyring)
    before = total("daily_data_used_up", "disconnected")
    await add_policy(database, city, daily_octets=1)
    await add_session(database, city, AN_HOUR_AGO, input_octets=1)
    await job.check()
    assert total("daily_data_used_up", "disconnected") == before + 1
    assert REGISTRY.get_sample_value("citywifi_radius_quota_sessions_over") == 1


async def test_the_server_sends_the_equipment_a_disconnect_request(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    city = await build_city(database, keyring)
    with Equipment(acknowledge) as equipment:
        address = {"dynamic_authorization_host": "127.0.0.1", "dynamic_authorization_port": equipment.port}
        async with database.write() as connection:
            await connection.execute(update(network_access_servers).values(**address))
        await add_policy(database, city, daily_octets=1)
        await add_session(database, city, AN_HOUR_AGO, input_octets=1)
        server = RadiusServer(Runtime(Settings(data_directory=tmp_path, radius=radius_settings()), database, keyring))
        await server.policies.refresh()
        assert await server.quotas.check(NOON) == 1
        assert [request.code for request in equipment.requests] == [Code.DISCONNECT_REQUEST]
        assert await server.quotas.check(NOON) == 1
        assert len(equipment.requests) == 1
