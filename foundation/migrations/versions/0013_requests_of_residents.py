"""What residents ask of a council: complaints and access to their data; and what was disclosed to whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foundation.database import Identifier, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _requests()
    op.create_table(
        "request_events",
        *_own(),
        _reference("request_id", "information_requests", on_delete="CASCADE"),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("actor", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("text_encrypted", sa.LargeBinary),
    )
    op.create_index("ix_request_events_request_id", "request_events", ["request_id"])
    op.create_table(
        "request_codes",
        *_own(),
        _reference("request_id", "information_requests", on_delete="CASCADE"),
        sa.Column("contact_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.Column("code_pseudonym", sa.LargeBinary(16), nullable=False),
        sa.Column("attempts_left", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_request_codes_request_id", "request_codes", ["request_id"])
    op.create_index(
        "ix_request_codes_council_id_contact_pseudonym_created_at",
        "request_codes",
        ["council_id", "contact_pseudonym", "created_at"],
    )
    op.create_index("ix_request_codes_expires_at", "request_codes", ["expires_at"])
    op.create_table(
        "disclosures",
        *_own(),
        sa.Column("number", sa.String(16), nullable=False, unique=True),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("statute", sa.String(200), nullable=False),
        sa.Column("details_encrypted", sa.LargeBinary, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("decided_at", UtcDateTime),
        sa.Column("is_counted", sa.Boolean, nullable=False),
    )
    op.create_index("ix_disclosures_council_id_asked_at", "disclosures", ["council_id", "asked_at"])
    op.create_index("ix_disclosures_asked_at", "disclosures", ["asked_at"])


def _requests() -> None:
    op.create_table(
        "information_requests",
        *_own(),
        _reference("venue_id", "venues", nullable=True),
        sa.Column("number", sa.String(16), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("contact_encrypted", sa.LargeBinary),
        sa.Column("contact_pseudonym", sa.LargeBinary(16)),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("touched_at", UtcDateTime, nullable=False),
        sa.Column("acknowledged_at", UtcDateTime),
        sa.Column("contact_proved_at", UtcDateTime),
        sa.Column("identity_proved_at", UtcDateTime),
        sa.Column("waits_for", sa.String(16)),
        sa.Column("due_at", UtcDateTime),
        sa.Column("extended_at", UtcDateTime),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("outcome", sa.String(16)),
        sa.Column("gives_data", sa.Boolean, nullable=False),
        sa.Column("open_until", UtcDateTime),
    )
    for columns in (["council_id", "due_at"], ["council_id", "received_at"], ["council_id", "contact_pseudonym"]):
        op.create_index(f"ix_information_requests_{'_'.join(columns)}", "information_requests", columns)
    op.create_index("ix_information_requests_touched_at", "information_requests", ["touched_at"])


def _own() -> tuple[sa.Column[int], sa.Column[int]]:
    return sa.Column("id", Identifier, primary_key=True), _reference("council_id", "councils")


def _reference(name: str, target: str, *, nullable: bool = False, on_delete: str | None = None) -> sa.Column[int]:
    return sa.Column(name, Identifier, sa.ForeignKey(f"{target}.id", ondelete=on_delete), nullable=nullable)
