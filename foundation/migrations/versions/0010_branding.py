"""How a council and a venue look: name, colour, logo."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not as batches, which would write the tables anew and lose their triggers on SQLite.
    op.add_column("councils", sa.Column("branding", sa.Text))
    op.add_column("venues", sa.Column("branding", sa.Text))
    op.create_table(
        "logos",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("council_id", "digest"),
    )
    op.create_index("ix_logos_digest", "logos", ["digest"])
