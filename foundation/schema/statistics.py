"""Usage by hour and venue: no person in it, so it may be kept."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

hourly_usage = Table(
    "hourly_usage",
    metadata,
    primary_key(),
    council_id(),
    # Null for sessions at no known venue.
    reference("venue_id", "venues", nullable=True),
    Column("hour", UtcDateTime, nullable=False),
    # Sessions that began in this hour.
    Column("sessions", Integer, nullable=False),
    # Of all sessions, the part that fell into this hour.
    Column("session_seconds", BigInteger, nullable=False),
    Column("input_octets", BigInteger, nullable=False),
    Column("output_octets", BigInteger, nullable=False),
    Index(None, "council_id", "hour"),
)

job_progress = Table(
    "job_progress",
    metadata,
    Column("name", String(64), primary_key=True),
    # Everything received before this moment has been dealt with.
    Column("done_until", UtcDateTime, nullable=False),
)
