"""An installation of an earlier release is brought up to date, and keeps what it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from foundation import migrations
from foundation.database import Database, DatabaseError
from foundation.schema import accounting_restarts, authentications, credentials, network_access_servers

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
