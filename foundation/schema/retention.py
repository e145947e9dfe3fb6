"""How long a council keeps data where that is not what the settings say, and what it may not delete for a case."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

retention_limits = Table(
    "retention_limits",
    metadata,
    primary_key(),
    council_id(),
    # Of the section retention, such as session_days; its name has the unit.
    Column("setting", String(32), nullable=False),
    Column("value", Integer, nullable=False),
    Column("reason", String(400), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "setting"),
)

# What is held is deleted neither by the retention job nor by its resident (foundation/holds.py says what that is).
holds = Table(
    "holds",
    metadata,
    primary_key(),
    council_id(),
    Column("case_number", String(64), nullable=False),
    # By office rather than by name, such as "Head of Legal Services".
    Column("authoriser", String(200), nullable=False),
    Column("reason", String(400), nullable=False),
    # One of three: a resident; a device, by Keyring.device_pseudonym; a venue from one moment to another.
    reference("resident_id", "residents", nullable=True, on_delete="SET NULL"),
    Column("mac_pseudonym", LargeBinary(16)),
    reference("venue_id", "venues", nullable=True),
    Column("held_from", UtcDateTime),
    Column("held_until", UtcDateTime),
    Column("placed_at", UtcDateTime, nullable=False),
    # It ends then by itself. Who ends it sooner moves this to the moment of doing so.
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "resident_id"),
    Index(None, "expires_at"),
)

# By which names lines of the log of authentications are of a resident or device that is held.
held_names = Table(
    "held_names",
    metadata,
    primary_key(),
    council_id(),
    reference("hold_id", "holds", on_delete="CASCADE"),
    # Keyring.pseudonym("user", …)
    Column("user_pseudonym", LargeBinary(16), nullable=False),
    UniqueConstraint("hold_id", "user_pseudonym"),
)

# What was held of a resident who had everything deleted, or changed it: nothing of ours but the hold leads to it.
held_records = Table(
    "held_records",
    metadata,
    primary_key(),
    council_id(),
    reference("hold_id", "holds", on_delete="CASCADE"),
    # Keyring.encrypt("held record", JSON): rows by table.
    Column("rows_encrypted", LargeBinary, nullable=False),
    Column("kept_at", UtcDateTime, nullable=False),
    # As the hold's.
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "hold_id"),
    Index(None, "expires_at"),
)
