"""Ways in by venue, printed codes, texts, groups with a sponsor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not as batches, which would write the tables anew and lose their triggers on SQLite.
    op.add_column("councils", sa.Column("ways_in", sa.String(64)))
    op.add_column("councils", sa.Column("texts_per_month", sa.Integer))
    op.add_column("venues", sa.Column("ways_in", sa.String(64)))
    op.add_column("devices", sa.Column("access_until", UtcDateTime))
    op.add_column("devices", sa.Column("way_in", sa.String(16)))
    op.add_column("one_time_tokens", sa.Column("access_until", UtcDateTime))
    _vouchers()
    _sponsors()
    op.create_table(
        "way_attempts",
        *_own(),
        sa.Column("kind", sa.String(16), nullable=False),
        _reference("nas_id", "network_access_servers"),
        _reference("venue_id", "venues", nullable=True),
        sa.Column("mac_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_way_attempts_council_id_kind_at", "way_attempts", ["council_id", "kind", "at"])
    op.create_index("ix_way_attempts_at", "way_attempts", ["at"])
    op.create_table(
        "texts_sent",
        *_own(),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.UniqueConstraint("council_id", "month"),
    )


def _vouchers() -> None:
    op.create_table(
        "voucher_batches",
        *_own(),
        _reference("venue_id", "venues", nullable=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("devices_per_code", sa.Integer, nullable=False),
        sa.Column("access_seconds", sa.Integer),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("revoked_at", UtcDateTime),
        sa.UniqueConstraint("council_id", "name"),
    )
    op.create_index("ix_voucher_batches_expires_at", "voucher_batches", ["expires_at"])
    op.create_table(
        "vouchers",
        *_own(),
        _reference("batch_id", "voucher_batches", on_delete="CASCADE"),
        sa.Column("code_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.UniqueConstraint("council_id", "code_pseudonym"),
    )
    op.create_index("ix_vouchers_batch_id", "vouchers", ["batch_id"])
    op.create_table(
        "voucher_uses",
        *_own(),
        _reference("voucher_id", "vouchers", on_delete="CASCADE"),
        sa.Column("mac_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=False),
        sa.Column("access_until", UtcDateTime, nullable=False),
        sa.UniqueConstraint("voucher_id", "mac_pseudonym"),
    )


def _sponsors() -> None:
    op.create_table(
        "sponsors",
        *_own(),
        _reference("venue_id", "venues", nullable=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("code_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.Column("group_name", sa.String(64), nullable=False),
        sa.Column("most_devices", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        sa.Column("revoked_at", UtcDateTime),
        sa.UniqueConstraint("council_id", "name"),
        sa.UniqueConstraint("council_id", "code_pseudonym"),
    )
    op.create_index("ix_sponsors_expires_at", "sponsors", ["expires_at"])
    op.create_table(
        "sponsored_devices",
        *_own(),
        _reference("sponsor_id", "sponsors", on_delete="CASCADE"),
        _reference("device_id", "devices", on_delete="CASCADE"),
        sa.Column("joined_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("sponsor_id", "device_id"),
    )
    op.create_index("ix_sponsored_devices_device_id", "sponsored_devices", ["device_id"])


def _own() -> tuple[sa.Column[int], sa.Column[int]]:
    return sa.Column("id", Identifier, primary_key=True), _reference("council_id", "councils")


def _reference(name: str, target: str, *, nullable: bool = False, on_delete: str | None = None) -> sa.Column[int]:
    return sa.Column(name, Identifier, sa.ForeignKey(f"{target}.id", ondelete=on_delete), nullable=nullable)
