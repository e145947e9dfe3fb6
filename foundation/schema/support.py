"""After a resident is online: problems that they reported, and short addresses to carry on in another browser."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

problem_reports = Table(
    "problem_reports",
    metadata,
    primary_key(),
    council_id(),
    reference("nas_id", "network_access_servers"),
    reference("venue_id", "venues", nullable=True),
    # So that it is theirs to see and to delete; null of whoever was not registered. Engineers are not shown it.
    reference("resident_id", "residents", nullable=True, on_delete="CASCADE"),
    # One of those that the form offers (foundation/problem_reports.py).
    Column("kind", String(16), nullable=False),
    # Keyring.encrypt("problem report", …): what they wrote, if anything.
    Column("text_encrypted", LargeBinary),
    # Where the resident was on their way (captive_portal/journey.py), and what the portal itself thought was wrong.
    Column("state", String(16), nullable=False),
    Column("finding", String(24), nullable=False),
    Column("reported_at", UtcDateTime, nullable=False),
    Index(None, "reported_at"),
    Index(None, "resident_id"),
)

# Addresses that can be typed, each of which leads to a journey for some minutes.
carry_on_addresses = Table(
    "carry_on_addresses",
    metadata,
    primary_key(),
    council_id(),
    # One at a time.
    reference("journey_id", "journeys", on_delete="CASCADE"),
    # Keyring.pseudonym("carry on", …) of the part that is typed, and Keyring.encrypt("carry on", …) of it.
    Column("path_pseudonym", LargeBinary(16), nullable=False, unique=True),
    Column("path_encrypted", LargeBinary, nullable=False),
    # A browser may ask twice for what it was given once.
    Column("openings_left", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("journey_id"),
    Index(None, "expires_at"),
)
