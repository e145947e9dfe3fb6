from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, Table, func, select, update
from sqlalchemy.schema import ForeignKeyConstraint

from foundation.database import Database
from foundation.partitions import ensure_months
from foundation.retention import RULES, Action
from foundation.retention_job import horizon, keep, oldest
from foundation.schema import (
    access_points,
    accounting_sessions,
    agreements,
    api,
    audit_events,
    authentications,
    councils,
    credentials,
    devices,
    information_rights,
    journeys,
    metadata,
    network_access_servers,
    one_time_tokens,
    people,
    residents,
    retention,
    sessions,
    staff,
    support,
    terms_acceptances,
    terms_versions,
    verification_codes,
    ways_in,
)
from foundation.settings import RetentionSettings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = RetentionSettings()


def test_every_table_about_people_or_sessions_has_a_rule() -> None:
    rooms = (agreements, api, information_rights, people, retention, sessions, staff, support, ways_in)
    about_people = {table for room in rooms for table in vars(room).values() if isinstance(table, Table)}
    assert {table.name for table in about_people | {audit_events}} == {rule.table.name for rule in RULES}
    assert about_people <= set(metadata.tables.values())


def test_no_table_elsewhere_refers_to_a_person() -> None:
    personal = {residents, devices}
    referring = {
        table
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint) and constraint.referred_table in personal
    }
    assert referring <= {rule.table for rule in RULES}


def test_what_is_to_go_with_its_owner_does() -> None:
    for rule in RULES:
        if rule.action is Action.WITH_OWNER:
            assert "CASCADE" in {key.ondelete for key in rule.table.foreign_keys}


def test_a_rule_that_takes_away_says_when_and_one_that_clears_says_what() -> None:
    for rule in RULES:
        takes_away = rule.action in (Action.DELETE, Action.CLEAR)
        assert takes_away == (rule.clock is not None) == (rule.age is not None)
        assert (rule.action is Action.CLEAR) == bool(rule.cleared)
        assert all(isinstance(column, Column) for column in rule.cleared)
        assert all(column.nullable for column in rule.cleared)


class Installation:
    """One council, one gateway, and rows as old as a test wants."""

    def __init__(self, database: Database, council: int, nas: int) -> None:
        self.database, self.council, self.nas = database, council, nas

    async def add(self, table: Table, **values: object) -> int:
        await ensure_months(self.database, [moment for moment in values.values() if isinstance(moment, datetime)])
        async with self.database.write() as connection:
            result = await connection.execute(table.insert().values(council_id=self.council, **values))
        assert result.inserted_primary_key is not None
        return int(result.inserted_primary_key[0])

    async def add_resident(self, age: timedelta) -> int:
        return await self.add(residents, contact_kind="none", registered_at=NOW - age, last_seen_at=NOW - age)

    async def add_session(self, age: timedelta, **more: object) -> int:
        at = NOW - age
        return await self.add(
            accounting_sessions, session_key=f"{age}".encode()[-16:], nas_id=self.nas, acct_session_id="1",
            user_name="somebody", calling_station_id="02-11-22-33-44-55", framed_ip_address="10.0.0.1",
            started_at=at, updated_at=at, received_at=at, **more,
        )  # fmt: skip

    async def number(self, table: Table) -> int:
        async with self.database.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


@pytest.fixture
async def installation(any_database: Database) -> Installation:
    async with any_database.write() as connection:
        row = councils.insert().values(code="E08000026", name="Coventry", created_at=NOW)
        council = (await connection.execute(row.returning(councils.c.id))).scalar_one()
        nas = await connection.execute(
            network_access_servers.insert().values(
                council_id=council, name="Gateway", network="127.10.0.1/32", secret_encrypted=b"", vendor="generic",
                created_at=NOW, updated_at=NOW,
            ).returning(network_access_servers.c.id)
        )  # fmt: skip
    return Installation(any_database, council, nas.scalar_one())


async def test_what_names_a_device_is_cleared_soon_and_the_session_stays(installation: Installation) -> None:
    await installation.add_session(timedelta(hours=25))
    await installation.add_session(timedelta(hours=23))
    counts = await keep(installation.database, LIMITS, NOW)
    assert {name: count for name, count in counts.items() if count} == {"raw identifiers": 1}
    table = accounting_sessions.c
    question = select(table.user_name, table.calling_station_id, table.framed_ip_address).order_by(table.received_at)
    async with installation.database.read() as connection:
        old, young = (await connection.execute(question)).all()
    assert tuple(old) == (None, None, None)
    assert young.calling_station_id is not None


async def test_doing_it_again_changes_nothing_and_every_removal_is_in_the_audit(installation: Installation) -> None:
    await installation.add_session(timedelta(days=181))
    assert (await keep(installation.database, LIMITS, NOW))["sessions"] == 1
    assert not any((await keep(installation.database, LIMITS, NOW)).values())
    async with installation.database.read() as connection:
        (event,) = (await connection.execute(select(audit_events))).all()
    assert (event.actor, event.detail["sessions"]) == ("retention", 1)


async def test_it_works_in_batches_until_nothing_is_left(installation: Installation) -> None:
    for number in range(7):
        await installation.add_session(timedelta(days=190 + number))
    assert (await keep(installation.database, LIMITS, NOW, batch_rows=3))["sessions"] == 7
    assert await installation.number(accounting_sessions) == 0


