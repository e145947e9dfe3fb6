"""Keys of the open API: whose, for what, and how often; tokens by which residents' programs read their own data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("key_pseudonym", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("scopes", sa.String(200), nullable=False),
        sa.Column("requests_per_minute", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
        sa.UniqueConstraint("council_id", "name", name="uq_api_keys_council_id_name"),
    )
    op.create_table(
        "resident_tokens",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("resident_id", Identifier, sa.ForeignKey("residents.id", ondelete="CASCADE"), nullable=False),
        sa.Column("journey_id", Identifier, sa.ForeignKey("journeys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token_pseudonym", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("may_delete", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
    for column in ("resident_id", "journey_id", "expires_at"):
        op.create_index(f"ix_resident_tokens_{column}", "resident_tokens", [column])
