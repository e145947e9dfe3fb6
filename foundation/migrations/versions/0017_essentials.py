"""Sites that can be opened before anybody is online."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "essential_sites",
        *_whose(),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("address", sa.String(400), nullable=False),
        sa.Column("hosts", sa.JSON, nullable=False),
        sa.Column("left_out_at", UtcDateTime),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("council_id", "key", name="uq_essential_sites_council_id_key"),
    )
    op.create_table(
        "essential_checks",
        *_whose(),
        sa.Column("checked_at", UtcDateTime, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("missing_hosts", sa.JSON, nullable=False),
        sa.UniqueConstraint("council_id", "key", name="uq_essential_checks_council_id_key"),
    )


def _whose() -> tuple[sa.Column[int], sa.Column[int], sa.Column[str]]:
    return (
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
    )