async def test_deleting_sessions_leaves_word_of_what_is_missing(installation: Installation) -> None:
    async with installation.database.read() as connection:
        assert await horizon(connection, accounting_sessions) is None
    await installation.add_session(timedelta(days=181))
    await keep(installation.database, LIMITS, NOW)
    async with installation.database.read() as connection:
        missing_until = await horizon(connection, accounting_sessions)
    assert missing_until is not None
    assert missing_until > NOW - timedelta(days=180)


async def test_a_resident_who_was_not_seen_for_long_goes_with_all_that_is_theirs(installation: Installation) -> None:
    resident = await installation.add_resident(timedelta(days=366))
    device = await installation.add(
        devices, resident_id=resident, mac_pseudonym=b"m" * 16, randomised=True, created_at=NOW, last_seen_at=NOW
    )
    terms = await installation.add(terms_versions, version=1, language="en", text="…", published_at=NOW)
    await installation.add(terms_acceptances, resident_id=resident, terms_version_id=terms, accepted_at=NOW)
    await installation.add_session(timedelta(days=170), device_id=None)
    assert (await keep(installation.database, LIMITS, NOW))["residents"] == 1
    assert device
    assert [await installation.number(table) for table in (residents, devices, terms_acceptances)] == [0, 0, 0]
    assert [await installation.number(table) for table in (terms_versions, accounting_sessions)] == [1, 1]


async def test_a_resident_with_a_recent_session_stays_however_long_ago_they_signed_up(
    installation: Installation,
) -> None:
    resident = await installation.add_resident(timedelta(days=400))
    await installation.add_session(timedelta(days=3), resident_id=resident)
    assert (await keep(installation.database, LIMITS, NOW))["residents"] == 0


async def test_sign_ups_that_were_left_unfinished_go_after_a_day(installation: Installation) -> None:
    async def add_journey(age: timedelta, path: bytes) -> int:
        at = NOW - age
        return await installation.add(
            journeys, path_pseudonym=path * 16, nas_id=installation.nas, mac_pseudonym=b"m" * 16, state="verify",
            language="en", details_encrypted=b"sealed", created_at=at, updated_at=at, expires_at=at,
        )  # fmt: skip

    async def add_code(journey: int, age: timedelta) -> None:
        await installation.add(
            verification_codes, journey_id=journey, nas_id=installation.nas, contact_pseudonym=b"c" * 16,
            mac_pseudonym=b"m" * 16, code_pseudonym=b"d" * 16, attempts_left=5, created_at=NOW, expires_at=NOW - age,
        )  # fmt: skip

    await add_journey(timedelta(hours=25), b"a")
    fresh = await add_journey(timedelta(hours=1), b"b")
    await add_code(fresh, timedelta(hours=30))
    counts = await keep(installation.database, LIMITS, NOW)
    assert (counts["journeys"], counts["verification codes"]) == (1, 1)
    assert await installation.number(journeys) == 1


async def test_tokens_credentials_and_logs_go_when_their_time_is_over(installation: Installation) -> None:
    resident = await installation.add_resident(timedelta(0))
    device = await installation.add(
        devices, resident_id=resident, mac_pseudonym=b"m" * 16, randomised=False, created_at=NOW, last_seen_at=NOW
    )
    for number, age in enumerate((timedelta(hours=1), timedelta(hours=25))):
        await installation.add(
            one_time_tokens, user_name=f"t{number}", resident_id=resident, device_id=device, nas_id=installation.nas,
            created_at=NOW - age, expires_at=NOW - age,
        )  # fmt: skip
    for number, expired in enumerate((None, NOW - timedelta(days=91), NOW + timedelta(days=1))):
        await installation.add(
            credentials, user_name=f"c{number}", password_encrypted=b"", created_at=NOW, expires_at=expired
        )
    await installation.add(
        credentials, user_name="revoked", password_encrypted=b"", created_at=NOW, revoked_at=NOW - timedelta(days=91)
    )
    for days in (89, 91):
        await installation.add(
            authentications, at=NOW - timedelta(days=days), nas_id=installation.nas, method="pap", accepted=False,
            reason="…", user_pseudonym=b"u" * 16, milliseconds=1,
        )  # fmt: skip
    await installation.add(
        audit_events, at=NOW - timedelta(days=731), actor="console", action="end session", subject="session 1"
    )
    counts = await keep(installation.database, LIMITS, NOW)
    removed = {name: count for name, count in counts.items() if count}
    assert removed == {
        "authentications": 1, "one-time tokens": 1, "expired credentials": 1, "revoked credentials": 1, "audit": 1,
    }  # fmt: skip


async def test_equipment_is_not_personal_and_stays(installation: Installation) -> None:
    await installation.add(
        access_points, nas_id=installation.nas, name="1", mac_address="00005e005301", created_at=NOW,
        last_heard_at=NOW - timedelta(days=9000),
    )  # fmt: skip
    await keep(installation.database, LIMITS, NOW)
    assert await installation.number(access_points) == 1


async def test_the_oldest_record_of_each_rule_can_be_told(installation: Installation) -> None:
    assert await oldest(installation.database) == {}
    await installation.add_session(timedelta(days=3))
    async with installation.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(user_name=None, calling_station_id=None))
    ages = await oldest(installation.database)
    assert ages["sessions"] == ages["raw identifiers"] == NOW - timedelta(days=3)
