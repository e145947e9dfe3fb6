"""Ways in by venue, printed codes, texts, groups with a sponsor."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
