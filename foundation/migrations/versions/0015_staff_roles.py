"""Staff whose password somebody else made for them, and so knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "staff_accounts", sa.Column("password_is_given", sa.Boolean, nullable=False, server_default=sa.false())
    )
