"""Problems that residents reported, and short addresses to carry on in another browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "problem_reports",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("nas_id", Identifier, sa.ForeignKey("network_access_servers.id"), nullable=False),
        sa.Column("venue_id", Identifier, sa.ForeignKey("venues.id")),
        sa.Column("resident_id", Identifier, sa.ForeignKey("residents.id", ondelete="CASCADE")),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text_encrypted", sa.LargeBinary),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("finding", sa.String(24), nullable=False),
        sa.Column("reported_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_problem_reports_reported_at", "problem_reports", ["reported_at"])
    op.create_index("ix_problem_reports_resident_id", "problem_reports", ["resident_id"])
    op.create_table(
        "carry_on_addresses",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("journey_id", Identifier, sa.ForeignKey("journeys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("path_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.Column("path_encrypted", sa.LargeBinary, nullable=False),
        sa.Column("openings_left", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("path_pseudonym", name="uq_carry_on_addresses_path_pseudonym"),
        sa.UniqueConstraint("journey_id", name="uq_carry_on_addresses_journey_id"),
    )
    op.create_index("ix_carry_on_addresses_expires_at", "carry_on_addresses", ["expires_at"])
