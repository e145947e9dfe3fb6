"""What accepted devices may do: limits of a council, a venue, a network and a group of residents."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key, reference

policies = Table(
    "policies",
    metadata,
    primary_key(),
    council_id(),
    # Where and for whom it counts; what is null or empty counts for all. The more exact of two policies wins,
    # limit by limit: group before network before venue before council.
    reference("venue_id", "venues", nullable=True),
    Column("network_name", String(32), nullable=False, server_default=""),
    Column("group_name", String(64), nullable=False, server_default=""),
    # The three in one text, because a null would make rows of one scope different.
    Column("scope", String(200), nullable=False),
    # Null everywhere below: this policy does not say; a less exact one or the setting does.
    # Local time of day, such as 08:00 and 22:30.
    Column("opens_at", String(5)),
    Column("closes_at", String(5)),
    Column("session_seconds", Integer),
    Column("idle_seconds", Integer),
    Column("daily_seconds", Integer),
    Column("daily_octets", BigInteger),
    Column("download_kilobits_per_second", Integer),
    Column("upload_kilobits_per_second", Integer),
    # How many devices of one resident may be on at the same time.
    Column("simultaneous_devices", Integer),
    Column("vlan", Integer),
    # The equipment's own name of a filter, access list or role.
    Column("filter_name", String(253)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "scope"),
)
