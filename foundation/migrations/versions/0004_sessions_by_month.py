"""Sessions are told apart by their start, too; on PostgreSQL a partition a month; what journals have delivered."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from foundation.database import UtcDateTime
from foundation.partitions import MONTHS_AHEAD, Month, create_months

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

_CARRIED = ("input_octets_carried", "output_octets_carried")
_SESSION_REFERENCES = (
    ("council_id", "councils", None),
    ("nas_id", "network_access_servers", None),
    ("access_point_id", "access_points", None),
    ("venue_id", "venues", None),
    ("resident_id", "residents", "SET NULL"),
    ("device_id", "devices", "SET NULL"),
)
_LOG_REFERENCES = (
    ("council_id", "councils", None),
    ("nas_id", "network_access_servers", "CASCADE"),
    ("venue_id", "venues", None),
)

_INDEXES = (
    ("accounting_sessions", ["council_id", "started_at"]),
    ("accounting_sessions", ["received_at"]),
    ("accounting_sessions", ["stopped_at", "nas_id"]),
    ("accounting_sessions", ["device_id", "started_at"]),
    ("accounting_sessions", ["resident_id"]),
    ("authentications", ["council_id", "at"]),
)


def upgrade() -> None:
    op.create_table(
        "journal_deliveries",
        sa.Column("journal", sa.String(64), primary_key=True),
        sa.Column("delivered_until", sa.BigInteger, nullable=False),
    )
    with op.batch_alter_table("dynamic_authorizations") as table:
        table.drop_constraint("fk_dynamic_authorizations_session_id", type_="foreignkey")
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    with op.batch_alter_table("accounting_sessions") as table:
        table.add_column(sa.Column("anchored_at", UtcDateTime))
        table.add_column(sa.Column("start_is_known", sa.Boolean, nullable=False, server_default=sa.true()))
        for name in _CARRIED:
            table.add_column(sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE accounting_sessions SET anchored_at = started_at")
    with op.batch_alter_table("accounting_sessions") as table:
        table.alter_column("anchored_at", existing_type=UtcDateTime, nullable=False)
        table.drop_constraint("uq_accounting_sessions_session_key", type_="unique")
        table.create_unique_constraint("uq_accounting_sessions_session_key_anchored_at", ["session_key", "anchored_at"])


def _postgresql() -> None:
    """A table cannot be made partitioned: a new one takes its name, its rows and the sequence of its numbers."""
    carried = "".join(f", {name} bigint NOT NULL DEFAULT 0" for name in _CARRIED)
    columns = f", anchored_at timestamptz NOT NULL, start_is_known boolean NOT NULL DEFAULT true{carried}"
    _renew("accounting_sessions", "anchored_at", columns, "started_at")
    _renew("authentications", "at", "", "at")
    op.create_unique_constraint(
        "uq_accounting_sessions_session_key_anchored_at", "accounting_sessions", ["session_key", "anchored_at"]
    )
    for name, references in (("accounting_sessions", _SESSION_REFERENCES), ("authentications", _LOG_REFERENCES)):
        for column, target, on_delete in references:
            op.create_foreign_key(f"fk_{name}_{column}", name, target, [column], ["id"], ondelete=on_delete)
    for name, indexed in _INDEXES:
        op.create_index(f"ix_{name}_{'_'.join(indexed)}", name, indexed)


def _renew(table: str, moment: str, more_columns: str, moment_before: str) -> None:
    """The table anew, partitioned by ``moment``, with its rows; what had no such column takes another's value."""
    connection = op.get_bind()
    before = f"{table}_before"
    op.rename_table(table, before)
    op.execute(f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS{more_columns}) PARTITION BY RANGE ({moment})")
    old = sa.table(before, sa.column(moment_before))
    month = sa.func.date_trunc("month", sa.func.timezone("UTC", old.c[moment_before]))
    months = {
        Month.of(found.replace(tzinfo=UTC)) for found in connection.execute(sa.select(month).distinct()).scalars()
    }
    months |= {Month.of(datetime.now(UTC)).later(number) for number in range(MONTHS_AHEAD + 1)}
    create_months(connection, months, only=table)
    names = [column["name"] for column in sa.inspect(connection).get_columns(before)]
    target, source = (names, names) if moment in names else ([*names, moment], [*names, moment_before])
    columns: list[sa.ColumnClause[object]] = [sa.column(name) for name in source]
    rows = sa.select(*columns).select_from(sa.table(before)).order_by(sa.column("id"))
    op.execute(sa.table(table, *(sa.column(name) for name in target)).insert().from_select(target, rows))
    op.execute(f"ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id")
    op.drop_table(before)
    op.create_primary_key(f"pk_{table}", table, ["id", moment])
