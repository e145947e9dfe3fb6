"""Who did what to the installation, and what the installation is."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Index, String, Table

from foundation.database import UtcDateTime
from foundation.schema.metadata import metadata, primary_key, reference

audit_events = Table(
    "audit_events",
    metadata,
    primary_key(),
    # Null for what concerns the whole installation.
    reference("council_id", "councils", nullable=True),
    Column("at", UtcDateTime, nullable=False),
    # command line, console, retention …; never a resident.
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", JSON),
    Index(None, "at"),
)

# key_fingerprint: which key sealed this database. demo: "true" in a demo's database.
installation = Table(
    "installation",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String(400), nullable=False),
)
