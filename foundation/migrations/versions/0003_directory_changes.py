"""Triggers tell of every change of those who may connect: by NOTIFY on PostgreSQL, in a table on SQLite.

Only columns count that an answer of ``radius.directory`` contains; so a resident who is seen again is no change. A new
row is none either, because what is not there is never remembered. Who is deleted with its owner has a trigger, too.
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
# Who follows reads them several times a second; who was away for longer asks anew for everything.
_KEPT_CHANGES = 10_000


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
    op.execute(
        "CREATE TRIGGER directory_changes_prune AFTER INSERT ON directory_changes BEGIN"
        f" DELETE FROM directory_changes WHERE id <= new.id - {_KEPT_CHANGES}; END"  # noqa: S608  our own number
    )
    for kind, table, columns in _WATCHED:
        tell = f"BEGIN INSERT INTO directory_changes (kind, row_id) VALUES ('{kind}', old.id); END"  # noqa: S608  our own name
        differs = " OR ".join(f"old.{column} IS NOT new.{column}" for column in columns)
        op.execute(
            f"CREATE TRIGGER {table}_tell_update AFTER UPDATE OF {', '.join(columns)} ON {table} WHEN {differs} {tell}"
        )
        op.execute(f"CREATE TRIGGER {table}_tell_delete AFTER DELETE ON {table} {tell}")


def _postgresql() -> None:
    op.execute(
        "CREATE FUNCTION tell_directory_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_notify('citywifi_directory', TG_ARGV[0] || ' ' || old.id); RETURN NULL; END $$"
    )
    for kind, table, columns in _WATCHED:
        differs = " OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in columns)
        tell = f"EXECUTE FUNCTION tell_directory_change('{kind}')"
        op.execute(
            f"CREATE TRIGGER {table}_tell_update AFTER UPDATE OF {', '.join(columns)} ON {table}"
            f" FOR EACH ROW WHEN ({differs}) {tell}"
        )
        op.execute(f"CREATE TRIGGER {table}_tell_delete AFTER DELETE ON {table} FOR EACH ROW {tell}")
