"""Gateways of every kind: which driver, an arrival address of their own, options; where a session is known from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("network_access_servers") as table:
        table.add_column(sa.Column("gateway_driver", sa.String(32)))
        table.add_column(sa.Column("arrival_key", sa.String(32)))
        table.add_column(sa.Column("gateway_options", sa.Text))
        table.create_unique_constraint("uq_network_access_servers_arrival_key", ["arrival_key"])
    # Not as a batch, which would write SQLite's largest table anew.
    op.add_column("accounting_sessions", sa.Column("source", sa.String(16), nullable=False, server_default="radius"))
