"""Staff: accounts, roles by council, log-ins; residents who wait for their help."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staff_accounts",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("user_name", sa.String(64), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("code_key_encrypted", sa.LargeBinary, nullable=False),
        sa.Column("code_step", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("logged_in_at", UtcDateTime),
        sa.Column("disabled_at", UtcDateTime),
    )
    op.create_table(
        "staff_roles",
        sa.Column("id", Identifier, primary_key=True),
        _account_id(),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.UniqueConstraint("account_id", "council_id", "role", name="uq_staff_roles_account_id_council_id_role"),
    )
    op.create_table(
        "staff_sessions",
        sa.Column("id", Identifier, primary_key=True),
        _account_id(),
        sa.Column("token_pseudonym", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_staff_sessions_account_id", "staff_sessions", ["account_id"])
    op.create_index("ix_staff_sessions_expires_at", "staff_sessions", ["expires_at"])
    op.create_table(
        "help_requests",
        sa.Column("id", Identifier, primary_key=True),
        sa.Column("council_id", Identifier, sa.ForeignKey("councils.id"), nullable=False),
        sa.Column("journey_id", Identifier, sa.ForeignKey("journeys.id", ondelete="CASCADE"), nullable=False),
        sa.Column("venue_id", Identifier, sa.ForeignKey("venues.id")),
        sa.Column("number", sa.String(8), nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("council_id", "number", name="uq_help_requests_council_id_number"),
        sa.UniqueConstraint("journey_id", name="uq_help_requests_journey_id"),
    )
    op.create_index("ix_help_requests_expires_at", "help_requests", ["expires_at"])


def _account_id() -> sa.Column[int]:
    return sa.Column("account_id", Identifier, sa.ForeignKey("staff_accounts.id", ondelete="CASCADE"), nullable=False)
