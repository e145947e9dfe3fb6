"""An installation of an earlier release is brought up to date, and keeps what it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from foundation import migrations
from foundation.database import Database, DatabaseError
from foundation.schema import (
    accounting_restarts,
    accounting_sessions,
    authentications,
    credentials,
    dynamic_authorizations,
    network_access_servers,
    residents,
)
from tools.postgres import PostgresCluster

_numbers = count(1)
MOMENT = "2026-11-01 12:00:00"
# As the first release wrote them; a restart and a log line go when their NAS goes.
FIRST_RELEASE = (
    f"INSERT INTO councils (id, code, name, created_at) VALUES (1, 'E08000026', 'Coventry', '{MOMENT}')",
    *(
        "INSERT INTO network_access_servers (id, council_id, name, network, secret_encrypted, vendor,"
        f" require_message_authenticator, created_at, updated_at) VALUES ({number}, 1, 'gateway {number}',"
        f" '10.0.0.{number}/32', '', 'coovachilli', {required}, '{MOMENT}', '{MOMENT}')"
        for number, required in ((1, "true"), (2, "false"))
    ),
    "INSERT INTO accounting_restarts (id, council_id, nas_id, nas_identifier, restarted_at)"
    f" VALUES (1, 1, 1, 'hall', '{MOMENT}')",
    "INSERT INTO authentications (id, council_id, at, nas_id, method, accepted, reason, user_pseudonym, milliseconds)"
    f" VALUES (1, 1, '{MOMENT}', 1, 'pap', true, '', '', 1.5)",
    "INSERT INTO credentials (id, council_id, user_name, password_encrypted, created_at)"
    f" VALUES (1, 1, 'demo', '', '{MOMENT}')",
)


# As the second release wrote them: sessions of two months, one of them open, an order to end it, and the log.
SECOND_RELEASE = (
    FIRST_RELEASE[0],
    "INSERT INTO network_access_servers (id, council_id, name, network, secret_encrypted, vendor, created_at,"
    f" updated_at) VALUES (1, 1, 'gateway 1', '10.0.0.1/32', '', 'coovachilli', '{MOMENT}', '{MOMENT}')",
    "INSERT INTO residents (id, council_id, contact_kind, registered_at, last_seen_at)"
    f" VALUES (1, 1, 'none', '{MOMENT}', '{MOMENT}')",
    *(
        "INSERT INTO accounting_sessions (id, council_id, session_key, nas_id, resident_id, acct_session_id,"
        f" started_at, updated_at, received_at, input_octets) VALUES ({number}, 1, '{key}', 1, 1, '{key}', '{begin}',"
        f" '{begin}', '{begin}', {number})"
        for number, key, begin in ((4, "one", "2026-08-31 23:59:59"), (7, "two", "2026-09-01 00:00:00"))
    ),
    "INSERT INTO dynamic_authorizations (id, council_id, session_id, action, requested_at)"
    f" VALUES (1, 1, 7, 'disconnect', '{MOMENT}')",
    "INSERT INTO authentications (id, council_id, at, nas_id, method, accepted, reason, user_pseudonym, milliseconds)"
    f" VALUES (9, 1, '{MOMENT}', 1, 'pap', true, '', '', 1.5)",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without a table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    name = f"empty_{next(_numbers)}"
    cluster.execute(f"CREATE DATABASE {name}")
    return cluster.url(name)


@pytest.fixture
async def second_release(empty_url: str) -> AsyncIterator[Database]:
    database = Database(empty_url)
    await migrations.upgrade(database, "0002")
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
            await connection.execute(text("SELECT setval('accounting_sessions_id_seq', 7)"))
        for statement in SECOND_RELEASE:
            await connection.execute(text(statement.replace(":", r"\:")))
    yield database
    await database.close()


async def test_sessions_keep_their_numbers_and_are_anchored_at_their_start(second_release: Database) -> None:
    await migrations.upgrade(second_release)
    table = accounting_sessions.c
    async with second_release.read() as connection:
        found = (await connection.execute(select(accounting_sessions).order_by(table.id))).all()
        orders = (await connection.execute(select(dynamic_authorizations))).all()
        logins = (await connection.execute(select(authentications))).all()
    assert [(row.id, row.acct_session_id, row.resident_id, row.input_octets) for row in found] == [
        (4, "one", 1, 4),
        (7, "two", 1, 7),
    ]
    assert [row.anchored_at for row in found] == [row.started_at for row in found]
    assert [(row.input_octets_carried, row.output_octets_carried) for row in found] == [(0, 0), (0, 0)]
    assert [row.session_id for row in orders] == [7]
    assert [row.id for row in logins] == [9]


async def test_numbers_go_on_after_the_migration_and_a_session_id_can_be_used_again(second_release: Database) -> None:
    await migrations.upgrade(second_release)
    now = datetime.now(UTC)
    again = {
        "council_id": 1, "session_key": b"two", "nas_id": 1, "acct_session_id": "two", "started_at": now,
        "updated_at": now, "received_at": now,
    }  # fmt: skip
    async with second_release.write() as connection:
        row = accounting_sessions.insert().values(**again).returning(accounting_sessions.c.id)
        assert (await connection.execute(row)).scalar_one() == 8
    with pytest.raises(IntegrityError):
        async with second_release.write() as connection:
            await connection.execute(accounting_sessions.insert().values(**again))


async def test_erasing_a_resident_still_clears_the_sessions(second_release: Database) -> None:
    await migrations.upgrade(second_release)
    async with second_release.write() as connection:
        await connection.execute(residents.delete())
    async with second_release.read() as connection:
        assert set((await connection.execute(select(accounting_sessions.c.resident_id))).scalars()) == {None}


@pytest.fixture
async def first_release(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'first.sqlite3'}")
    await migrations.upgrade(database, "0001")
    async with database.write() as connection:
        for statement in FIRST_RELEASE:
            await connection.execute(text(statement))
    yield database
    await database.close()


async def test_what_refers_to_a_rebuilt_table_stays(first_release: Database) -> None:
    await migrations.upgrade(first_release)
    async with first_release.read() as connection:
        servers = (await connection.execute(select(network_access_servers))).all()
        restarts = (await connection.execute(select(accounting_restarts))).all()
        logins = (await connection.execute(select(authentications))).all()
        (credential,) = (await connection.execute(select(credentials))).all()
    assert [server.message_authenticator for server in servers] == ["require", "auto"]
    assert [(row.nas_id, row.nas_identifier) for row in restarts] == [(1, "hall")]
    assert [(row.nas_id, row.method, row.detail) for row in logins] == [(1, "pap", "")]
    assert (credential.user_name, credential.nt_hash_encrypted) == ("demo", None)


async def test_references_are_in_force_again_afterwards(first_release: Database) -> None:
    await migrations.upgrade(first_release)
    async with first_release.write() as connection:
        await connection.execute(text("DELETE FROM network_access_servers WHERE id = 1"))
    async with first_release.read() as connection:
        assert (await connection.execute(select(accounting_restarts))).all() == []


async def test_a_migration_that_would_break_references_changes_nothing(first_release: Database) -> None:
    with pytest.raises(DatabaseError, match="restore the database from a backup"):
        async with first_release.write_schema() as connection:
            await connection.execute(text("DELETE FROM councils"))
    async with first_release.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM councils"))).scalar_one() == 1
