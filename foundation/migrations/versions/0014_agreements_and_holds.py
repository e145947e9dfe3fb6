"""Terms that changed materially, marketing apart from access, how long a council keeps data, and holds for a case."""

from __future__ import annotations

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
