"""Sessions that a resident had erased while they were open: what comes of them later names nobody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not as a batch, which would write the table anew and lose its triggers on SQLite. PostgreSQL (from 11 on) stores
    # the default once, and passes it on to every partition.
    op.add_column("accounting_sessions", sa.Column("is_erased", sa.Boolean, nullable=False, server_default=sa.false()))
