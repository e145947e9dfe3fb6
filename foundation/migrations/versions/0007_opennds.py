"""What openNDS gateways come for: devices to let on, and whether they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "polled_grants",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("nas_id", Identifier, sa.ForeignKey("network_access_servers.id"), nullable=False),
        sa.Column("journey_id", Identifier, sa.ForeignKey("journeys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("reference", sa.String(64), nullable=False),
        sa.Column("session_seconds", sa.Integer),
        sa.Column("octets", sa.BigInteger),
        sa.Column("download_kilobits_per_second", sa.Integer),
        sa.Column("upload_kilobits_per_second", sa.Integer),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("nas_id", "reference"),
    )
    op.create_index("ix_polled_grants_journey_id", "polled_grants", ["journey_id"])
    op.create_index("ix_polled_grants_expires_at", "polled_grants", ["expires_at"])
