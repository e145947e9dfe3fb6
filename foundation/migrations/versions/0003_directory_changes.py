"""Triggers tell of every change of those who may connect: by NOTIFY on PostgreSQL, in a table on SQLite.

Only columns count that an answer of ``radius.directory`` contains; so a resident who is seen again is no change. A new
row is none either, because what is not there is never remembered; but for a credential, whose name may until now have
been taken for that of another one (with and without the realm).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WATCHED = (
    ("device", "devices", ("council_id", "mac_pseudonym", "resident_id", "remembered_until")),
    (
        "credential",
        "credentials",
        (
            "council_id",
            "user_name",
            "resident_id",
            "nt_hash_encrypted",
            "password_encrypted",
            "expires_at",
            "revoked_at",
        ),
    ),
    ("resident", "residents", ("group_name",)),
    ("council", "councils", ("code",)),
)


def upgrade() -> None:
    op.create_table(
        "directory_changes",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("row_id", sa.BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    # Who follows reads several times a second; who was away for longer than these last asks anew for everything.
    op.execute(
        "CREATE TRIGGER directory_changes_prune AFTER INSERT ON directory_changes BEGIN"
        " DELETE FROM directory_changes WHERE id <= new.id - 10000; END"
    )
    for kind, table, columns in _WATCHED:
        differs = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
        on_update = f"UPDATE OF {', '.join(columns)} ON {table} WHEN {differs}"
        op.execute(f"CREATE TRIGGER {table}_tell_update AFTER {on_update} {_into_table(kind, 'old')}")
        op.execute(f"CREATE TRIGGER {table}_tell_delete AFTER DELETE ON {table} {_into_table(kind, 'old')}")
    insert = _into_table("credential", "new")
    op.execute(f"CREATE TRIGGER credentials_tell_insert AFTER INSERT ON credentials {insert}")


def _into_table(kind: str, row: str) -> str:
    return f"BEGIN INSERT INTO directory_changes (kind, row_id) VALUES ('{kind}', {row}.id); END"  # noqa: S608  ours


def _postgresql() -> None:
    op.execute(
        "CREATE FUNCTION tell_directory_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_notify('citywifi_directory', TG_ARGV[0] || ' ' || coalesce(new.id, old.id)); RETURN NULL; END $$"
    )
    for kind, table, columns in _WATCHED:
        differs = " OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in columns)
        on_update = f"UPDATE OF {', '.join(columns)} ON {table} FOR EACH ROW WHEN ({differs})"
        op.execute(f"CREATE TRIGGER {table}_tell_update AFTER {on_update} {_by_notify(kind)}")
        op.execute(f"CREATE TRIGGER {table}_tell_delete AFTER DELETE ON {table} FOR EACH ROW {_by_notify(kind)}")
    on_insert = f"INSERT ON credentials FOR EACH ROW {_by_notify('credential')}"
    op.execute(f"CREATE TRIGGER credentials_tell_insert AFTER {on_insert}")


def _by_notify(kind: str) -> str:
    return f"EXECUTE FUNCTION tell_directory_change('{kind}')"
