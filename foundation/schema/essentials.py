"""Sites that can be opened before anybody is online, as a council changed the list that comes with us."""

from __future__ import annotations

from sqlalchemy import JSON, Column, String, Table, Text, UniqueConstraint

from foundation.database import UtcDateTime
from foundation.schema.metadata import council_id, metadata, primary_key

essential_sites = Table(
    "essential_sites",
    metadata,
    primary_key(),
    council_id(),
    # Of a site that comes with us, or the council's own, such as "coventry-gov-uk".
    Column("key", String(64), nullable=False),
    # In whose words it stands on the page: captive_portal/essentials/sites.py's Purpose.
    Column("purpose", String(16), nullable=False),
    Column("name", String(100), nullable=False),
    # Where the page's link leads.
    Column("address", String(400), nullable=False),
    # Names of hosts that the site needs besides that of its address, as a list.
    Column("hosts", JSON, nullable=False),
    # The council does not offer this one of those that come with us.
    Column("left_out_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("council_id", "key"),
)

essential_checks = Table(
    "essential_checks",
    metadata,
    primary_key(),
    council_id(),
    Column("key", String(64), nullable=False),
    Column("checked_at", UtcDateTime, nullable=False),
    # Why it could not be opened; null where it could.
    Column("problem", Text),
    # Names of hosts that it wanted and that are not in the list.
    Column("missing_hosts", JSON, nullable=False),
    UniqueConstraint("council_id", "key"),
)
