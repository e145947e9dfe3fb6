"""Terms that changed materially, marketing apart from access, how long a council keeps data, and holds for a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Every version until now was asked for again. Not as a batch, which would write the table anew.
    op.add_column("terms_versions", sa.Column("is_material", sa.Boolean, nullable=False, server_default=sa.true()))
    _marketing()
    op.create_table(
        "retention_limits",
        *_own(),
        sa.Column("setting", sa.String(32), nullable=False),
        sa.Column("value", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("set_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("council_id", "setting"),
    )
    _holds()


def _marketing() -> None:
    op.create_table(
        "marketing_offers",
        *_own(),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("controller", sa.String(16), nullable=False),
        sa.Column("controller_name", sa.String(200), nullable=False),
        _reference("venue_id", "venues", nullable=True),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("published_at", UtcDateTime, nullable=False),
        sa.Column("closed_at", UtcDateTime),
        sa.UniqueConstraint("council_id", "version", "language"),
    )
    op.create_table(
        "marketing_consents",
        *_own(),
        _reference("resident_id", "residents", on_delete="CASCADE"),
        _reference("offer_id", "marketing_offers"),
        _reference("venue_id", "venues", nullable=True),
        sa.Column("given_at", UtcDateTime, nullable=False),
        sa.Column("withdrawn_at", UtcDateTime),
    )
    op.create_index("ix_marketing_consents_resident_id", "marketing_consents", ["resident_id"])
    op.create_index("ix_marketing_consents_offer_id", "marketing_consents", ["offer_id"])


def _holds() -> None:
    op.create_table(
        "holds",
        *_own(),
        sa.Column("case_number", sa.String(64), nullable=False),
        sa.Column("authoriser", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        _reference("resident_id", "residents", nullable=True, on_delete="SET NULL"),
        sa.Column("mac_pseudonym", sa.LargeBinary(16)),
        _reference("venue_id", "venues", nullable=True),
        sa.Column("held_from", UtcDateTime),
        sa.Column("held_until", UtcDateTime),
        sa.Column("placed_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_holds_resident_id", "holds", ["resident_id"])
    op.create_index("ix_holds_expires_at", "holds", ["expires_at"])
    op.create_table(
        "held_names",
        *_own(),
        _reference("hold_id", "holds", on_delete="CASCADE"),
        sa.Column("user_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.UniqueConstraint("hold_id", "user_pseudonym"),
    )
    op.create_table(
        "held_records",
        *_own(),
        _reference("hold_id", "holds", on_delete="CASCADE"),
        sa.Column("rows_encrypted", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_held_records_hold_id", "held_records", ["hold_id"])
    op.create_index("ix_held_records_expires_at", "held_records", ["expires_at"])


def _own() -> tuple[sa.Column[int], sa.Column[int]]:
    return sa.Column("id", Identifier, primary_key=True), _reference("council_id", "councils")


def _reference(name: str, target: str, *, nullable: bool = False, on_delete: str | None = None) -> sa.Column[int]:
    return sa.Column(name, Identifier, sa.ForeignKey(f"{target}.id", ondelete=on_delete), nullable=nullable)
