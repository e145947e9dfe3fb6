"""Sessions are told apart by their start, too; on PostgreSQL a partition a month; what journals have delivered."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from foundation.database import UtcDateTime
from foundation.partitions import MONTHS_AHEAD, Month, create_months

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CARRIED = ("input_octets_carried", "output_octets_carried")
_IS_OPEN = sa.text("stopped_at IS NULL")
_IS_NAMED = sa.text("user_name IS NOT NULL OR calling_station_id IS NOT NULL OR framed_ip_address IS NOT NULL")
# Nobody asks by them any more, or others do better.
_OLD_INDEXES = (
    ("accounting_sessions", "ix_accounting_sessions_council_id_started_at"),
    ("accounting_sessions", "ix_accounting_sessions_stopped_at_nas_id"),
    ("accounting_sessions", "ix_accounting_sessions_device_id_started_at"),
    ("authentications", "ix_authentications_council_id_at"),
)


def upgrade() -> None:
    op.create_table(
        "journal_deliveries",
        sa.Column("journal", sa.String(64), primary_key=True),
        sa.Column("delivered_until", sa.BigInteger, nullable=False),
    )
    with op.batch_alter_table("dynamic_authorizations") as table:
        table.drop_constraint("fk_dynamic_authorizations_session_id", type_="foreignkey")
    op.drop_index("ix_dynamic_authorizations_session_id", "dynamic_authorizations")
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()
    op.create_index(
        "ix_accounting_sessions_open",
        "accounting_sessions",
        ["nas_id"],
        postgresql_where=_IS_OPEN,
        sqlite_where=_IS_OPEN,
    )
    op.create_index(
        "ix_accounting_sessions_named",
        "accounting_sessions",
        ["id"],
        postgresql_where=_IS_NAMED,
        sqlite_where=_IS_NAMED,
    )
    op.create_index("ix_accounting_sessions_device_id", "accounting_sessions", ["device_id"])
    op.create_index("ix_authentications_at", "authentications", ["at"])


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
    for name, index in _OLD_INDEXES:
        op.drop_index(index, name)


def _postgresql() -> None:
    """A table cannot be made partitioned: a new one takes its name, its rows and the sequence of its numbers."""
    carried = "".join(f", {name} bigint NOT NULL DEFAULT 0" for name in _CARRIED)
    columns = f", anchored_at timestamptz NOT NULL, start_is_known boolean NOT NULL DEFAULT true{carried}"
    _renew("accounting_sessions", "anchored_at", columns, "started_at")
    _renew("authentications", "at", "", "at")
    op.create_unique_constraint(
        "uq_accounting_sessions_session_key_anchored_at", "accounting_sessions", ["session_key", "anchored_at"]
    )
    # Of the references those to a person are kept: erasing one must clear them.
    for column, target in (("resident_id", "residents"), ("device_id", "devices")):
        name = f"fk_accounting_sessions_{column}"
        op.create_foreign_key(name, "accounting_sessions", target, [column], ["id"], ondelete="SET NULL")
    op.create_index("ix_accounting_sessions_resident_id", "accounting_sessions", ["resident_id"])
    op.create_index(
        "ix_accounting_sessions_received_at",
        "accounting_sessions",
        ["received_at"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32, "autosummarize": True},
    )


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
