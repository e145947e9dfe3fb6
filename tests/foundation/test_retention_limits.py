from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from foundation.database import Database
from foundation.partitions import ensure_months
from foundation.retention_job import horizon, keep, last_run, oldest, own_horizons
from foundation.retention_limits import (
    BOUNDS,
    RetentionLimitError,
    check_limit,
    inherit_limit,
    limits_of,
    list_limits,
    own_limits,
    set_limit,
)
from foundation.schema import accounting_sessions, audit_events, councils, network_access_servers
from foundation.settings import RetentionSettings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = RetentionSettings()
REASON = "decided by the committee in October"


@pytest.fixture
async def two_councils(any_database: Database) -> dict[str, int]:
    """Numbers by name; each has a gateway of the same number."""
    numbers = {}
    async with any_database.write() as connection:
        for code, name in (("E08000026", "Coventry"), ("E08000025", "Birmingham")):
            row = councils.insert().values(code=code, name=name, created_at=NOW).returning(councils.c.id)
            numbers[name] = (await connection.execute(row)).scalar_one()
            await connection.execute(
                network_access_servers.insert().values(
                    council_id=numbers[name], name="Gateway", network=f"127.10.0.{len(numbers)}/32",
                    secret_encrypted=b"", vendor="generic", created_at=NOW, updated_at=NOW,
                )
            )  # fmt: skip
    return numbers


async def add_session(database: Database, council: int, age: timedelta) -> None:
    at = NOW - age
    await ensure_months(database, [at])
    async with database.write() as connection:
        await connection.execute(
            accounting_sessions.insert().values(
                council_id=council, session_key=f"{council}-{age.days}".encode().ljust(16), nas_id=council,
                acct_session_id="1", started_at=at, updated_at=at, received_at=at,
            )
        )  # fmt: skip


async def sessions_by_council(database: Database) -> list[int]:
    async with database.read() as connection:
        question = select(accounting_sessions.c.council_id).order_by(accounting_sessions.c.council_id)
        return list((await connection.execute(question)).scalars())


async def limit(database: Database, council: int, setting: str, value: int) -> None:
    async with database.write() as connection:
        await set_limit(connection, database, council, setting, value, REASON, NOW)


async def test_each_council_keeps_data_for_as_long_as_it_decided(
    any_database: Database, two_councils: dict[str, int]
) -> None:
    coventry, birmingham = two_councils.values()
    for council in two_councils.values():
        for days in (20, 100, 200, 300):
            await add_session(any_database, council, timedelta(days=days))
    await limit(any_database, coventry, "session_days", 30)
    await limit(any_database, birmingham, "session_days", 250)
    assert (await keep(any_database, LIMITS, NOW))["sessions"] == 4
    assert await sessions_by_council(any_database) == [coventry, birmingham, birmingham, birmingham]
    assert not any((await keep(any_database, LIMITS, NOW)).values())


async def test_what_may_be_missing_is_told_for_each_council_by_itself(
    any_database: Database, two_councils: dict[str, int]
) -> None:
    coventry, birmingham = two_councils.values()
    for council in two_councils.values():
        await add_session(any_database, council, timedelta(days=100))
    await limit(any_database, coventry, "session_days", 30)
    await keep(any_database, LIMITS, NOW)
    async with any_database.read() as connection:
        missing = await horizon(connection, accounting_sessions, coventry)
        assert missing is not None
        assert missing >= NOW - timedelta(days=30)
        assert await own_horizons(connection, accounting_sessions) == {coventry: missing}
        assert await horizon(connection, accounting_sessions, birmingham) is None
        assert await horizon(connection, accounting_sessions) is None


async def test_a_limit_is_taken_back(database: Database, council_id: int) -> None:
    await limit(database, council_id, "session_days", 30)
    await limit(database, council_id, "session_days", 40)
    async with database.write() as connection:
        [own] = await list_limits(connection, council_id)
        assert (own.setting, own.value, own.reason) == ("session_days", 40, REASON)
        assert (await limits_of(connection, LIMITS, council_id)).session_days == 40
        assert await inherit_limit(connection, council_id, "session_days")
        assert not await inherit_limit(connection, council_id, "session_days")
        assert await limits_of(connection, LIMITS, council_id) == LIMITS
        assert await own_limits(connection, LIMITS) == {}


def test_every_limit_of_the_settings_has_bounds() -> None:
    assert set(BOUNDS) == set(RetentionSettings.model_fields)
    for name, (shortest, longest) in BOUNDS.items():
        assert shortest <= getattr(LIMITS, name) <= longest


@pytest.mark.parametrize(
    ("setting", "value", "reason", "told"),
    [
        ("session_days", 367, REASON, "from 2 to 366"),
        ("session_days", 0, REASON, "from 2 to 366"),
        ("audit_days", 1, REASON, "from 90 to 2557"),
        ("session_days", 30, "why not", "a reason has"),
        ("everything", 30, REASON, "there is no limit 'everything'"),
    ],
)
def test_a_limit_has_bounds_and_a_reason(setting: str, value: int, reason: str, told: str) -> None:
    with pytest.raises(RetentionLimitError, match=told):
        check_limit(LIMITS, setting, value, reason)


def test_a_council_may_have_what_the_whole_installation_has() -> None:
    check_limit(RetentionSettings(session_days=400), "session_days", 400, REASON)


async def test_the_job_says_when_it_ran_and_what_each_council_has_oldest(database: Database, council_id: int) -> None:
    async with database.read() as connection:
        assert await last_run(connection) is None
    async with database.write() as connection:
        await connection.execute(audit_events.insert().values(at=NOW, actor="somebody", action="did", subject="it"))
        old = NOW - timedelta(days=8)
        values = {"council_id": council_id, "at": old, "actor": "somebody", "action": "did", "subject": "it"}
        await connection.execute(audit_events.insert().values(values))
    await keep(database, LIMITS, NOW)
    await keep(database, LIMITS, NOW - timedelta(hours=1))
    async with database.read() as connection:
        assert await last_run(connection) == NOW
    assert await oldest(database, council_id) == {"audit": old}
    assert await oldest(database, council_id + 1) == {}
